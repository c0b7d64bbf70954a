//! The task of one open stream: demand out, frames in.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sightline_bus::{Delivery, Link, Subscription};
use sightline_proto::{
    Codec, Demand, HEARTBEAT, KeyframeRequest, Message as _, Token, subject::Topic,
};
use tokio::time::{Instant, MissedTickBehavior};

use super::{
    Frame, Hub, Media,
    asking::Asking,
    frame::{Forms, is_ordered},
    intake::{Accepted, Intake},
    media::Placer,
    stream::{Demanded, Stream},
};
use crate::{
    clock::wall_us,
    metrics::{Arrivals, Drop, seconds},
};

/// How long a request for one frame is given before the next one is sent: as many viewers may ask at
/// once, one frame answers them all.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The request for a key frame, in subjects.
const KEYFRAME: &str = "keyframe";

pub(super) struct Pump {
    hub: Hub,
    stream: Arc<Stream>,
    intake: Intake,
    placer: Placer,
    asking: Asking,
    arrivals: Arrivals,
    /// The number of the newest frame.
    number: u64,
    /// The last demand for one frame that was sent and not answered yet.
    asked_at: Option<Instant>,
}

impl Pump {
    pub(super) fn new(hub: Hub, stream: Arc<Stream>) -> Self {
        Self {
            intake: Intake::new(&stream.name.stream),
            placer: Placer::default(),
            asking: Asking::default(),
            arrivals: hub.0.metrics.arrivals(&stream.name.camera),
            number: stream.latest().map_or(0, |frame| frame.number),
            asked_at: None,
            hub,
            stream,
        }
    }

    /// Runs until the stream has had no viewer for a while, the relay stops, or the bus is closed.
    pub(super) async fn run(mut self) {
        self.hub.0.metrics.streams_open.inc();
        let shutdown = self.hub.0.shutdown.clone();
        tokio::select! {
            () = self.pump() => {}
            () = shutdown.cancelled() => {}
        }
        self.hub.0.metrics.streams_open.dec();
        self.hub.close(&self.stream, true);
    }

    async fn pump(&mut self) {
        let name = &self.stream.name;
        let subject = Topic::Frame(name.camera.clone(), name.stream.clone()).subject();
        // Without a connection this waits for one.
        let mut frames = match self.hub.0.bus.subscribe(&subject.into()).await {
            Ok(frames) => frames,
            Err(error) => {
                tracing::error!(camera = %name.camera, %error, "cannot receive frames");
                return;
            }
        };
        tracing::debug!(camera = %name.camera, stream = %name.stream, "stream opened");
        self.follow(&mut frames).await;
    }

    async fn follow(&mut self, frames: &mut Subscription) {
        let stream = self.stream.clone();
        let mut demand = stream.demand();
        let mut demanded = *demand.borrow_and_update();
        let mut link = self.hub.0.bus.link();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let linger = tokio::time::sleep(self.hub.0.linger);
        tokio::pin!(linger);
        loop {
            tokio::select! {
                delivery = frames.next() => match delivery {
                    Some(Delivery::Message(message)) => match self.receive(message.payload) {
                        // Viewers on this thread get this frame before the next one replaces it.
                        Received::Picture => tokio::task::yield_now().await,
                        // The others are held. The sooner they are, the fewer are lost of a group that comes at once.
                        Received::Other => {}
                        Received::KeyNeeded => self.ask_for_key().await,
                    },
                    Some(Delivery::Lost(count)) => self.arrivals.dropped(Drop::Lost, count),
                    None => return,
                },
                () = stream.key_wanted.notified() => {
                    if self.asking.wanted(self.hub.0.clock.now()) {
                        self.ask_for_key().await;
                    }
                }
                // The first tick is at once.
                _ = heartbeat.tick() => self.demand(demanded).await,
                Ok(()) = link.changed() => {
                    let up = *link.borrow_and_update() == Link::Up;
                    if up {
                        self.demand(demanded).await;
                    }
                }
                Ok(()) = demand.changed() => {
                    let now = *demand.borrow_and_update();
                    if now.nobody() {
                        linger.as_mut().reset(Instant::now() + self.hub.0.linger);
                    }
                    let first = demanded.all == 0 && now.all > 0;
                    let asked = now.asked != demanded.asked && now.one > 0 && !self.is_asking();
                    let reminded = now.reminders != demanded.reminders;
                    demanded = now;
                    if first || reminded || (asked && now.all == 0) {
                        self.demand(demanded).await;
                    }
                }
                () = &mut linger, if demanded.nobody() => {
                    if self.hub.close(&self.stream, false) {
                        return;
                    }
                    linger.as_mut().reset(Instant::now() + self.hub.0.linger);
                }
            }
        }
    }

    fn is_asking(&self) -> bool {
        self.asked_at
            .is_some_and(|asked| asked.elapsed() < ASK_AGAIN_AFTER)
    }

    async fn demand(&mut self, demanded: Demanded) {
        if demanded.nobody() {
            return;
        }
        let single = demanded.all == 0;
        self.asked_at = single.then(Instant::now);
        let name = &self.stream.name;
        let demand = Demand {
            stream: name.stream.to_string(),
            relay: self.hub.0.relay_id.clone(),
            single,
        };
        let subject = Topic::Demand(name.camera.clone()).subject();
        let payload = demand.encode_to_vec().into();
        if let Err(error) = self.hub.0.bus.publish(&subject, payload).await {
            // Sent again with the next heartbeat, or when the bus is back.
            tracing::debug!(%error, "demand was not sent");
        }
    }

    /// Has the camera begin a new group. The answer is of no interest: the key frame comes, or is asked for again.
    async fn ask_for_key(&self) {
        let name = &self.stream.name;
        let Ok(verb) = KEYFRAME.parse::<Token>() else {
            return;
        };
        let subject = Topic::Control(name.camera.clone(), verb).subject();
        let request = KeyframeRequest {
            stream: name.stream.to_string(),
        };
        let payload = request.encode_to_vec().into();
        match self.hub.0.bus.publish(&subject, payload).await {
            Ok(()) => self.arrivals.keys_requested.inc(),
            Err(error) => {
                tracing::debug!(%error, "the key frame was not asked for");
                0
            }
        };
    }

    fn receive(&mut self, payload: Bytes) -> Received {
        let now = self.hub.0.clock.now();
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
        arrivals.age.observe(seconds(
            arrival_time_us.saturating_sub(frame.capture_time_us),
        ));
        self.asked_at = None;
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
            width: frame.width,
            height: frame.height,
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
        let camera = self.hub.0.directory.get(&name.camera);
        let offer = camera
            .as_ref()
            .and_then(|camera| camera.offer(&name.stream));
        offer.map_or_else(Bytes::new, |offer| offer.codec_config.clone())
    }
}

/// What a message led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    /// A picture.
    Picture,
    /// A frame that is held, or nothing.
    Other,
    /// Nothing can be shown before the next key frame, which it is time to ask for.
    KeyNeeded,
}
