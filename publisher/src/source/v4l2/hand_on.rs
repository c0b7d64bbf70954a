//! What becomes of a frame once its buffer is back with the driver.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{
    picture::Picture,
    source::{DropReason, Output, live::h264::Units},
};

/// How often a camera is asked for a key frame at most.
const KEY_INTERVAL: Duration = Duration::from_secs(1);

/// A frame, copied out of its buffer.
#[derive(Debug)]
pub(super) enum Frame {
    /// Fit to be shown.
    Picture(Picture),
    /// An access unit of H.264, Annex B.
    H264 { data: Bytes, capture_time_us: i64 },
}

/// What came of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// It was handed on.
    pub(super) good: bool,
    /// The camera should be asked for a key frame: what it gives cannot be shown before.
    pub(super) ask_for_key: bool,
}

/// Hands on frames that are fit for it, and counts the others.
#[derive(Debug, Default)]
pub(super) struct HandOn {
    units: Units,
    /// When the camera was asked for a key frame last.
    asked: Option<Instant>,
}

impl HandOn {
    pub(super) fn frame(
        &mut self,
        frame: Result<Frame, DropReason>,
        is_h264: bool,
        now: Instant,
        output: &Output,
    ) -> Outcome {
        let good = match frame {
            Ok(Frame::Picture(picture)) => {
                output.put(picture);
                true
            }
            Ok(Frame::H264 {
                data,
                capture_time_us,
            }) => {
                let pushed = self.units.push(&data, capture_time_us, output);
                // A buffer holds whole access units.
                let flushed = self.units.flush(output);
                return Outcome {
                    good: pushed.any || flushed.any,
                    ask_for_key: (pushed.needs_key() || flushed.needs_key()) && self.may_ask(now),
                };
            }
            Err(reason) => {
                output.count(reason);
                if is_h264 {
                    self.units.lose(output);
                }
                return Outcome {
                    good: false,
                    ask_for_key: is_h264 && self.may_ask(now),
                };
            }
        };
        Outcome {
            good,
            ask_for_key: false,
        }
    }

    fn may_ask(&mut self, now: Instant) -> bool {
        let early = self
            .asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < KEY_INTERVAL);
        if !early {
            self.asked = Some(now);
        }
        !early
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::source::{
        file::samples::units_of_h264,
        unit::{Track, Unit},
    };

    /// A camera that gives these buffers, 40 ms apart.
    fn give(buffers: &[Result<Bytes, DropReason>], output: &Output) -> (Vec<Unit>, Vec<Outcome>) {
        let mut hand_on = HandOn::default();
        let mut reader = output.units(Track::Video);
        let (mut units, mut outcomes) = (Vec::new(), Vec::new());
        let start = Instant::now();
        for (at, data) in buffers.iter().enumerate() {
            let frame = data.clone().map(|data| Frame::H264 {
                data,
                capture_time_us: at as i64 * 40_000,
            });
            let now = start + Duration::from_millis(40) * at as u32;
            outcomes.push(hand_on.frame(frame, true, now, output));
            units.extend(reader.next().now_or_never().map(|(unit, _)| unit));
        }
        (units, outcomes)
    }

    #[test]
    fn each_buffer_is_a_unit_with_the_time_that_the_driver_says() {
        let stream = units_of_h264("-bf 0");
        let output = Output::default();
        let buffers: Vec<_> = stream.iter().cloned().map(Ok).collect();
        let (units, outcomes) = give(&buffers, &output);
        assert_eq!(units.len(), stream.len());
        for (at, unit) in units.iter().enumerate() {
            assert_eq!(unit.data, stream[at]);
            assert_eq!(unit.capture_time_us, at as i64 * 40_000);
        }
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.good && !outcome.ask_for_key)
        );
        assert_eq!(output.dropped().count(), 0);
    }

    #[test]
    fn parameter_sets_may_come_in_a_buffer_of_their_own() {
        let stream = units_of_h264("-bf 0");
        let sets_bytes = stream[0]
            .windows(5)
            .position(|window| window == [0, 0, 0, 1, 6]);
        let (sets, frame) = stream[0].split_at(sets_bytes.unwrap());
        let output = Output::default();
        let buffers = [sets, frame].map(|data| Ok(Bytes::copy_from_slice(data)));
        let (units, outcomes) = give(&buffers, &output);
        assert!(!outcomes[0].good && outcomes[1].good);
        assert_eq!(units[0].data, stream[0]);
        assert_eq!(units[0].capture_time_us, 40_000);
    }

    #[test]
    fn after_a_lost_frame_the_camera_is_asked_for_a_key_frame_once_a_second() {
        let stream = units_of_h264("-bf 0 -g 100");
        let output = Output::default();
        let mut buffers: Vec<_> = stream.iter().cloned().map(Ok).collect();
        buffers.extend(stream[1..].iter().cloned().map(Ok));
        buffers[3] = Err(DropReason::Corrupt);
        let (units, outcomes) = give(&buffers, &output);
        assert_eq!(units.len(), 3);
        let asked: Vec<_> = (0..outcomes.len())
            .filter(|&at| outcomes[at].ask_for_key)
            .collect();
        assert_eq!(asked, [3, 28]);
        let dropped: Vec<_> = output.dropped().collect();
        let waiting = (DropReason::WaitingForKey, buffers.len() as u64 - 4);
        assert_eq!(dropped, [(DropReason::Corrupt, 1), waiting]);
    }
}
