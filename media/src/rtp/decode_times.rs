//! When each frame is decoded, for streams that say only when it is shown.

use crate::h264::Reordering;

/// Frames that may be decoded before one that is shown before them; no standard allows more.
const MOST_DEPTH: usize = 16;

/// How far apart the decode times are that are made up for the first frames.
const SPACING_US: i64 = 33_333;

/// When a frame is shown and decoded, by one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// As it was given; later in the one case that a stream reorders more than it said.
    pub capture_time_us: i64,
    /// Never later than `capture_time_us`, and later than the one of the frame before.
    pub decode_time_us: i64,
}

/// Finds decode times from presentation times in the order of decoding. Nothing waits: each frame gets its times at
/// once.
///
/// A frame is decoded when the frame is shown that precedes it on the screen by as many frames as the stream
/// reorders. Without B-frames both times are one.
#[derive(Debug, Default)]
pub struct DecodeTimes {
    depth: usize,
    /// The latest presentation times of as many frames as are reordered, and one more; in order.
    newest: Vec<i64>,
    last: Option<i64>,
}

impl DecodeTimes {
    /// Takes in what a stream says of its order. If it says nothing it is believed to have none, until it shows.
    pub fn declare(&mut self, reordering: Reordering) {
        if reordering.declared {
            self.deepen(reordering.max_frames.into());
        }
    }

    /// The times of the next frame, which is shown at `capture_time_us`.
    pub fn next(&mut self, capture_time_us: i64) -> Times {
        let wanted = self.depth + 1;
        while self.newest.len() < wanted {
            let first = self.newest.first().copied().unwrap_or(capture_time_us);
            self.newest.insert(0, first.saturating_sub(SPACING_US));
        }
        // The one that this frame has passed makes room.
        self.newest[0] = capture_time_us;
        self.newest.sort_unstable();
        let least = self.last.map_or(i64::MIN, |last| last.saturating_add(1));
        let decode_time_us = self.newest[0].max(least);
        self.last = Some(decode_time_us);
        if decode_time_us > capture_time_us {
            self.deepen(self.depth + 1);
        }
        Times {
            capture_time_us: capture_time_us.max(decode_time_us),
            decode_time_us,
        }
    }

    /// What follows does not go on from what was there: times may go back.
    pub fn restart(&mut self) {
        self.newest.clear();
        self.last = None;
    }

    fn deepen(&mut self, depth: usize) {
        self.depth = self.depth.max(depth.min(MOST_DEPTH));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn declared(max_frames: u8) -> DecodeTimes {
        let mut times = DecodeTimes::default();
        times.declare(Reordering {
            max_frames,
            declared: true,
        });
        times
    }

    /// Presentation times in the order of decoding, as many per cent of a second.
    fn decoded(times: &mut DecodeTimes, shown: &[i64]) -> Vec<(i64, i64)> {
        shown
            .iter()
            .map(|&shown| times.next(shown * 10_000))
            .map(|times| {
                (
                    times.capture_time_us / 10_000,
                    times.decode_time_us / 10_000,
                )
            })
            .collect()
    }

    #[test]
    fn without_b_frames_both_times_are_one() {
        for mut times in [DecodeTimes::default(), declared(0)] {
            assert_eq!(
                decoded(&mut times, &[4, 8, 12, 100]),
                [(4, 4), (8, 8), (12, 12), (100, 100)]
            );
        }
    }

    #[test]
    fn b_frames_that_are_declared_are_shown_when_they_should() {
        // I P B B P B B
        assert_eq!(
            decoded(&mut declared(1), &[10, 22, 14, 18, 34, 26, 30]),
            [
                (10, 6),
                (22, 10),
                (14, 14),
                (18, 18),
                (34, 22),
                (26, 26),
                (30, 30)
            ]
        );
        // A pyramid: I P B(reference) b b
        let shown = [10, 26, 18, 14, 22, 42, 34, 30, 38];
        let times = decoded(&mut declared(2), &shown);
        assert_eq!(times.iter().map(|times| times.0).collect::<Vec<_>>(), shown);
        assert_eq!(
            times[2..].iter().map(|times| times.1).collect::<Vec<_>>(),
            [10, 14, 18, 22, 26, 30, 34]
        );
    }

    #[test]
    fn b_frames_that_nobody_declared_make_one_frame_late() {
        let shown = [10, 22, 14, 18, 34, 26, 30, 46, 38, 42];
        let times = decoded(&mut DecodeTimes::default(), &shown);
        let late: Vec<_> = times
            .iter()
            .zip(shown)
            .filter(|(times, shown)| times.0 != *shown)
            .map(|(times, shown)| (times.0, shown))
            .collect();
        assert_eq!(late, [(22, 14), (22, 18)]);
    }

    #[test]
    fn after_a_restart_time_may_go_back() {
        let mut times = declared(1);
        times.next(1_000_000);
        times.restart();
        assert_eq!(times.next(5_000).capture_time_us, 5_000);
    }

    proptest! {
        #[test]
        fn whatever_comes_decode_times_grow_and_are_never_late(
            depth in 0u8..20,
            shown in prop::collection::vec(prop_oneof![-1_000i64..1_000, any::<i64>()], 1..100),
        ) {
            let mut times = declared(depth);
            let mut last = None;
            for shown in shown {
                // No clock shows the end of time.
                let next = times.next(shown / 2);
                prop_assert!(next.decode_time_us <= next.capture_time_us);
                prop_assert!(last.is_none_or(|last| next.decode_time_us > last));
                prop_assert!(times.newest.len() <= MOST_DEPTH + 1);
                last = Some(next.decode_time_us);
            }
        }
    }
}
