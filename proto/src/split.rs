//! Turns one frame into the messages that carry it.

use bytes::Bytes;
use prost::Message as _;

use crate::{Frame, MAX_FRAME_BYTES, MAX_PARTS};

/// No message is larger than this, whatever the bus would carry: a broker handles many messages of
/// this size better than a few huge ones.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// What is kept free in a message for all fields but `data`.
const HEADER_BYTES: usize = 1 << 10;

/// A frame that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// There is nothing in it.
    #[error("the frame is empty")]
    Empty,
    /// It is larger than [`MAX_FRAME_BYTES`], or would need more than [`MAX_PARTS`] parts.
    #[error(
        "a frame of {len_bytes} bytes is too large for messages of {max_payload_bytes} bytes: \
         at most {MAX_FRAME_BYTES} bytes in {MAX_PARTS} parts"
    )]
    TooLarge {
        /// The frame's size.
        len_bytes: usize,
        /// What the bus carries in one message.
        max_payload_bytes: usize,
    },
}

/// The encoded messages for `frame`, in the order in which they must be sent.
///
/// `frame` holds the whole picture in `data`; `part`, `part_count` and `total_len_bytes` are filled in
/// here. `max_payload_bytes` is what the bus carries in one message. The picture is copied once.
pub fn split(mut frame: Frame, max_payload_bytes: usize) -> Result<Vec<Bytes>, SplitError> {
    let data = std::mem::take(&mut frame.data);
    let part_bytes = max_payload_bytes
        .min(MAX_MESSAGE_BYTES)
        .saturating_sub(HEADER_BYTES);
    if data.is_empty() {
        return Err(SplitError::Empty);
    }
    if data.len() > MAX_FRAME_BYTES || data.len() > part_bytes.saturating_mul(MAX_PARTS) {
        return Err(SplitError::TooLarge {
            len_bytes: data.len(),
            max_payload_bytes,
        });
    }
    let part_count = data.len().div_ceil(part_bytes);
    frame.part_count = part_count as u32;
    frame.total_len_bytes = data.len() as u32;
    Ok((0..part_count)
        .map(|part| {
            let start = part * part_bytes;
            frame.part = part as u32;
            frame.data = data.slice(start..data.len().min(start + part_bytes));
            frame.encode_to_vec().into()
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len_bytes: usize) -> Frame {
        Frame {
            epoch: u64::MAX,
            sequence: u64::MAX,
            capture_time_us: i64::MAX,
            width: u32::MAX,
            height: u32::MAX,
            data: vec![7; len_bytes].into(),
            ..Frame::default()
        }
    }

    #[test]
    fn a_small_frame_is_one_message() {
        let parts = split(frame(100_000), 1 << 20).unwrap();
        assert_eq!(parts.len(), 1);
        let back = Frame::decode(parts[0].clone()).unwrap();
        assert_eq!((back.part, back.part_count), (0, 1));
        assert_eq!(back.total_len_bytes, 100_000);
    }

    #[test]
    fn no_message_is_larger_than_the_bus_carries() {
        for limit in [2_000, 4_096, 65_536, 1 << 20, 8 << 20] {
            for len in [1, 975, 976, 977, 60_000] {
                let parts = split(frame(len), limit).unwrap();
                assert!(parts.iter().all(|p| p.len() <= limit.min(1 << 20)));
            }
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused() {
        assert_eq!(split(frame(0), 1 << 20), Err(SplitError::Empty));
        for (len, limit) in [
            (MAX_FRAME_BYTES + 1, 1 << 20),
            (1 << 20, 4_096),
            (10, 1_024),
            (10, 0),
        ] {
            assert!(matches!(
                split(frame(len), limit),
                Err(SplitError::TooLarge { .. })
            ));
        }
    }
}
