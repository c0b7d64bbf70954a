//! A frame as MP4, on the timeline that all viewers share.

use bytes::{Bytes, BytesMut};
use sightline_media::{
    fmp4::{HEAD_BYTES, Track},
    h264::avc,
};

use super::message;
use crate::hub::{Frame, Media};

/// A frame as MP4: all forms of it are parts of one buffer. Empty if it cannot be MP4.
#[derive(Debug, Default)]
pub(crate) struct Mp4 {
    /// The WebSocket message with the fragment.
    pub(crate) message: Bytes,
    /// `moof` and `mdat`.
    pub(crate) fragment: Bytes,
    /// What is in `mdat`.
    pub(crate) sample: Bytes,
}

impl Mp4 {
    pub(crate) fn of(frame: &Frame) -> Self {
        let Some(media) = &frame.media else {
            return Self::default();
        };
        let Some(fragment) = fragment(frame, media) else {
            return Self::default();
        };
        let message = message::fragment(frame, media, fragment.clone(), false);
        let fragment = message.slice(message.len() - fragment.len()..);
        Self {
            sample: fragment.slice(HEAD_BYTES..),
            fragment,
            message,
        }
    }
}

fn fragment(frame: &Frame, media: &Media) -> Option<Bytes> {
    let sample = match media.track {
        Track::Video => avc::from_annex_b(&frame.data, frame.key),
        Track::Audio => frame.data.clone(),
    };
    // Fragments are numbered over all tracks of a file; nobody looks.
    let sequence = frame.number as u32;
    let head = media
        .sample(frame.key, sample.len())
        .head(sequence)
        .inspect_err(|error| tracing::debug!(%error, "no fragment"))
        .ok()?;
    let mut fragment = BytesMut::with_capacity(head.len() + sample.len());
    fragment.extend_from_slice(&head);
    fragment.extend_from_slice(&sample);
    Some(fragment.freeze())
}
