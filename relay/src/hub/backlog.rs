//! Notices that pictures pile up on their way here, so that their publisher can send fewer: an uplink that is too
//! narrow holds seconds of them otherwise. Pure.

use std::time::Duration;

use sightline_proto::accept::{FrameTime, Verdict};

/// Less is what networks do, and what a busy machine does.
const LATE: Duration = Duration::from_millis(100);

/// How often it is told at most.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// A picture that came late, and not less late than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late {
    pub(super) epoch: u64,
    pub(super) sequence: u64,
    /// By how much more than the best one it was delayed.
    pub(super) by: Duration,
    /// How long after the one before it came, if that was late as well.
    pub(super) every: Duration,
}

/// What the last pictures of a stream said.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    last: Option<(Duration, Duration)>,
    late: Option<Late>,
    told_at: Option<Duration>,
}

impl Backlog {
    /// Takes in what was found of a picture that came at `now`.
    pub(super) fn put(&mut self, frame: FrameTime, verdict: Verdict, now: Duration) {
        self.late = None;
        let (Verdict::Accept { lateness } | Verdict::Stale { lateness }) = verdict else {
            return;
        };
        let before = self.last.replace((lateness, now));
        let (before, at) = before.unwrap_or_default();
        // One that is less late than the one before comes out of a backlog that dissolves by itself.
        if lateness < LATE || lateness < before {
            return;
        }
        let every = if before >= LATE {
            now.saturating_sub(at)
        } else {
            Duration::ZERO
        };
        self.late = Some(Late {
            epoch: frame.epoch,
            sequence: frame.sequence,
            by: lateness,
            every,
        });
    }

    /// What is to be told now.
    pub(super) fn take(&mut self, now: Duration) -> Option<Late> {
        if self.told_at.is_some_and(|at| now < at + TELL_EVERY) {
            return None;
        }
        let late = self.late.take()?;
        self.told_at = Some(now);
        Some(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// What is told of pictures that were late by so much and came at these times.
    fn told(pictures: &[(u64, u64)]) -> Vec<(u64, u128, u128)> {
        let mut backlog = Backlog::default();
        let mut told = Vec::new();
        for (sequence, &(late, at)) in (0..).zip(pictures) {
            let frame = FrameTime {
                epoch: 1,
                sequence,
                capture_us: 0,
            };
            let lateness = ms(late);
            backlog.put(frame, Verdict::Accept { lateness }, ms(at));
            if let Some(late) = backlog.take(ms(at)) {
                told.push((late.sequence, late.by.as_millis(), late.every.as_millis()));
            }
        }
        told
    }

    #[test]
    fn pictures_that_come_later_and_later_pile_up() {
        let pictures = [(0, 0), (5, 33), (127, 193), (254, 353), (381, 513)];
        assert_eq!(told(&pictures), [(2, 127, 0), (3, 254, 160), (4, 381, 160)]);
    }

    #[test]
    fn what_was_held_up_once_and_comes_at_once_does_not() {
        let pictures = [(0, 0), (300, 333), (267, 334), (234, 335), (0, 370)];
        assert_eq!(told(&pictures), [(1, 300, 0)]);
    }

    #[test]
    fn it_is_not_told_for_every_picture_of_a_fast_camera() {
        let pictures: Vec<_> = (0..100).map(|n| (200 + n, n * 5)).collect();
        assert_eq!(told(&pictures).len(), 10);
    }
}
