//! Presentation times for streams that bring none: raw H.264 at a constant rate. H.264, C.4.

use std::collections::VecDeque;

use super::{Order, params::MAX_DPB_FRAMES};

/// The most frames that wait for their place. A stream that needs more contradicts the standard or is
/// hostile; then all that wait get their places at once.
const MAX_WAITING: usize = 64;

/// Finds the place of each frame on the screen from the order of display, by looking ahead.
///
/// Frames come out in the order in which they went in, which is the order of decoding. A frame comes out
/// once its place is certain: after as many further frames as stand out of order, so without B-frames at
/// once. `T` is whatever belongs to a frame.
#[derive(Debug)]
pub struct Reorder<T> {
    depth: u8,
    waiting: VecDeque<Waiting<T>>,
    /// Frames in `waiting` without a place.
    unplaced: usize,
    decode_index: u64,
    /// The place that the next frame gets that is shown.
    next_place: u64,
    /// The last one that got a place since counting started anew.
    shown: Option<i64>,
}

#[derive(Debug)]
struct Waiting<T> {
    unit: T,
    decode_index: u64,
    count: i64,
    place: Option<u64>,
}

/// A frame and when it is decoded and shown, both counted in frames.
///
/// The presentation index is never smaller than the decode index. It grows by one from each frame on the
/// screen to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordered<T> {
    /// What was put in.
    pub unit: T,
    /// From 0, by one from frame to frame.
    pub decode_index: u64,
    /// `decode_index` plus the composition offset.
    pub presentation_index: u64,
}

impl<T> Reorder<T> {
    /// For a stream of which at most `max_frames` frames precede a frame in the stream and follow it on the
    /// screen: [`Reordering::max_frames`](super::Reordering). More makes frames wait longer, and shifts
    /// presentation by as many frames; if it turns out to be too few, more are taken from there on.
    pub fn new(max_frames: u8) -> Self {
        let depth = max_frames.min(MAX_DPB_FRAMES);
        Self {
            depth,
            waiting: VecDeque::new(),
            unplaced: 0,
            decode_index: 0,
            next_place: depth.into(),
            shown: None,
        }
    }

    /// Takes the next frame in the order of the stream, and gives those whose places are known now.
    pub fn push(&mut self, unit: T, order: Order) -> Vec<Ordered<T>> {
        if order.restarts {
            self.place_until(0);
            self.shown = None;
        }
        if self.shown.is_some_and(|shown| order.count < shown) && self.depth < MAX_DPB_FRAMES {
            // A frame that is shown later already has its place: this one comes after it, for once.
            self.depth += 1;
            self.next_place += 1;
        }
        self.waiting.push_back(Waiting {
            unit,
            decode_index: self.decode_index,
            count: order.count,
            place: None,
        });
        self.unplaced += 1;
        self.decode_index += 1;
        self.place_until(self.depth.into());
        if self.waiting.len() >= MAX_WAITING {
            self.place_until(0);
        }
        self.placed()
    }

    /// Gives the frames that still wait. What comes after them is shown after them.
    pub fn finish(&mut self) -> Vec<Ordered<T>> {
        self.place_until(0);
        self.shown = None;
        self.placed()
    }

    /// Gives places, the lowest count first, until so many frames have none.
    fn place_until(&mut self, left: usize) {
        while self.unplaced > left {
            let next = self
                .waiting
                .iter_mut()
                .filter(|frame| frame.place.is_none())
                .min_by_key(|frame| frame.count);
            let Some(frame) = next else { return };
            frame.place = Some(self.next_place);
            self.shown = Some(frame.count);
            self.next_place += 1;
            self.unplaced -= 1;
        }
    }

    fn placed(&mut self) -> Vec<Ordered<T>> {
        let mut out = Vec::new();
        while let Some(place) = self.waiting.front().and_then(|frame| frame.place) {
            out.extend(self.waiting.pop_front().map(|frame| Ordered {
                unit: frame.unit,
                decode_index: frame.decode_index,
                presentation_index: place,
            }));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(count: i64) -> Order {
        Order {
            count,
            restarts: count == 0,
        }
    }

    /// Composition offsets of frames with these counts, 0 being an IDR picture.
    fn offsets(max_frames: u8, counts: &[i64]) -> Vec<u64> {
        let mut reorder = Reorder::new(max_frames);
        let mut out: Vec<_> = counts
            .iter()
            .flat_map(|&count| reorder.push((), order(count)))
            .collect();
        out.extend(reorder.finish());
        out.iter()
            .map(|frame| frame.presentation_index - frame.decode_index)
            .collect()
    }

    #[test]
    fn without_b_frames_each_frame_comes_out_at_once() {
        let mut reorder = Reorder::new(0);
        for (index, count) in [0, 2, 4, 0, 2].into_iter().enumerate() {
            let out = reorder.push(count, order(count));
            assert_eq!(out.len(), 1);
            assert_eq!(out[0].decode_index, index as u64);
            assert_eq!(out[0].presentation_index, index as u64);
        }
    }

    #[test]
    fn b_frames_are_shown_between_their_neighbours() {
        // I P B B P B B I P B
        assert_eq!(
            offsets(1, &[0, 6, 2, 4, 12, 8, 10, 0, 4, 2]),
            [1, 3, 0, 0, 3, 0, 0, 1, 2, 0]
        );
    }

    #[test]
    fn pyramids_need_two_frames_of_delay() {
        // I P B(reference) b b
        assert_eq!(
            offsets(2, &[0, 8, 4, 2, 6, 16, 12, 10, 14]),
            [2, 5, 2, 0, 1, 5, 2, 0, 1]
        );
    }

    #[test]
    fn leading_pictures_of_an_open_group_are_shown_before_its_key_frame() {
        let mut reorder = Reorder::new(1);
        let mut out = Vec::new();
        for count in [0, 6, 2, 4, 12, 8, 10] {
            out.extend(reorder.push(count, order(count)));
        }
        out.extend(reorder.finish());
        let mut shown = out.clone();
        shown.sort_by_key(|frame| frame.presentation_index);
        assert_eq!(
            shown.iter().map(|frame| frame.unit).collect::<Vec<_>>(),
            [0, 2, 4, 6, 8, 10, 12]
        );
    }

    #[test]
    fn a_stream_that_says_too_little_is_late_once() {
        let offsets = offsets(0, &[0, 4, 2, 8, 6, 12, 10]);
        assert_eq!(offsets, [0, 0, 1, 2, 0, 2, 0]);
    }

    proptest! {
        #[test]
        fn whatever_the_counts_say_places_are_distinct_and_never_before_decoding(
            depth in 0u8..20,
            counts in prop::collection::vec((any::<i8>(), prop::bool::weighted(0.1)), 0..300),
        ) {
            let mut reorder = Reorder::new(depth);
            let mut out = Vec::new();
            for (i, (count, restarts)) in counts.iter().enumerate() {
                out.extend(reorder.push(i, Order { count: (*count).into(), restarts: *restarts }));
                prop_assert!(i + 1 - out.len() < MAX_WAITING);
            }
            out.extend(reorder.finish());
            prop_assert_eq!(out.len(), counts.len());
            let mut places = std::collections::BTreeSet::new();
            for (i, frame) in out.iter().enumerate() {
                prop_assert_eq!((frame.unit, frame.decode_index), (i, i as u64));
                prop_assert!(frame.presentation_index >= frame.decode_index);
                prop_assert!(places.insert(frame.presentation_index));
            }
        }
    }
}
