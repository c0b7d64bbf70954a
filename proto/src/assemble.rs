//! Turns the messages of one subject back into frames.

use bytes::{Bytes, BytesMut};

use crate::{Frame, MAX_FRAME_BYTES, MAX_PARTS};

/// Puts the parts of one subject's frames together again.
///
/// Holds at most one unfinished frame of at most [`MAX_FRAME_BYTES`]. A part that does not continue
/// it discards it.
#[derive(Debug, Default)]
pub struct Assembler {
    unfinished: Option<Unfinished>,
}

#[derive(Debug)]
struct Unfinished {
    first: Frame,
    next_part: u32,
    data: BytesMut,
}

/// What pushing a part led to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A whole frame. `data` is a slice of the message if the frame had one part.
    Complete(Frame),
    /// More parts are needed.
    Partial,
    /// The part contradicts itself or the parts before it; says how. It was not kept, and neither
    /// were they.
    Malformed(&'static str),
    /// The part is not the first of its frame, and does not follow the one before it: some were
    /// lost on the way, or two publishers use one name.
    Orphan,
}

impl Assembler {
    /// Takes in the next part, in the order of arrival.
    ///
    /// The second value is true if an unfinished frame had to be given up for it.
    pub fn push(&mut self, part: Frame) -> (Progress, bool) {
        let unfinished = self.unfinished.take();
        if let Some(reason) = malformed(&part) {
            return (Progress::Malformed(reason), unfinished.is_some());
        }
        match unfinished {
            Some(frame) if frame.is_continued_by(&part) => (self.append(frame, &part), false),
            unfinished => (self.begin(part), unfinished.is_some()),
        }
    }

    fn begin(&mut self, part: Frame) -> Progress {
        if part.part != 0 {
            return Progress::Orphan;
        }
        if part.part_count == 1 {
            return Progress::Complete(part);
        }
        let mut data = BytesMut::with_capacity(part.total_len_bytes as usize);
        data.extend_from_slice(&part.data);
        // The first part's message need not stay in memory until the last one comes.
        let first = Frame {
            data: Bytes::new(),
            ..part
        };
        self.unfinished = Some(Unfinished {
            first,
            next_part: 1,
            data,
        });
        Progress::Partial
    }

    fn append(&mut self, mut frame: Unfinished, part: &Frame) -> Progress {
        let total = frame.first.total_len_bytes as usize;
        let last = part.part + 1 == part.part_count;
        let len = frame.data.len() + part.data.len();
        if len > total || (last && len != total) {
            return Progress::Malformed("the parts do not add up to the total length");
        }
        frame.data.extend_from_slice(&part.data);
        if last {
            return Progress::Complete(Frame {
                data: frame.data.freeze(),
                part: 0,
                part_count: 1,
                ..frame.first
            });
        }
        frame.next_part += 1;
        self.unfinished = Some(frame);
        Progress::Partial
    }
}

impl Unfinished {
    fn is_continued_by(&self, part: &Frame) -> bool {
        let first = &self.first;
        (part.epoch, part.sequence) == (first.epoch, first.sequence)
            && part.part == self.next_part
            && part.part_count == first.part_count
            && part.total_len_bytes == first.total_len_bytes
    }
}

fn malformed(part: &Frame) -> Option<&'static str> {
    let total = part.total_len_bytes as usize;
    if part.data.is_empty() {
        Some("no data")
    } else if part.part_count as usize > MAX_PARTS {
        Some("too many parts")
    } else if part.part >= part.part_count {
        Some("a part beyond the last one")
    } else if total > MAX_FRAME_BYTES {
        Some("total length too large")
    } else if part.data.len() > total || (part.part_count == 1 && part.data.len() != total) {
        Some("the data is not as long as the total length says")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;
    use proptest::prelude::*;
    use prost::Message as _;

    fn parts(sequence: u64, data: &[u8], max_payload: usize) -> Vec<Frame> {
        let frame = Frame {
            epoch: 1,
            sequence,
            data: Bytes::copy_from_slice(data),
            ..Frame::default()
        };
        split(frame, max_payload)
            .unwrap()
            .into_iter()
            .map(|message| Frame::decode(message).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn what_was_split_comes_back(
            data in prop::collection::vec(any::<u8>(), 1..20_000),
            max_payload in 1_500usize..30_000,
        ) {
            let mut assembler = Assembler::default();
            let parts = parts(3, &data, max_payload);
            let count = parts.len();
            for (i, part) in parts.into_iter().enumerate() {
                match assembler.push(part) {
                    (Progress::Complete(frame), false) => {
                        prop_assert_eq!(i + 1, count);
                        prop_assert_eq!(&frame.data[..], &data[..]);
                    }
                    other => prop_assert_eq!((i + 1 < count, other), (true, (Progress::Partial, false))),
                }
            }
        }

        /// Whatever arrives, a frame that comes out is one that went in, byte for byte.
        #[test]
        fn losses_repeats_and_swaps_never_mix_frames(order in prop::collection::vec((0usize..4, 0usize..4), 0..60)) {
            let frames: Vec<Vec<u8>> = (0..4u8).map(|i| vec![i; 1_800]).collect();
            let all: Vec<Vec<Frame>> =
                frames.iter().enumerate().map(|(i, d)| parts(i as u64, d, 1_500)).collect();
            let mut assembler = Assembler::default();
            for (frame, part) in order {
                if let (Progress::Complete(out), _) = assembler.push(all[frame][part % all[frame].len()].clone()) {
                    prop_assert_eq!(&out.data[..], &frames[out.sequence as usize][..]);
                }
            }
        }

        #[test]
        fn any_bytes_are_survived(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let mut assembler = Assembler::default();
            for message in messages {
                if let Ok(frame) = Frame::decode(&message[..]) {
                    let _ = assembler.push(frame);
                }
            }
        }
    }

    #[test]
    fn a_lost_part_gives_up_its_frame_and_no_other() {
        let mut assembler = Assembler::default();
        let first = parts(1, &[1; 2_000], 1_500);
        assert_eq!(first.len(), 5);
        assert_eq!(assembler.push(first[0].clone()), (Progress::Partial, false));
        assert_eq!(assembler.push(first[2].clone()), (Progress::Orphan, true));
        assert_eq!(assembler.push(first[3].clone()), (Progress::Orphan, false));
        let next = parts(2, &[2; 100], 1_500);
        assert!(matches!(
            assembler.push(next[0].clone()),
            (Progress::Complete(_), false)
        ));
    }

    #[test]
    fn a_part_that_lies_is_malformed() {
        let good = parts(1, &[1; 100], 1_500).remove(0);
        type Lie = (&'static str, fn(&mut Frame));
        let lies: [Lie; 5] = [
            ("no data", |f| f.data.clear()),
            ("too many parts", |f| f.part_count = 65),
            ("beyond the last", |f| f.part = 1),
            ("too large", |f| f.total_len_bytes = u32::MAX),
            ("not as long", |f| f.total_len_bytes = 99),
        ];
        for (word, lie) in lies {
            let mut part = good.clone();
            lie(&mut part);
            let (progress, _) = Assembler::default().push(part);
            assert!(
                matches!(progress, Progress::Malformed(why) if why.contains(word)),
                "{word}: {progress:?}"
            );
        }
    }
}
