//! Pictures that a source already gives as JPEG: checked, cleaned, handed on or counted.

use std::time::{Duration, Instant};

use sightline_media::jpeg::{self, Reason, Split};

use super::{DropReason, Output};
use crate::{
    packet::{self, Packet, ROOM_BYTES},
    picture::{Image, Picture},
    pool::Pool,
};

/// The largest picture that is handed on; a larger one is dropped and counted.
pub(super) const MAX_BYTES: usize = sightline_proto::MAX_FRAME_BYTES;

/// A splitter whose pictures are for [`put_split`], with the same output.
pub(super) fn splitter(output: &Output) -> jpeg::Splitter {
    let pool = output.pool().clone();
    jpeg::Splitter::with_buffers(MAX_BYTES, move || packet::room(&pool))
}

/// Hands the picture that was appended to a [`packet::room`] of the output's pool to `output` if it is whole, else
/// counts it. Says whether it was.
///
/// `capture_time_us` is when its first byte came: clocks of cameras are seldom right.
pub(super) fn put(output: &Output, mut memory: Vec<u8>, capture_time_us: i64) -> bool {
    let prepared = jpeg::prepare_in_place(&mut memory, ROOM_BYTES);
    let packet = checked(prepared, || Packet::roomy(memory, output.pool()));
    put_checked(output, packet, capture_time_us)
}

/// As [`put`], of a picture that has to be copied.
pub(super) fn put_copy(output: &Output, jpeg: &[u8], capture_time_us: i64) -> bool {
    put_checked(output, copied(jpeg, output.pool()), capture_time_us)
}

/// The picture that `jpeg` holds, copied once, or why it cannot be handed on.
pub(super) fn copied(jpeg: &[u8], pool: &Pool) -> Result<Packet, DropReason> {
    let mut memory = packet::room(pool);
    let prepared = jpeg::prepare_into(jpeg, &mut memory);
    checked(prepared, || Packet::roomy(memory, pool))
}

fn checked(
    prepared: Result<jpeg::Info, jpeg::Error>,
    packet: impl FnOnce() -> Packet,
) -> Result<Packet, DropReason> {
    match prepared {
        Ok(info) if info.len <= MAX_BYTES => Ok(packet()),
        Ok(_) => Err(DropReason::TooLarge),
        Err(jpeg::Error::Truncated) => Err(DropReason::Truncated),
        Err(_) => Err(DropReason::Corrupt),
    }
}

fn put_checked(output: &Output, packet: Result<Packet, DropReason>, capture_time_us: i64) -> bool {
    match packet {
        Ok(packet) => output.put(Picture {
            capture_time_us,
            image: Image::Jpeg(packet),
        }),
        Err(reason) => {
            output.count(reason);
            return false;
        }
    }
    true
}

/// Hands on or counts what a [`splitter`] gave, whose stamps are microseconds since 1970 UTC. Says whether it was a
/// whole picture.
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
        let give = |jpeg: &[u8]| {
            let memory = [&packet::room(output.pool()), jpeg].concat();
            put(&output, memory, 7)
        };
        let jpeg = samples::jpeg(16, 16);
        assert!(give(&[&jpeg[..], &[0; 9]].concat()));
        let picture = output.take().now_or_never().unwrap();
        assert_eq!(picture.capture_time_us, 7);
        assert!(matches!(picture.image, Image::Jpeg(handed) if handed.data() == jpeg));
        assert!(!give(&jpeg[..jpeg.len() - 9]));
        assert!(!give(b"hello"));
        for reason in [Reason::TooLarge, Reason::Garbage] {
            let split = Split::Dropped { reason, bytes: 1 };
            assert!(!put_split(&output, split));
        }
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

    #[test]
    fn a_copy_is_checked_and_cleaned_too() {
        let (output, jpeg) = (Output::default(), samples::jpeg(16, 16));
        assert!(put_copy(&output, &[&jpeg[..], &[0; 9]].concat(), 7));
        let picture = output.take().now_or_never().unwrap();
        assert!(matches!(picture.image, Image::Jpeg(handed) if handed.data() == jpeg));
        assert!(!put_copy(&output, &jpeg[..jpeg.len() - 9], 7));
        let dropped: Vec<_> = output.dropped().collect();
        assert_eq!(dropped, [(DropReason::Truncated, 1)]);
    }
}
