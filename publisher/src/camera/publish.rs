//! Takes pictures from the source's slot, makes JPEGs of them and sends those that are wanted.

use bytes::Bytes;
use sightline_bus::{Bus, Link};
use sightline_media::jpeg;
use sightline_proto::{Codec, Frame, JPEG, split::split, subject::Topic};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{rate::RateLimit, shared::Shared};
use crate::{
    encode::{self, Encoder, Jpeg},
    picture::{Image, Picture, Raw, Size},
    source::DropReason,
};

pub(super) async fn run(shared: &Shared, bus: &Bus, shutdown: &CancellationToken) {
    let mut publish = Publish::new(shared, bus);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            picture = shared.output.take() => publish.picture(picture).await,
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
    told_of_size: bool,
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
            told_of_size: false,
        }
    }

    /// Sends `picture` if it is wanted and can go at once; else it is dropped, and counted if somebody
    /// misses it.
    async fn picture(&mut self, picture: Picture) {
        let now = Instant::now();
        if !self.wanted(now) {
            return self.alive();
        }
        let settings = *self.shared.settings();
        if !self.rate.allows(now, settings.max_fps) {
            self.shared.output.count(DropReason::RateLimit);
            return self.alive();
        }
        if matches!(*self.link.borrow(), Link::Down(_)) {
            self.shared.output.count(DropReason::Congested);
            return self.alive();
        }
        let capture_time_us = picture.capture_time_us;
        match self.jpeg(picture, settings.quality).await {
            Ok(jpeg) => {
                self.alive();
                if self.wanted(Instant::now()) {
                    self.send(jpeg, capture_time_us).await;
                }
            }
            Err(Unusable(reason, text)) => {
                self.shared.output.count(reason);
                let mut fault = self.shared.fault();
                if fault.as_ref() != Some(&text) {
                    tracing::warn!(camera = %self.shared.camera.name, reason = text, "a picture cannot be used");
                    *fault = Some(text);
                }
            }
        }
    }

    fn wanted(&self, now: Instant) -> bool {
        self.shared.camera.always || self.shared.demands().wants(JPEG, now)
    }

    fn alive(&self) {
        self.shared.alive.send_modify(|pictures| *pictures += 1);
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
        self.shared.demands().sent(JPEG);
        self.shared.meter().record(Instant::now(), len_bytes);
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
