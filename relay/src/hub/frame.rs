//! A frame as it is held on a relay: once, for all viewers.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use sightline_media::fmp4;
use sightline_proto::{CameraName, Codec, Token};

use super::media::Media;
use crate::form::{self, fragment::Mp4};

/// One stream of one camera.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamName {
    pub(crate) camera: CameraName,
    pub(crate) stream: Token,
}

/// What a frame takes beside its data, about: names, times, heads of messages.
const FRAME_BYTES: usize = 1 << 10;

/// A frame and everything derived from it, each form built when the first viewer needs it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) name: StreamName,
    /// Counts the frames of this stream that this relay accepted: a gap is what a viewer missed.
    pub(crate) number: u64,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) capture_time_us: i64,
    /// 0: the same.
    pub(crate) decode_time_us: i64,
    /// When its last part came: by the monotonic clock, and by the wall clock.
    pub(crate) arrived: Duration,
    pub(crate) arrival_time_us: i64,
    pub(crate) codec: Codec,
    pub(crate) key: bool,
    /// Pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) data: Bytes,
    /// Of H.264 and AAC: what MP4 needs. Sound that has no place in time has none.
    pub(crate) media: Option<Media>,
    pub(super) forms: Forms,
}

#[derive(Debug, Default)]
pub(super) struct Forms {
    part: OnceLock<form::multipart::Part>,
    open_part: OnceLock<Bytes>,
    message: OnceLock<Bytes>,
    stale_message: OnceLock<Bytes>,
    mp4: OnceLock<Mp4>,
    init_message: OnceLock<Bytes>,
    unit_message: OnceLock<Bytes>,
}

/// Whether frames of `codec` need those before them, so that none may be left out. Of the others, the newest
/// one is all that a viewer needs.
pub(crate) fn is_ordered(codec: Codec) -> bool {
    matches!(codec, Codec::H264 | Codec::H265 | Codec::Aac)
}

impl Frame {
    /// The same frame with its data in the WebSocket message that carries it: memory that holds nothing else, of
    /// which frames that are kept for long need no second copy.
    pub(super) fn in_own_memory(mut self) -> Self {
        let message = form::message::frame(&self, false);
        self.data = message.slice(message.len() - self.data.len()..);
        self.forms.message = message.into();
        self
    }

    /// Bytes that the frame takes while it is held, in all its forms.
    pub(super) fn held_bytes(&self) -> usize {
        let as_mp4 = if self.media.is_some() {
            self.data.len() + fmp4::HEAD_BYTES
        } else {
            0
        };
        self.data.len() + as_mp4 + FRAME_BYTES
    }

    /// The frame as MP4 has it: NAL units behind lengths of four bytes without parameter sets, or raw AAC. Empty
    /// without [`Frame::media`].
    pub(crate) fn sample(&self) -> &Bytes {
        &self.mp4().sample
    }

    /// A fragment of fragmented MP4 on the timeline that all viewers share: `moof` and `mdat`. Empty without
    /// [`Frame::media`].
    pub(crate) fn fragment(&self) -> &Bytes {
        &self.mp4().fragment
    }

    /// As [`Frame::message`]. One of a stream that stands still says so, and is made anew: it is held in one form
    /// less, and is seldom needed.
    pub(crate) fn as_message(&self, stale: bool) -> Bytes {
        if stale {
            form::message::frame(self, true)
        } else {
            self.message().clone()
        }
    }

    /// A WebSocket message with [`Frame::fragment`]; the same otherwise. Empty without [`Frame::media`].
    pub(crate) fn as_fragment_message(&self, stale: bool) -> Bytes {
        match &self.media {
            Some(media) if stale => {
                form::message::fragment(self, media, self.fragment().clone(), true)
            }
            _ => self.mp4().message.clone(),
        }
    }

    fn mp4(&self) -> &Mp4 {
        self.forms.mp4.get_or_init(|| Mp4::of(self))
    }

    /// A WebSocket message with the init segment for this frame and those that follow. Nothing without
    /// [`Frame::media`].
    pub(crate) fn init_message(&self) -> Option<&Bytes> {
        let config = &self.media.as_ref()?.config;
        let message = self
            .forms
            .init_message
            .get_or_init(|| form::message::init(&self.name, config));
        Some(message)
    }

    /// A part of a multipart answer.
    pub(crate) fn part(&self) -> &form::multipart::Part {
        self.forms
            .part
            .get_or_init(|| form::multipart::part(self.capture_time_us, &self.data))
    }

    /// A part whose head was sent before, followed by the head of the next one.
    pub(crate) fn open_part(&self) -> &Bytes {
        self.forms
            .open_part
            .get_or_init(|| form::multipart::open_part(&self.data))
    }

    /// A WebSocket message.
    pub(crate) fn message(&self) -> &Bytes {
        self.forms
            .message
            .get_or_init(|| form::message::frame(self, false))
    }

    /// A WebSocket message as wfs.js takes it, of H.264.
    pub(crate) fn unit_message(&self) -> &Bytes {
        self.forms
            .unit_message
            .get_or_init(|| form::units::message(&self.data))
    }

    /// A WebSocket message which says that the frame is not fresh.
    pub(crate) fn stale_message(&self) -> &Bytes {
        self.forms
            .stale_message
            .get_or_init(|| form::message::frame(self, true))
    }

    /// The same frame in memory of its own, without what was derived from it: for keeping.
    pub(super) fn to_keep(&self) -> Self {
        Self {
            name: self.name.clone(),
            data: Bytes::copy_from_slice(&self.data),
            media: self.media.clone(),
            forms: Forms::default(),
            ..*self
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frame of the stream `jpeg` of `camera`.
    pub(crate) fn frame(camera: &str, number: u64, data: &[u8]) -> Frame {
        Frame {
            name: StreamName {
                camera: camera.parse().unwrap(),
                stream: sightline_proto::JPEG.parse().unwrap(),
            },
            number,
            epoch: 1,
            sequence: number,
            capture_time_us: 0,
            decode_time_us: 0,
            arrived: Duration::ZERO,
            arrival_time_us: 0,
            codec: Codec::Jpeg,
            key: true,
            width: 8,
            height: 8,
            data: Bytes::copy_from_slice(data),
            media: None,
            forms: Forms::default(),
        }
    }

    #[test]
    fn each_form_is_built_once_and_shared() {
        let frame = frame("a/a", 1, b"JPEG");
        assert_eq!(frame.message().as_ptr(), frame.message().as_ptr());
        assert_eq!(frame.part().bytes.as_ptr(), frame.part().bytes.as_ptr());
        assert_ne!(frame.message(), frame.stale_message());
    }

    #[test]
    fn a_picture_that_is_kept_has_memory_of_its_own() {
        let message = Bytes::from_static(b"a long message with a JPEG in it");
        let mut frame = frame("a/a", 1, b"");
        frame.data = message.slice(22..26);
        frame.message();
        let kept = frame.to_keep();
        assert_eq!(kept.data, frame.data);
        assert_ne!(kept.data.as_ptr(), frame.data.as_ptr());
        assert!(kept.forms.message.get().is_none());
    }
}
