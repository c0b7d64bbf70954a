//! What a relay knows of one camera.

use std::collections::BTreeMap;

use bytes::Bytes;
use sightline_proto::{Announce, CameraInfo, CameraName, CameraState, Codec, Stream, Token};

/// Streams of one camera that are kept of an announcement; further ones are ignored.
const MAX_STREAMS: usize = 8;

/// Reasons for dropped pictures that are kept of an announcement; further ones are ignored.
const MAX_REASONS: usize = 32;

/// Longer texts for people are cut here, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// Longer identifiers are cut here, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// What a relay knows of one camera. Everything in it is bounded, whatever was announced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Camera {
    pub(crate) name: CameraName,
    pub(crate) title: String,
    pub(crate) online: bool,
    /// As last announced; with `online` false, as it was before the camera went.
    pub(crate) state: CameraState,
    pub(crate) reason: String,
    /// When the last announcement came, microseconds since 1970 UTC by the relay's clock.
    pub(crate) last_seen_us: i64,
    pub(crate) source: String,
    pub(crate) streams: Vec<Offer>,
    pub(crate) version: String,
    pub(crate) instance: String,
    pub(crate) dropped: BTreeMap<String, u64>,
}

/// A stream that a camera offers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    pub(crate) name: Token,
    pub(crate) codec: Codec,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: f32,
    pub(crate) bits_per_second: u32,
    pub(crate) codec_string: String,
    /// What a decoder needs beside the frames; empty if that is more than anyone needs.
    pub(crate) codec_config: Bytes,
}

impl Camera {
    pub(crate) fn announced(name: CameraName, announce: &Announce, wall_us: i64) -> Self {
        Self {
            name,
            title: cut(&announce.title, MAX_TEXT_BYTES),
            online: !announce.goodbye,
            state: announce.state(),
            reason: cut(&announce.reason, MAX_TEXT_BYTES),
            last_seen_us: wall_us,
            source: cut(&announce.source, MAX_WORD_BYTES),
            streams: announce
                .streams
                .iter()
                .filter_map(Offer::announced)
                .take(MAX_STREAMS)
                .collect(),
            version: cut(&announce.version, MAX_WORD_BYTES),
            instance: cut(&announce.instance, MAX_WORD_BYTES),
            dropped: announce
                .dropped
                .iter()
                .take(MAX_REASONS)
                .map(|count| (cut(&count.reason, MAX_WORD_BYTES), count.count))
                .collect(),
        }
    }

    /// Whether the camera offers `stream`. A camera that announced no stream yet may.
    pub(crate) fn may_offer(&self, stream: &Token) -> bool {
        self.streams.is_empty() || self.offer(stream).is_some()
    }

    pub(crate) fn offer(&self, stream: &Token) -> Option<&Offer> {
        self.streams.iter().find(|offer| offer.name == *stream)
    }

    /// Whether someone who saw `self` wants to see `new`. Measured figures move all the time: they
    /// alone count only when they moved a lot.
    pub(crate) fn differs(&self, new: &Self) -> bool {
        let Self {
            title,
            online,
            state,
            reason,
            source,
            streams,
            version,
            instance,
            ..
        } = self;
        (title, online, state, reason, source, version, instance)
            != (
                &new.title,
                &new.online,
                &new.state,
                &new.reason,
                &new.source,
                &new.version,
                &new.instance,
            )
            || streams.len() != new.streams.len()
            || streams.iter().zip(&new.streams).any(|(a, b)| a.differs(b))
    }

    /// As it goes to viewers over a WebSocket.
    pub(crate) fn info(&self) -> CameraInfo {
        CameraInfo {
            camera: self.name.to_string(),
            title: self.title.clone(),
            online: self.online,
            state: self.state.into(),
            reason: self.reason.clone(),
            last_seen_us: self.last_seen_us,
            streams: self.streams.iter().map(Offer::stream).collect(),
            source: self.source.clone(),
        }
    }
}

impl Offer {
    /// Nothing if the stream's name could not stand in a subject.
    fn announced(stream: &Stream) -> Option<Self> {
        Some(Self {
            name: stream.name.parse().ok()?,
            codec: stream.codec(),
            width: stream.width,
            height: stream.height,
            fps: if stream.fps.is_finite() {
                stream.fps.clamp(0.0, MAX_FPS)
            } else {
                0.0
            },
            bits_per_second: stream.bits_per_second,
            codec_string: cut(&stream.codec_string, MAX_WORD_BYTES),
            codec_config: if stream.codec_config.len() <= MAX_WORD_BYTES {
                // In memory of its own: the announcement need not stay.
                Bytes::copy_from_slice(&stream.codec_config)
            } else {
                Bytes::new()
            },
        })
    }

    fn differs(&self, new: &Self) -> bool {
        let same = |s: &Self| (s.codec, s.width, s.height);
        self.name != new.name
            || self.codec_string != new.codec_string
            || self.codec_config != new.codec_config
            || same(self) != same(new)
            || moved(self.fps, new.fps)
            || moved(self.bits_per_second as f32, new.bits_per_second as f32)
    }

    fn stream(&self) -> Stream {
        Stream {
            name: self.name.to_string(),
            codec: self.codec.into(),
            width: self.width,
            height: self.height,
            fps: self.fps,
            bits_per_second: self.bits_per_second,
            codec_string: self.codec_string.clone(),
            codec_config: self.codec_config.clone(),
        }
    }
}

/// Announced rates above this are not believed.
const MAX_FPS: f32 = 1_000.0;

/// By more than a quarter of the larger value.
fn moved(a: f32, b: f32) -> bool {
    (a - b).abs() > a.max(b) / 4.0
}

/// At most `max` bytes of `text`, cut between characters.
fn cut(text: &str, max: usize) -> String {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_proto::Count;

    fn announced(announce: &Announce) -> Camera {
        Camera::announced("farm/gate".parse().unwrap(), announce, 7)
    }

    #[test]
    fn nothing_that_is_announced_takes_more_memory_than_its_bound() {
        let long = "ä".repeat(100_000);
        let stream = Stream {
            name: "jpeg".into(),
            codec_string: long.clone(),
            fps: f32::NAN,
            ..Stream::default()
        };
        let mut streams = vec![stream; 1_000];
        streams[0].name = "NOT A TOKEN".into();
        let camera = announced(&Announce {
            title: long.clone(),
            reason: long.clone(),
            source: long.clone(),
            version: long.clone(),
            instance: long.clone(),
            streams,
            dropped: (0..1_000)
                .map(|count| Count {
                    reason: format!("{count}{long}"),
                    count,
                })
                .collect(),
            ..Announce::default()
        });
        assert!(format!("{camera:?}").len() < 10_000);
        assert_eq!(camera.streams.len(), MAX_STREAMS);
        assert!(camera.streams[0].fps.abs() < f32::EPSILON);
        assert_eq!(camera.dropped.len(), MAX_REASONS);
    }

    #[test]
    fn figures_that_wobble_are_no_news() {
        let with = |fps, bits_per_second| {
            announced(&Announce {
                streams: vec![Stream {
                    name: "jpeg".into(),
                    fps,
                    bits_per_second,
                    ..Stream::default()
                }],
                ..Announce::default()
            })
        };
        let before = with(30.0, 1_000_000);
        assert!(!before.differs(&with(29.2, 1_100_000)));
        assert!(before.differs(&with(15.0, 1_000_000)));
        assert!(before.differs(&with(30.0, 2_000_000)));
        assert!(with(0.0, 0).differs(&with(30.0, 0)));
        assert!(!with(0.0, 0).differs(&with(0.0, 0)));
    }
}
