//! Pictures that a source already gives as JPEG: checked, cleaned, handed on or counted.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sightline_media::jpeg::{self, Reason, Split};

use super::{DropReason, Output};
use crate::picture::{Image, Picture};

/// The largest picture that is handed on; a larger one is dropped and counted.
pub(super) const MAX_BYTES: usize = sightline_proto::MAX_FRAME_BYTES;

/// Hands `jpeg` to `output` if it is a whole picture, else counts it. Says whether it was one.
///
/// `capture_time_us` is when its first byte came: clocks of cameras are seldom right.
pub(super) fn put(output: &Output, jpeg: Bytes, capture_time_us: i64) -> bool {
    let reason = match jpeg::prepare(jpeg) {
        Ok((_, jpeg)) if jpeg.len() <= MAX_BYTES => {
            output.put(Picture {
                capture_time_us,
                image: Image::Jpeg(jpeg),
            });
            return true;
        }
        Ok(_) => DropReason::TooLarge,
        Err(jpeg::Error::Truncated) => DropReason::Truncated,
        Err(_) => DropReason::Corrupt,
    };
    output.count(reason);
    false
}

/// Hands on or counts what a [`jpeg::Splitter`] gave, whose stamps are microseconds since 1970 UTC. Says
/// whether it was a whole picture.
pub(super) fn put_split(output: &Output, split: Split) -> bool {
    match split {
        Split::Picture { data, stamp } => return put(output, data, stamp),
        Split::Dropped {
            reason: Reason::Truncated,
            ..
        } => output.count(DropReason::Truncated),
        Split::Dropped {
            reason: Reason::TooLarge,
            ..
        } => output.count(DropReason::TooLarge),
        Split::Dropped {
            reason: Reason::Corrupt,
            ..
        } => output.count(DropReason::Corrupt),
        Split::Dropped {
            reason: Reason::Garbage,
            bytes,
        } => {
            tracing::trace!(bytes, "left out what lies between pictures");
        }
    }
    false
}

/// Notices that a source gives bytes, and no picture among them.
pub(super) struct Watch {
    limit: Duration,
    last_picture: Instant,
}

impl Watch {
    /// Waits for a picture from now on, for `limit` at most.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last_picture: Instant::now(),
        }
    }

    pub(super) fn picture_came(&mut self) {
        self.last_picture = Instant::now();
    }

    /// How long to wait on for a picture; zero once it should have come.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.last_picture.elapsed())
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use bytes::Bytes;

    /// A picture with noise enough to be about `width * height / 2` bytes long.
    pub(crate) fn jpeg(width: u16, height: u16) -> Bytes {
        let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * 3)
            .map(|i| (i * i / 7 % 251) as u8)
            .collect();
        let mut out = Vec::new();
        jpeg_encoder::Encoder::new(&mut out, 80)
            .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn whole_pictures_are_handed_on_and_others_counted() {
        let output = Output::default();
        let jpeg = samples::jpeg(16, 16);
        assert!(put(&output, [&jpeg[..], &[0; 9]].concat().into(), 7));
        let picture = output.take().now_or_never().unwrap();
        assert_eq!(picture.capture_time_us, 7);
        assert!(matches!(picture.image, Image::Jpeg(handed) if handed == jpeg));
        assert!(!put(&output, jpeg.slice(..jpeg.len() - 9), 0));
        assert!(!put(&output, Bytes::from_static(b"hello"), 0));
        assert!(!put_split(
            &output,
            Split::Dropped {
                reason: Reason::TooLarge,
                bytes: 1
            }
        ));
        assert!(!put_split(
            &output,
            Split::Dropped {
                reason: Reason::Garbage,
                bytes: 1
            }
        ));
        let dropped: Vec<_> = output.dropped().collect();
        assert_eq!(
            dropped,
            [
                (DropReason::Truncated, 1),
                (DropReason::Corrupt, 1),
                (DropReason::TooLarge, 1)
            ]
        );
    }
}
