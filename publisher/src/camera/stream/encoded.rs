//! H.264 that is made here, of pictures.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sightline_proto::Codec;
use tokio::time::Instant;

use super::{
    super::{
        input::{Arrived, Unusable},
        offer::{Facts, count},
        rate::RateLimit,
    },
    send::{Outgoing, Sender},
    tools::{VideoPlan, VideoTool, with_tool},
};
use crate::{encode::video::Encoded, picture::Size, source::DropReason};

/// What a source is taken to give before anybody knows.
const UNKNOWN_FPS: f32 = 25.0;

/// Key frames that are asked for come at most this often: they are large.
const KEY_PAUSE: Duration = Duration::from_millis(250);

/// A picture that is sent again for a relay that joined is later by this than the last one: times in a stream only grow.
const NEXT_US: i64 = 1_000;

/// Encodes the pictures of one camera.
#[derive(Debug, Default)]
pub(super) struct Video {
    rate: RateLimit,
    tool: Option<VideoTool>,
    /// The next frame is to be a key frame: the one before it was lost, or somebody joined.
    force_key: bool,
    key_at: Option<Instant>,
    last_time_us: Option<i64>,
}

impl Video {
    /// Sends `arrived` if it is wanted and can go at once; else it is dropped, and counted.
    pub(super) async fn picture(
        &mut self,
        sender: &mut Sender<'_>,
        arrived: &Arc<Arrived>,
        missed: u64,
    ) {
        if !sender.wants() {
            self.force_key = true;
            return;
        }
        let output = &sender.input.output;
        output.count_many(DropReason::Superseded, missed);
        if !self
            .rate
            .allows(Instant::now(), sender.shared.settings().max_fps)
        {
            output.count(DropReason::RateLimit);
            return;
        }
        self.show(sender, arrived).await;
    }

    /// Makes the next frame a key frame. `newest` is encoded once more, as the next picture may be long in coming.
    pub(super) async fn joined(&mut self, sender: &mut Sender<'_>, newest: Option<&Arc<Arrived>>) {
        self.force_key = true;
        if let (Some(arrived), true) = (newest, sender.wants()) {
            self.show(sender, arrived).await;
            // To relays that had this picture it is stale, and they drop it: the next one must not need it.
            self.force_key = true;
        }
    }

    pub(super) fn rest(&mut self) {
        self.tool = None;
        self.rate = RateLimit::default();
        self.force_key = true;
    }

    async fn show(&mut self, sender: &mut Sender<'_>, arrived: &Arc<Arrived>) {
        if !sender.is_connected() {
            self.force_key = true;
            return;
        }
        match self.encode(sender, arrived).await {
            Ok(Some((frame, time_us))) => self.send(sender, frame, time_us).await,
            Ok(None) => sender.input.output.count(DropReason::RateLimit),
            Err(unusable) => {
                self.force_key = true;
                sender.input.complain(unusable);
            }
        }
    }

    async fn encode(
        &mut self,
        sender: &Sender<'_>,
        arrived: &Arc<Arrived>,
    ) -> Result<Option<(Encoded, i64)>, Unusable> {
        let now = Instant::now();
        let force_key = self.force_key && self.key_at.is_none_or(|at| at + KEY_PAUSE <= now);
        let (arrived, plan) = (arrived.clone(), plan(sender));
        let time_us = self.time_us(arrived.picture.capture_time_us);
        count(&sender.stream.work.encoded);
        let encode = move |tool: &mut VideoTool| {
            tool.encode(&arrived.picture.image, time_us, plan, force_key)
        };
        let encoded = with_tool(&sender.shared.publisher.cores, &mut self.tool, encode).await;
        sender.encoded(now.elapsed());
        let encoded = encoded?;
        self.last_time_us = Some(time_us);
        Ok(encoded.map(|encoded| (encoded, time_us)))
    }

    /// A clock that was set back is followed; a picture that comes again is a little later.
    fn time_us(&self, capture_time_us: i64) -> i64 {
        match self.last_time_us {
            Some(last) if (last - 1_000_000..=last).contains(&capture_time_us) => last + NEXT_US,
            _ => capture_time_us,
        }
    }

    async fn send(&mut self, sender: &mut Sender<'_>, frame: Encoded, time_us: i64) {
        let Encoded {
            data,
            key,
            parameters,
        } = frame;
        let size = Size {
            width: parameters.width,
            height: parameters.height,
        };
        if key {
            (self.force_key, self.key_at) = (false, Some(Instant::now()));
        }
        let sent = sender
            .send(Outgoing {
                capture_time_us: time_us,
                decode_time_us: time_us,
                codec: Codec::H264,
                key,
                size: Some(size),
                data: data.into(),
            })
            .await;
        self.force_key |= !sent;
        if !(sent && key) {
            return;
        }
        sender.served();
        let facts = Facts {
            codec: Some(Codec::H264),
            size: Some(size),
            codec_string: parameters.codec_string(),
            codec_config: Bytes::new(),
        };
        sender.shared.tell(sender.stream, facts);
    }
}

fn plan(sender: &Sender<'_>) -> VideoPlan {
    let (shared, offer) = (sender.shared, &sender.shared.camera.offer);
    let max_fps = shared.settings().max_fps as f32;
    let arriving = match shared.arriving_fps(sender.input) {
        fps if fps > 0.0 => fps,
        _ => UNKNOWN_FPS,
    };
    VideoPlan {
        bits_per_second: offer.h264_bits_per_second,
        fps: if max_fps > 0.0 {
            arriving.min(max_fps)
        } else {
            arriving
        },
        key_interval: offer.h264_key_interval,
        max_size: shared.camera.max_size,
    }
}
