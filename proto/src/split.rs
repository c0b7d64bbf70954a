//! Turns one frame into the messages that carry it.

use bytes::Bytes;
use prost::Message as _;

use crate::{Frame, MAX_FRAME_BYTES, MAX_PARTS};

/// No message is larger than this, whatever the bus would carry: a broker handles many messages of
/// this size better than a few huge ones.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// What is kept free in a message for all fields but `data`.
const HEADER_BYTES: usize = 1 << 10;

/// What [`head`] gives is never longer.
pub const MAX_HEAD_BYTES: usize = 128;

/// The field `data` of a frame: number 15, with a length.
const DATA_TAG: u8 = 15 << 3 | 2;

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
    let part_bytes = part_bytes(data.len(), max_payload_bytes)?;
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

/// The message for a frame that fits into one, up to its data: whoever puts the `len_bytes` of the picture behind it
/// has copied nothing else. Nothing if the frame has to be [`split`].
///
/// `frame` is as for [`split`], but its `data` is left out.
pub fn head(
    mut frame: Frame,
    len_bytes: usize,
    max_payload_bytes: usize,
) -> Result<Option<Vec<u8>>, SplitError> {
    if part_bytes(len_bytes, max_payload_bytes)? < len_bytes {
        return Ok(None);
    }
    frame.data = Bytes::new();
    (frame.part, frame.part_count) = (0, 1);
    frame.total_len_bytes = len_bytes as u32;
    // A field that is empty is left out, and the data is the last one.
    let mut head = frame.encode_to_vec();
    head.push(DATA_TAG);
    prost::encoding::encode_varint(len_bytes as u64, &mut head);
    Ok(Some(head))
}

/// How much data fits into a message, of a frame that can be sent.
fn part_bytes(len_bytes: usize, max_payload_bytes: usize) -> Result<usize, SplitError> {
    let part_bytes = max_payload_bytes
        .min(MAX_MESSAGE_BYTES)
        .saturating_sub(HEADER_BYTES);
    if len_bytes == 0 {
        return Err(SplitError::Empty);
    }
    if len_bytes > MAX_FRAME_BYTES || len_bytes > part_bytes.saturating_mul(MAX_PARTS) {
        return Err(SplitError::TooLarge {
            len_bytes,
            max_payload_bytes,
        });
    }
    Ok(part_bytes)
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
    fn a_head_and_the_data_are_the_message() {
        for len_bytes in [1, 127, 128, 100_000] {
            let frame = frame(len_bytes);
            let head = head(frame.clone(), len_bytes, 1 << 20).unwrap().unwrap();
            let message = [&head[..], &frame.data].concat();
            assert_eq!(split(frame, 1 << 20).unwrap(), [message]);
        }
    }

    #[test]
    fn a_frame_of_several_parts_has_no_single_head() {
        assert_eq!(
            head(frame(0), 976, 2_000)
                .unwrap()
                .map(|head| head.len() > 9),
            Some(true)
        );
        assert_eq!(head(frame(0), 977, 2_000), Ok(None));
        assert_eq!(head(frame(0), 0, 2_000), Err(SplitError::Empty));
        assert!(head(frame(0), MAX_FRAME_BYTES + 1, 1 << 20).is_err());
    }

    #[test]
    fn no_head_is_longer_than_it_may_be() {
        let longest = Frame {
            codec: -1,
            key: true,
            decode_time_us: -1,
            capture_time_us: -1,
            publish_time_us: -1,
            ..frame(0)
        };
        let mut head = head(longest, 1_000_000, 1 << 20).unwrap().unwrap();
        // The length of a part, and of the frame, have three bytes here and could have five; so could the part's
        // number and their count, which are one and nothing here.
        head.extend([0; 2 + 2 + 6 + 4]);
        assert!(head.len() <= MAX_HEAD_BYTES, "{}", head.len());
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
