//! A limit of frames per second.

use std::time::Duration;

/// A frame may go this part of an interval early, so that jitter does not cost every second frame.
const EARLY: u32 = 4;

/// A frame that came too early waits for this part of an interval beyond its turn: if a newer one
/// comes by then, it goes instead, and is not late.
const LATE: u32 = 2;

/// Neither is more than this, however low the limit.
const MOST: Duration = Duration::from_millis(100);

/// The slowest limit: an hour between frames.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Evenly spaced turns, at no more and no less than the rate asked for, as long as frames come at
/// that rate or a higher one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Zero: no limit.
    interval: Duration,
    /// The next turn. Turns follow each other at exactly `interval`, whenever the frames went.
    due: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A frame may go now.
    Now,
    /// The newest frame may go at this time.
    At(Duration),
}

impl Pace {
    /// A limit that is not a number above zero is no limit.
    pub(crate) fn new(max_fps: Option<f64>) -> Self {
        let interval = max_fps
            .filter(|fps| *fps > 0.0)
            .map_or(Duration::ZERO, |fps| {
                Duration::try_from_secs_f64(1.0 / fps).map_or(LONGEST, |i| i.min(LONGEST))
            });
        Self {
            interval,
            due: None,
        }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn turn(&self, now: Duration) -> Turn {
        match self.due {
            Some(due) if now + (self.interval / EARLY).min(MOST) < due => {
                Turn::At(due + (self.interval / LATE).min(MOST))
            }
            _ => Turn::Now,
        }
    }

    pub(super) fn sent(&mut self, now: Duration) {
        self.due = Some(match self.due {
            Some(due) if now < due + self.interval => due + self.interval,
            _ => now + self.interval,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// When frames go that arrive at `arrivals` (sorted), under a limit.
    fn sent(arrivals: &[Duration], max_fps: f64) -> Vec<Duration> {
        let mut pace = Pace::new(Some(max_fps));
        let mut held: Option<Duration> = None;
        let mut sent = Vec::new();
        for &now in arrivals {
            if let Some(at) = held.filter(|at| *at <= now) {
                assert_eq!(pace.turn(at), Turn::Now);
                pace.sent(at);
                sent.push(at);
            }
            held = match pace.turn(now) {
                Turn::Now => {
                    pace.sent(now);
                    sent.push(now);
                    None
                }
                Turn::At(at) => Some(at),
            };
        }
        sent
    }

    /// Ten seconds of frames at `fps`; each comes late by up to `jitter_us`.
    fn arrivals(fps: u64, jitter_us: &[u64]) -> Vec<Duration> {
        let mut times: Vec<_> = (0..fps * 10)
            .map(|n| {
                let jitter = jitter_us[n as usize % jitter_us.len()];
                Duration::from_micros(n * 1_000_000 / fps + jitter)
            })
            .collect();
        times.sort();
        times
    }

    #[test]
    fn half_the_rate_is_every_second_frame_with_or_without_jitter() {
        for jitter in [&[0][..], &[0, 9_000, 2_000, 12_000, 5_000]] {
            let sent = sent(&arrivals(30, jitter), 15.0);
            assert_eq!(sent.len(), 150);
            let widest = sent.windows(2).map(|w| w[1] - w[0]).max().unwrap();
            assert!(widest < Duration::from_millis(90), "{widest:?}");
        }
    }

    #[test]
    fn no_limit_lets_everything_pass() {
        for max_fps in [
            None,
            Some(0.0),
            Some(f64::NAN),
            Some(-1.0),
            Some(f64::INFINITY),
        ] {
            let mut pace = Pace::new(max_fps);
            for us in 0..100 {
                let now = Duration::from_micros(us);
                assert_eq!(pace.turn(now), Turn::Now);
                pace.sent(now);
            }
        }
    }

    #[test]
    fn a_tiny_limit_is_an_hour() {
        assert_eq!(Pace::new(Some(f64::MIN_POSITIVE)).interval(), LONGEST);
    }

    proptest! {
        #[test]
        fn the_rate_is_the_one_asked_for(
            source in 1u64..120,
            max_fps in 0.5f64..100.0,
            jitter_percent in prop::collection::vec(0u64..24, 1..50),
        ) {
            // Of the time between two frames.
            let jitter: Vec<_> = jitter_percent.iter().map(|p| p * 10_000 / source).collect();
            let count = sent(&arrivals(source, &jitter), max_fps).len() as f64;
            let wanted = max_fps.min(source as f64) * 10.0;
            prop_assert!(count <= max_fps * 10.0 + 2.0, "{count} of {wanted}");
            prop_assert!(count >= wanted * 0.95 - 2.0, "{count} of {wanted}");
        }
    }
}
