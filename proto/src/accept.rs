//! Decides which frames of a stream may be shown.
//!
//! Brokers and clients replay what they queued during an outage, publishers restart, clocks are set.
//! What is shown must move forward, must not be old, and must never stop for good.

use std::time::Duration;

/// A frame that is later than the best one by more than this is stale.
pub const STALE_AFTER: Duration = Duration::from_secs(1);

/// How long a higher epoch must be silent until a lower one takes over: wall clocks, from which
/// epochs are taken, may have been set back between two starts of a publisher.
pub const EPOCH_SILENCE: Duration = Duration::from_millis(1_500);

/// Two publishers with one camera's name do not take turns: for this long after a switch between two that both
/// send, the one that is shown is kept.
pub const CONTEST_PAUSE: Duration = Duration::from_secs(60);

/// ... unless it is silent for this long: it does not stumble, it is gone.
pub const CONTEST_SILENCE: Duration = Duration::from_secs(5);

/// Frames that stay equally late for this long are not a backlog that drains: the path became
/// longer, or a clock was set. The offset is learnt anew.
const LATE_FOR: Duration = Duration::from_secs(3);

/// A backlog that drains becomes less late by at least this in every [`LATE_FOR`].
const DRAINING_US: i64 = 250_000;

/// The best offset grows by this fraction of the time that passes, so that clocks may drift apart
/// (quartz: up to 100 millionths; a clock that is being slewed: 500).
const DRIFT_MILLIONTHS: i64 = 500;

/// What the rule needs to know of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTime {
    /// [`Frame::epoch`](crate::Frame::epoch).
    pub epoch: u64,
    /// [`Frame::sequence`](crate::Frame::sequence).
    pub sequence: u64,
    /// [`Frame::capture_time_us`](crate::Frame::capture_time_us).
    pub capture_us: i64,
}

/// Whether a frame may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It may. `lateness` is by how much more it was delayed than the best frame.
    Accept {
        /// Zero for the best frame so far.
        lateness: Duration,
    },
    /// It is not newer than one that was accepted.
    Repeated,
    /// A publisher with a higher epoch sends the same stream.
    OldEpoch,
    /// It was delayed too long.
    Stale {
        /// By how much more it was delayed than the best frame.
        lateness: Duration,
    },
}

/// The rule for one stream, with what it has learnt so far.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    current: Option<Current>,
    switch: Option<Switch>,
}

/// How the current epoch took over from another one.
#[derive(Clone, Copy, Debug)]
struct Switch {
    from: u64,
    at: Duration,
    /// The other one has sent since: it is no publisher that was started anew, but another one of the same name.
    contested: bool,
}

#[derive(Clone, Debug)]
struct Current {
    epoch: u64,
    sequence: u64,
    capture_us: i64,
    /// When a frame of this epoch last arrived, accepted or not.
    heard_at: Duration,
    /// The smallest arrival minus capture time seen, and when it was brought up to date.
    best_us: i64,
    best_at: Duration,
    late: Option<Late>,
}

/// Frames have been stale since `since`, without becoming less late than `lateness_us`.
#[derive(Clone, Copy, Debug)]
struct Late {
    since: Duration,
    lateness_us: i64,
}

impl Acceptance {
    /// Judges the next frame in the order of arrival. `now` is the arrival by a monotonic clock with
    /// any origin.
    pub fn judge(&mut self, frame: FrameTime, now: Duration) -> Verdict {
        if let Some(current) = &mut self.current {
            if frame.epoch == current.epoch {
                return current.judge(frame, now);
            }
            let contested = self
                .switch
                .as_mut()
                .is_some_and(|switch| switch.contested_by(frame.epoch, now));
            let silence = match frame.epoch < current.epoch {
                _ if contested => CONTEST_SILENCE,
                true => EPOCH_SILENCE,
                false => Duration::ZERO,
            };
            if now.saturating_sub(current.heard_at) < silence {
                return Verdict::OldEpoch;
            }
            self.switch = Some(Switch {
                from: current.epoch,
                at: now,
                contested,
            });
        }
        self.current = Some(Current::starting_with(frame, now));
        Verdict::Accept {
            lateness: Duration::ZERO,
        }
    }
}

