//! What a source gives that was compressed before it came here: access units of video and sound.

use std::sync::Arc;

use bytes::Bytes;
use sightline_media::{aac, h264};

use super::DropReason;

/// One access unit, to be carried as it is. Those of one track are in the order of decoding.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// When it was taken or is to be shown, microseconds since 1970 UTC.
    pub(crate) capture_time_us: i64,
    /// When it is to be decoded, by the same clock: grows from unit to unit, and is never later than
    /// `capture_time_us`.
    pub(crate) decode_time_us: i64,
    /// Decoding may start here. Always true for sound.
    pub(crate) key: bool,
    /// As [`Codec`](sightline_proto::Codec) says: video in Annex B form with its parameter sets in front of key
    /// frames, sound without a header. At most [`MAX_FRAME_BYTES`](sightline_proto::MAX_FRAME_BYTES).
    pub(crate) data: Bytes,
    /// In force since the last key frame.
    pub(crate) format: Format,
}

/// What a decoder has to know. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Format {
    H264(Arc<h264::Parameters>),
    H265(Arc<H265>),
    Aac(Arc<aac::Config>),
}

/// What is known of H.265: it is carried, and never looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct H265 {
    /// RFC 6381: `hvc1.1.6.L93.B0`.
    pub(crate) codec_string: String,
    /// Pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Units of one kind, which depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Track {
    Video,
    Audio,
}

impl Unit {
    pub(crate) fn track(&self) -> Track {
        match self.format {
            Format::H264(_) | Format::H265(_) => Track::Video,
            Format::Aac(_) => Track::Audio,
        }
    }
}

/// What a part of a stream that cannot be carried is counted as; `None` for bytes that are none of it.
pub(crate) fn drop_reason(reason: h264::Reason) -> Option<DropReason> {
    match reason {
        h264::Reason::Garbage => None,
        h264::Reason::TooLarge => Some(DropReason::TooLarge),
        h264::Reason::WaitingForKey => Some(DropReason::WaitingForKey),
        _ => Some(DropReason::Damaged),
    }
}
