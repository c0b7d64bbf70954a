//! From the messages of one stream to the frames that its viewers get.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sightline_proto::Codec;

use super::{
    Frame, Hub, Media,
    asking::Asking,
    backlog::Late,
    frame::{Forms, is_ordered},
    intake::{Accepted, Intake},
    media::{Config, Placer},
    stream::Stream,
};
use crate::{
    clock::wall_us,
    directory::Directory,
    metrics::{Arrivals, Drop, seconds},
};

/// Makes frames of what comes, counts them, and hands them to the stream.
#[derive(Debug)]
pub(super) struct Receiver {
    stream: Arc<Stream>,
    directory: Directory,
    intake: Intake,
    placer: Placer,
    asking: Asking,
    arrivals: Arrivals,
    /// The number of the newest frame.
    number: u64,
}

/// What a message led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A picture.
    Picture,
    /// A frame that is held, or nothing.
    Other,
    /// Nothing can be shown before the next key frame, which it is time to ask for.
    KeyNeeded,
}

impl Receiver {
    pub(super) fn new(hub: &Hub, stream: Arc<Stream>) -> Self {
        Self {
            directory: hub.0.directory.clone(),
            intake: Intake::new(&stream.name.stream),
            placer: Placer::default(),
            asking: Asking::default(),
            arrivals: hub.0.metrics.arrivals(&stream.name.camera),
            number: stream.latest().map_or(0, |frame| frame.number),
            stream,
        }
    }

    /// So many messages were lost because this relay was too slow.
    pub(super) fn lost(&self, count: u64) {
        self.arrivals.dropped(Drop::Lost, count);
    }

    /// A viewer needs a key frame. Says whether the camera is to be asked for one now.
    pub(super) fn may_ask(&mut self, now: Duration) -> bool {
        self.asking.wanted(now)
    }

    /// Whether pictures pile up on their way, and it is time to say so.
    pub(super) fn piles_up(&mut self, now: Duration) -> Option<Late> {
        self.intake.piles_up(now)
    }

    pub(super) fn asked_for_key(&self) {
        self.arrivals.keys_requested.inc();
    }

    /// Takes in the next message, which came at `now`.
    pub(super) fn take(&mut self, payload: Bytes, now: Duration) -> Received {
        let arrivals = &self.arrivals;
        let mut waits = false;
        let accepted = self.intake.take(payload, now, |reason| {
            waits |= reason == Drop::WaitingForKey;
            arrivals.dropped(reason, 1);
        });
        let Some(Accepted {
            frame,
            lateness,
            parameters,
        }) = accepted
        else {
            return self.without_frame(waits, now);
        };
        let media = match frame.codec() {
            Codec::H264 => match self.placer.video(&frame, parameters) {
                Some(media) => Ok(Some(media)),
                None => Err(Drop::Malformed),
            },
            Codec::Aac => self.placer.audio(&frame, &self.announced_config()),
            _ => Ok(None),
        };
        let media = match media {
            Ok(media) => media,
            Err(reason) => {
                self.arrivals.dropped(reason, 1);
                self.intake.lose();
                return Received::Other;
            }
        };
        let arrival_time_us = wall_us();
        let arrivals = &self.arrivals;
        arrivals.frames.inc();
        arrivals.bytes.inc_by(frame.data.len() as u64);
        arrivals.lateness.observe(lateness.as_secs_f64());
        arrivals.age(frame.capture_time_us, arrival_time_us);
        if frame.publish_time_us > 0 {
            arrivals.transit.observe(seconds(
                arrival_time_us.saturating_sub(frame.publish_time_us),
            ));
        }
        self.number += 1;
        self.push(frame, media, now, arrival_time_us)
    }

    fn without_frame(&mut self, waits: bool, now: Duration) -> Received {
        if waits && self.asking.frame_waits(self.intake.has_begun(), now) {
            Received::KeyNeeded
        } else {
            Received::Other
        }
    }

    fn push(
        &mut self,
        frame: sightline_proto::Frame,
        media: Option<Media>,
        now: Duration,
        arrival_time_us: i64,
    ) -> Received {
        let codec = frame.codec();
        // What the video says of its size is what viewers will see.
        let (width, height) = match media.as_ref().map(|media| &*media.config) {
            Some(Config::Video(parameters)) => (parameters.width, parameters.height),
            _ => (frame.width, frame.height),
        };
        let frame = Frame {
            name: self.stream.name.clone(),
            number: self.number,
            epoch: frame.epoch,
            sequence: frame.sequence,
            capture_time_us: frame.capture_time_us,
            decode_time_us: frame.decode_time_us,
            arrived: now,
            arrival_time_us,
            codec,
            key: frame.key,
            width,
            height,
            data: frame.data,
            media,
            forms: Forms::default(),
        };
        if !is_ordered(codec) {
            self.stream.push(Arc::new(frame));
            return Received::Picture;
        }
        if self.stream.push(Arc::new(frame.in_own_memory())) {
            self.asking.frame_came();
            return Received::Other;
        }
        self.arrivals.dropped(Drop::WaitingForKey, 1);
        self.intake.lose();
        self.without_frame(true, now)
    }

    /// What the camera says of its sound.
    fn announced_config(&self) -> Bytes {
        let name = &self.stream.name;
        let camera = self.directory.get(&name.camera);
        let offer = camera
            .as_ref()
            .and_then(|camera| camera.offer(&name.stream));
        offer.map_or_else(Bytes::new, |offer| offer.codec_config.clone())
    }
}