impl Switch {
    /// Whether two publishers are at odds, now that another one than the current one sends.
    fn contested_by(&mut self, epoch: u64, now: Duration) -> bool {
        self.contested |= epoch == self.from;
        self.contested && now.saturating_sub(self.at) < CONTEST_PAUSE
    }
}

impl Current {
    fn starting_with(frame: FrameTime, now: Duration) -> Self {
        Self {
            epoch: frame.epoch,
            sequence: frame.sequence,
            capture_us: frame.capture_us,
            heard_at: now,
            best_us: offset_us(frame, now),
            best_at: now,
            late: None,
        }
    }

    fn judge(&mut self, frame: FrameTime, now: Duration) -> Verdict {
        self.heard_at = now;
        if frame.sequence <= self.sequence {
            return Verdict::Repeated;
        }
        let lateness_us = self.lateness_us(frame, now);
        // Time runs backwards from one frame to the next only if the publisher's clock was set.
        let clock_set_back = frame.capture_us < self.capture_us.saturating_sub(micros(STALE_AFTER));
        if lateness_us > micros(STALE_AFTER)
            && !clock_set_back
            && !self.late_for_good(lateness_us, now)
        {
            return Verdict::Stale {
                lateness: Duration::from_micros(lateness_us.unsigned_abs()),
            };
        }
        if lateness_us > micros(STALE_AFTER) {
            *self = Self::starting_with(frame, now);
            return Verdict::Accept {
                lateness: Duration::ZERO,
            };
        }
        self.late = None;
        self.sequence = frame.sequence;
        self.capture_us = frame.capture_us;
        Verdict::Accept {
            lateness: Duration::from_micros(lateness_us.unsigned_abs()),
        }
    }

    /// How much later than the best frame this one is; it may be the new best.
    fn lateness_us(&mut self, frame: FrameTime, now: Duration) -> i64 {
        let passed_us = micros(now.saturating_sub(self.best_at));
        let drifted = self
            .best_us
            .saturating_add(passed_us / 1_000_000 * DRIFT_MILLIONTHS);
        // Only whole seconds are taken over, so that rounding loses nothing.
        self.best_at += Duration::from_secs((passed_us / 1_000_000).unsigned_abs());
        let offset = offset_us(frame, now);
        self.best_us = drifted.min(offset);
        offset.saturating_sub(self.best_us)
    }

    /// Whether stale frames are here to stay.
    fn late_for_good(&mut self, lateness_us: i64, now: Duration) -> bool {
        match self.late {
            Some(late) if lateness_us > late.lateness_us.saturating_sub(DRAINING_US) => {
                now.saturating_sub(late.since) >= LATE_FOR
            }
            _ => {
                self.late = Some(Late {
                    since: now,
                    lateness_us,
                });
                false
            }
        }
    }
}

