//! Takes pictures from the source's slot, makes JPEGs of them and sends those that are wanted.

use std::time::Duration;

use bytes::Bytes;
use sightline_bus::{Bus, Link};
use sightline_media::jpeg;
use sightline_proto::{Codec, Frame, JPEG, split::split, subject::Topic};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{rate::RateLimit, shared::Shared};
use crate::{
    encode::{self, Encoder, Jpeg},
    picture::{Image, Picture, Raw, Size},
    source::DropReason,
};

/// A source whose pictures are further apart than this is a slow one: its last picture is sent once more to a relay
/// that joins, which would have nothing to show for long. At most this often.
const SLOW: Duration = Duration::from_millis(300);

/// Complaints about pictures that cannot be used are logged at most this often.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

pub(super) async fn run(shared: &Shared, bus: &Bus, shutdown: &CancellationToken) {
    let mut publish = Publish::new(shared, bus);
    loop {
        let joined = async {
            shared.joined.notified().await;
            if let Some(sent_at) = publish.sent_at {
                sleep_until(sent_at + SLOW).await;
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            picture = shared.output.take() => publish.new_picture(picture).await,
            () = joined => publish.last_picture_again().await,
        }
    }
}

struct Publish<'a> {
    shared: &'a Shared,
    bus: &'a Bus,
    subject: sightline_proto::Subject,
    link: tokio::sync::watch::Receiver<Link>,
    rate: RateLimit,
    /// Not there while it encodes.
    encoder: Option<Encoder>,
    sequence: u64,
    came_at: Option<Instant>,
    sent_at: Option<Instant>,
    told_of_size: bool,
    complained_at: Option<Instant>,
}

/// Why a picture is not sent: how it is counted, and what people are told.
struct Unusable(DropReason, String);

impl<'a> Publish<'a> {
    fn new(shared: &'a Shared, bus: &'a Bus) -> Self {
        let stream = JPEG.parse().expect("the name of a stream is a token");
        Self {
            shared,
            bus,
            subject: Topic::Frame(shared.camera.name.clone(), stream).subject(),
            link: bus.link(),
            rate: RateLimit::default(),
            encoder: None,
            sequence: 0,
            came_at: None,
            sent_at: None,
            told_of_size: false,
            complained_at: None,
        }
    }

    async fn new_picture(&mut self, picture: Picture) {
        let now = Instant::now();
        let slow = self
            .came_at
            .replace(now)
            .is_none_or(|before| before + SLOW <= now);
        *self.shared.newest() = slow.then(|| picture.clone());
        match self.picture(picture).await {
            Ok(()) => self.shared.alive.send_modify(|pictures| *pictures += 1),
            Err(Unusable(reason, text)) => self.complain(reason, text),
        }
    }

    async fn last_picture_again(&mut self) {
        let newest = self.shared.newest().clone();
        let newcomer = self.shared.demands().has_newcomer(JPEG);
        if let (Some(picture), true) = (newest, newcomer) {
            // One that cannot be used was counted when it came.
            let _ = self.picture(picture).await;
        }
    }

    /// Sends `picture` if it is wanted and can go at once; else it is dropped, and counted if somebody
    /// misses it.
    async fn picture(&mut self, picture: Picture) -> Result<(), Unusable> {
        let now = Instant::now();
        if !self.wanted(now) {
            return Ok(());
        }
        let settings = *self.shared.settings();
        if !self.rate.allows(now, settings.max_fps) {
            self.shared.output.count(DropReason::RateLimit);
            return Ok(());
        }
        if matches!(*self.link.borrow(), Link::Down(_)) {
            self.shared.output.count(DropReason::Congested);
            return Ok(());
        }
        let capture_time_us = picture.capture_time_us;
        let jpeg = self.jpeg(picture, settings.quality).await?;
        *self.shared.fault() = None;
        if self.wanted(Instant::now()) {
            self.send(jpeg, capture_time_us).await;
        }
        Ok(())
    }

