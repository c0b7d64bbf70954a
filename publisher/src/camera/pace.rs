//! Holds pictures back that would only wait on their way: an uplink that is too narrow for a stream holds seconds of
//! it in the buffers of this host, of a leaf node, and of modems. Relays say when pictures come later and later. Pure.

use std::time::Duration;

use sightline_proto::Demand;
use tokio::time::Instant;

/// What is under way when a relay complains is through after this, or its next complaint came.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A way that carries a picture so seldom is no way; it is tried again this often.
const LONGEST_INTERVAL: Duration = Duration::from_secs(2);

/// Without complaints for so long, a little more is tried.
const EASED_EVERY: Duration = Duration::from_millis(500);

/// Of what the way was seen to carry, so that it empties.
const ROOM: f64 = 1.15;
const EASED_BY: f64 = 0.93;

/// By how much the interval grows at once, when there is one.
const MOST_AT_ONCE: f64 = 1.4;

/// Above this rate no camera is: nothing is held back any more.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(8);

/// When the next picture of one stream may go.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    wait_until: Option<Instant>,
    interval: Option<Duration>,
    /// The last picture that was sent before the interval grew: complaints about earlier ones are about what was.
    judged: u64,
    eased_at: Option<Instant>,
    sent: Option<(u64, Instant)>,
}

impl Pace {
    /// Every relay that watches says that pictures come later and later; this is what one of them says.
    pub(super) fn late(&mut self, complaint: &Demand, now: Instant) {
        self.eased_at = Some(now);
        let is_new = self.interval.is_none() || complaint.sequence > self.judged;
        if complaint.every_ms > 0 && is_new {
            self.slow_down(Duration::from_millis(complaint.every_ms.into()));
        }
        let last = self.sent.map(|(sequence, _)| sequence);
        self.wait_until = if last.is_some_and(|last| complaint.sequence >= last) {
            // The last one that was sent: the way is empty.
            None
        } else {
            let late = Duration::from_millis(complaint.late_ms.into());
            Some(now + late.min(LONGEST_WAIT))
        };
    }

    /// The way was seen to carry a picture in this time.
    fn slow_down(&mut self, carried: Duration) {
        let carried = carried.mul_f64(ROOM);
        let interval = match self.interval {
            None => carried,
            // A way that loses packets carries nothing for a moment: that says little.
            Some(before) => carried.clamp(before, before.mul_f64(MOST_AT_ONCE)),
        };
        self.interval = Some(interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL));
        self.judged = self.sent.map_or(0, |(sequence, _)| sequence);
    }

    /// Whether a picture may go now.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        if self.wait_until.is_some_and(|until| now < until) {
            return false;
        }
        self.wait_until = None;
        self.ease(now);
        let Some((interval, (_, sent_at))) = self.interval.zip(self.sent) else {
            return true;
        };
        now >= sent_at + interval
    }

    /// A picture was sent under this number.
    pub(super) fn sent(&mut self, sequence: u64, now: Instant) {
        self.sent = Some((sequence, now));
    }

    /// Nobody watches any more: the next time, the way may be another.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn ease(&mut self, now: Instant) {
        let (Some(interval), Some(at)) = (self.interval, self.eased_at) else {
            return;
        };
        if now < at + EASED_EVERY {
            return;
        }
        self.eased_at = Some(now);
        let eased = interval.mul_f64(EASED_BY);
        self.interval = (eased > SHORTEST_INTERVAL).then_some(eased);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(5);

    /// A camera and a way that carries one picture in `carries`, in steps of a millisecond. Gives how late each picture
    /// was that arrived, in ms, and when.
    fn through(fps: u32, carries: Duration, time: Duration) -> Vec<(u64, u64)> {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut queue = std::collections::VecDeque::new();
        let (mut free_at, mut arrived) = (start, Vec::new());
        let (mut sequence, mut before) = (0, None::<(Duration, Instant)>);
        for step in 0..time.as_millis() as u32 {
            let now = start + Duration::from_millis(1) * step;
            if step % (1_000 / fps) == 0 && pace.allows(now) {
                sequence += 1;
                pace.sent(sequence, now);
                free_at = free_at.max(now) + carries;
                queue.push_back((sequence, now, free_at + BASE));
            }
            while let Some(&(sequence, sent_at, at)) = queue.front()
                && at <= now
            {
                queue.pop_front();
                let late = (at - sent_at).saturating_sub(carries + BASE);
                arrived.push((late.as_millis() as u64, u64::from(step)));
                let last = before.replace((late, at));
                let (last, last_at) = last.unwrap_or((Duration::ZERO, at));
                const LATE: Duration = Duration::from_millis(100);
                if late >= LATE && late >= last {
                    let every = if last >= LATE {
                        at - last_at
                    } else {
                        Duration::ZERO
                    };
                    let complaint = Demand {
                        late_ms: late.as_millis() as u32,
                        every_ms: every.as_millis() as u32,
                        sequence,
                        ..Demand::default()
                    };
                    pace.late(&complaint, now);
                }
            }
        }
        arrived
    }

    #[tokio::test]
    async fn a_narrow_way_carries_what_it_can_and_holds_little() {
        let carries = Duration::from_millis(160);
        let arrived = through(30, carries, Duration::from_secs(60));
        // It could carry 375.
        assert!(arrived.len() > 250, "{}", arrived.len());
        let mut late: Vec<_> = arrived.iter().map(|(late, _)| *late).collect();
        late.sort_unstable();
        let p95 = late[late.len() * 95 / 100];
        assert!(p95 < 400, "{p95} ms");
        let settled = arrived.iter().filter(|(_, at)| *at > 3_000);
        let worst = settled.map(|(late, _)| *late).max();
        assert!(worst < Some(450), "{worst:?}");
    }

    #[tokio::test]
    async fn a_wide_way_is_left_alone() {
        let arrived = through(25, Duration::from_millis(10), Duration::from_secs(10));
        assert_eq!(arrived.len(), 250);
    }

    #[tokio::test]
    async fn a_way_that_is_wide_again_is_used_again() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let complaint = Demand {
            late_ms: 300,
            every_ms: 500,
            sequence: 1,
            ..Demand::default()
        };
        pace.sent(1, start);
        pace.late(&complaint, start);
        let mut sent = 0;
        for step in 0..60_000 / 40 {
            let now = start + Duration::from_millis(40) * step;
            if pace.allows(now) {
                pace.sent(u64::from(step) + 2, now);
                sent += usize::from(step > 55_000 / 40);
            }
        }
        assert!(sent >= 120, "{sent} in the last 5 s");
    }

    #[tokio::test]
    async fn after_a_single_hitch_pictures_wait_half_a_second_at_most() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.sent(9, now);
        let hitch = Demand {
            late_ms: 3_000,
            sequence: 5,
            ..Demand::default()
        };
        pace.late(&hitch, now);
        assert!(!pace.allows(now + LONGEST_WAIT / 2));
        assert!(pace.allows(now + LONGEST_WAIT));
        let through = Demand {
            sequence: 9,
            ..hitch
        };
        pace.late(&through, now);
        assert!(pace.allows(now));
    }
}