fn offset_us(frame: FrameTime, now: Duration) -> i64 {
    micros(now).saturating_sub(frame.capture_us)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_US: i64 = 3_600_000_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn frame(epoch: u64, sequence: u64, capture_ms: i64) -> FrameTime {
        FrameTime {
            epoch,
            sequence,
            capture_us: capture_ms * 1_000,
        }
    }

    fn accepted(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Accept { .. })
    }

    #[test]
    fn a_repeated_frame_is_not_shown_again() {
        let mut rule = Acceptance::default();
        assert!(accepted(rule.judge(frame(1, 5, 0), ms(10))));
        assert_eq!(rule.judge(frame(1, 5, 0), ms(20)), Verdict::Repeated);
        assert_eq!(rule.judge(frame(1, 4, 0), ms(20)), Verdict::Repeated);
        assert!(accepted(rule.judge(frame(1, 6, 33), ms(40))));
    }

    #[test]
    fn what_a_broker_replays_after_an_outage_is_stale() {
        let mut rule = Acceptance::default();
        assert!(accepted(rule.judge(frame(1, 0, 0), ms(5))));
        // Ten seconds of silence, then everything at once.
        for i in 1..300 {
            let capture_ms = i * 33;
            let fresh = capture_ms >= 9_000;
            let verdict = rule.judge(frame(1, i as u64, capture_ms), ms(10_005));
            assert_eq!(accepted(verdict), fresh, "{capture_ms} {verdict:?}");
        }
    }

    #[test]
    fn a_backlog_that_drains_slowly_is_never_shown() {
        let mut rule = Acceptance::default();
        assert!(accepted(rule.judge(frame(1, 0, 0), ms(0))));
        // A minute late, caught up at twice the speed of time.
        let mut now = 60_000;
        for i in 1.. {
            let capture_ms = i * 100;
            now += 50;
            let late_ms = now - capture_ms;
            let verdict = rule.judge(frame(1, i as u64, capture_ms), ms(now as u64));
            if late_ms < 900 {
                assert!(accepted(verdict));
                break;
            }
            assert!(!accepted(verdict) || late_ms <= 1_100, "{late_ms} ms late");
        }
    }

    #[test]
    fn a_publisher_that_starts_with_its_clock_set_back_is_taken_after_a_silence() {
        let mut rule = Acceptance::default();
        assert!(accepted(rule.judge(frame(2, 100, 0), ms(0))));
        assert_eq!(rule.judge(frame(1, 0, 1_500), ms(1_499)), Verdict::OldEpoch);
        assert!(accepted(rule.judge(frame(1, 1, 1_510), ms(1_510))));
    }

    /// When the picture changes to which publisher, in ms, in 90 s in which `sends` says who sends.
    fn switches(sends: impl Fn(u64) -> Vec<u64>) -> Vec<(u64, u64)> {
        let mut rule = Acceptance::default();
        let (mut switches, mut shown) = (Vec::new(), None);
        for now in (0..90_000_u64).step_by(100) {
            for epoch in sends(now) {
                let next = frame(epoch, now, now as i64);
                if accepted(rule.judge(next, ms(now))) && shown.replace(epoch) != Some(epoch) {
                    switches.push((now, epoch));
                }
            }
        }
        switches
    }

    #[test]
    fn two_publishers_do_not_take_turns() {
        // The one that started last stumbles for two seconds, again and again; the other one sends all the time.
        let stumbles = |now| (10_000..).contains(&now) && now % 10_000 < 2_000;
        let shown = switches(|now| match now {
            _ if now < 5_000 || stumbles(now) => vec![1],
            _ => vec![1, 2],
        });
        // It is given up when a minute has passed since it was taken.
        assert_eq!(shown, [(0, 1), (5_000, 2), (71_400, 1)]);
    }

    #[test]
    fn a_publisher_that_starts_again_and_again_takes_over_once_a_minute() {
        let shown = switches(|now| match now {
            // Every six seconds anew, and dead after one.
            _ if now >= 6_000 && now % 6_000 < 1_000 => vec![1, now / 6_000 + 1],
            _ => vec![1],
        });
        // It is taken, gone for five seconds, and must then wait for a minute.
        let expected = [(0, 1), (6_000, 2), (11_900, 1), (72_000, 13), (77_900, 1)];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_shown_one_of_two_publishers_is_given_up_when_it_is_gone() {
        let shown = switches(|now| match now {
            20_000.. => vec![1],
            5_000.. => vec![1, 2],
            _ => vec![1],
        });
        assert_eq!(shown, [(0, 1), (5_000, 2), (24_900, 1)]);
    }

    #[test]
    fn a_restart_is_taken_at_once_after_any_history() {
        let mut rule = Acceptance::default();
        assert!(accepted(rule.judge(frame(2, 0, 0), ms(0))));
        assert!(accepted(rule.judge(frame(1, 0, 2_000), ms(2_000))));
        assert!(accepted(rule.judge(frame(3, 0, 2_100), ms(2_100))));
    }

    #[test]
    fn a_publishers_clock_may_be_set_by_an_hour_either_way() {
        for step_us in [HOUR_US, -HOUR_US] {
            let mut rule = Acceptance::default();
            for i in 0..300u64 {
                let step = if i < 100 { 0 } else { step_us };
                let frame = FrameTime {
                    epoch: 1,
                    sequence: i,
                    capture_us: i as i64 * 33_000 + step,
                };
                assert!(accepted(rule.judge(frame, ms(i * 33 + 7))), "{step_us} {i}");
            }
        }
    }

    #[test]
    fn a_path_that_became_longer_costs_three_seconds() {
        let mut rule = Acceptance::default();
        assert!(accepted(rule.judge(frame(1, 0, 0), ms(0))));
        let first = (1..200)
            .find(|&i| accepted(rule.judge(frame(1, i, i as i64 * 100), ms(i * 100 + 2_000))))
            .unwrap();
        assert_eq!(first, 31);
    }

    #[test]
    fn clocks_may_drift_apart_for_days() {
        let mut rule = Acceptance::default();
        for second in 0..(3 * 86_400u64) {
            // 100 millionths slow: 26 s in three days.
            let capture_us = second as i64 * (1_000_000 - 100);
            let frame = FrameTime {
                epoch: 1,
                sequence: second,
                capture_us,
            };
            let verdict = rule.judge(frame, ms(second * 1_000));
            assert!(
                matches!(verdict, Verdict::Accept { lateness } if lateness < ms(1)),
                "{second} {verdict:?}"
            );
        }
    }

    proptest! {
        /// Accepted frames of one epoch only move forward, whatever arrives.
        #[test]
        fn it_never_goes_back(arrivals in prop::collection::vec(
            (0u64..3, 0u64..50, -5_000_000i64..5_000_000, 0u64..2_000), 1..200)
        ) {
            let mut rule = Acceptance::default();
            let (mut now, mut last): (u64, Option<FrameTime>) = (0, None);
            let mut heard = [None::<u64>; 3];
            for (epoch, sequence, capture_us, pause_ms) in arrivals {
                now += pause_ms;
                let frame = FrameTime { epoch, sequence, capture_us };
                if accepted(rule.judge(frame, ms(now))) {
                    if let Some(last) = last {
                        if epoch == last.epoch {
                            prop_assert!(sequence > last.sequence);
                        }
                        if epoch < last.epoch {
                            prop_assert!(now - heard[last.epoch as usize].unwrap() >= 1_500);
                        }
                    }
                    last = Some(frame);
                }
                heard[epoch as usize] = Some(now);
            }
        }

        /// After any history, one publisher that sends steadily is shown within a bounded time.
        #[test]
        fn it_is_never_stuck(
            arrivals in prop::collection::vec(
                (any::<u64>(), any::<u64>(), any::<i64>(), 0u64..2_000), 0..50),
            clock in -1_000_000_000i64..1_000_000_000,
        ) {
            let mut rule = Acceptance::default();
            let mut now = 0;
            for (epoch, sequence, capture_us, pause_ms) in arrivals {
                now += pause_ms;
                rule.judge(FrameTime { epoch, sequence: sequence / 2, capture_us }, ms(now));
            }
            let start = now;
            let shown = (1..100u64).any(|i| {
                now = start + i * 100;
                let sequence = u64::MAX / 2 + i;
                accepted(rule.judge(frame(7, sequence, clock + now as i64), ms(now)))
            });
            prop_assert!(shown);
            prop_assert!(now - start <= 6_200, "{} ms", now - start);
        }
    }
}