    fn complain(&mut self, reason: DropReason, text: String) {
        self.shared.output.count(reason);
        let now = Instant::now();
        if self
            .complained_at
            .is_none_or(|before| before + COMPLAINT_PAUSE <= now)
        {
            self.complained_at = Some(now);
            tracing::warn!(camera = %self.shared.camera.name, reason = text, "a picture cannot be used");
        }
        *self.shared.fault() = Some(text);
    }

    fn wanted(&self, now: Instant) -> bool {
        self.shared.camera.always || self.shared.demands().wants(JPEG, now)
    }

    async fn jpeg(&mut self, picture: Picture, quality: u8) -> Result<Jpeg, Unusable> {
        match picture.image {
            Image::Jpeg(data) => {
                let jpeg = passed_through(data)?;
                self.tell_of_size(jpeg.size);
                Ok(jpeg)
            }
            Image::Raw(raw) => self.encode(raw, quality).await,
        }
    }

    async fn encode(&mut self, raw: Raw, quality: u8) -> Result<Jpeg, Unusable> {
        let mut encoder = self.encoder.take().unwrap_or_default();
        let max_size = self.shared.camera.max_size;
        let encoding = tokio::task::spawn_blocking(move || {
            let result = encoder.encode(&raw, quality, max_size);
            (encoder, result)
        });
        let corrupt = |text: String| Unusable(DropReason::Corrupt, text);
        // An encoder that panicked is gone; the next picture gets a new one.
        let (encoder, result) = encoding.await.map_err(|error| corrupt(error.to_string()))?;
        self.encoder = Some(encoder);
        result.map_err(|error: encode::Error| corrupt(error.to_string()))
    }

    async fn send(&mut self, jpeg: Jpeg, capture_time_us: i64) {
        let len_bytes = jpeg.data.len();
        let frame = Frame {
            epoch: self.shared.epoch,
            sequence: self.sequence,
            capture_time_us,
            codec: Codec::Jpeg.into(),
            key: true,
            width: jpeg.size.width,
            height: jpeg.size.height,
            data: jpeg.data,
            ..Frame::default()
        };
        let parts = match split(frame, self.bus.max_payload_bytes()) {
            Ok(parts) => parts,
            Err(error) => {
                self.shared.output.count(DropReason::TooLarge);
                tracing::debug!(camera = %self.shared.camera.name, %error, "dropped");
                return;
            }
        };
        // Used up even if only some parts go: a later frame must not continue this one.
        self.sequence += 1;
        for part in parts {
            if let Err(error) = self.bus.publish(&self.subject, part).await {
                self.shared.output.count(DropReason::Congested);
                tracing::debug!(camera = %self.shared.camera.name, %error, "dropped");
                return;
            }
        }
        let now = Instant::now();
        self.sent_at = Some(now);
        self.shared.demands().sent(JPEG);
        self.shared.meter().record(now, len_bytes);
        self.shared
            .size
            .send_if_modified(|size| size.replace(jpeg.size) != Some(jpeg.size));
    }

    fn tell_of_size(&mut self, size: Size) {
        let Some(max) = self.shared.camera.max_size else {
            return;
        };
        if (size.width > max.width || size.height > max.height) && !self.told_of_size {
            self.told_of_size = true;
            tracing::warn!(
                camera = %self.shared.camera.name, %size, max_size = %max,
                "this camera gives JPEGs larger than max_size; they are passed on as they are"
            );
        }
    }
}

/// Reads the size of a JPEG, and refuses what is not a whole one.
fn passed_through(data: Bytes) -> Result<Jpeg, Unusable> {
    match jpeg::inspect(&data) {
        Ok(info) => Ok(Jpeg {
            size: Size {
                width: info.width,
                height: info.height,
            },
            data,
        }),
        Err(error @ jpeg::Error::Truncated) => {
            Err(Unusable(DropReason::Truncated, error.to_string()))
        }
        Err(error) => Err(Unusable(DropReason::Corrupt, error.to_string())),
    }
}
