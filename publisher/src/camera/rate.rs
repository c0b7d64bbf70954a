//! The limit on frames per second.

use std::time::Duration;

use tokio::time::Instant;

/// Lets so many frames per second pass, evenly, whatever the camera's rate.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    due: Option<Instant>,
}

impl RateLimit {
    /// Whether the frame that came `now` may pass. `max_fps` is 0 for no limit.
    pub(crate) fn allows(&mut self, now: Instant, max_fps: f64) -> bool {
        if max_fps <= 0.0 {
            self.due = None;
            return true;
        }
        let period = Duration::from_secs_f64(1.0 / max_fps.max(0.001));
        let due = match self.due {
            Some(due) if now < due => {
                // The limit may have been raised since.
                self.due = Some(due.min(now + period));
                return false;
            }
            Some(due) if now < due + period => due,
            // Half a period of slack, so that a camera of just this rate loses no frame to jitter.
            _ => now - period / 2,
        };
        self.due = Some(due + period);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `fps` x 10 frames pass in ten seconds.
    fn passing(fps: u32, max_fps: f64, jitter: impl Fn(u32) -> i32) -> u32 {
        let (mut limit, start) = (
            RateLimit::default(),
            Instant::now() + Duration::from_secs(1),
        );
        (0..fps * 10)
            .map(|i| start + Duration::from_micros(u64::from(i) * 1_000_000 / u64::from(fps)))
            .zip(0..)
            .filter(|(at, i)| {
                let at = match jitter(*i) {
                    us if us < 0 => *at - Duration::from_micros(u64::from(us.unsigned_abs())),
                    us => *at + Duration::from_micros(u64::from(us.unsigned_abs())),
                };
                limit.allows(at, max_fps)
            })
            .count() as u32
    }

    #[tokio::test]
    async fn the_average_is_the_limit() {
        for (fps, max_fps, wanted) in [
            (30, 10.0, 100),
            (30, 12.0, 120),
            (30, 29.0, 290),
            (25, 60.0, 250),
            (30, 0.5, 5),
        ] {
            let passed = passing(fps, max_fps, |_| 0);
            assert!(
                passed.abs_diff(wanted) <= 1,
                "{passed} of {fps} fps at {max_fps}"
            );
        }
    }

    #[tokio::test]
    async fn a_camera_of_just_the_limits_rate_loses_nothing_to_jitter() {
        let passed = passing(30, 30.0, |i| (i * 7_919 % 20_000) as i32 - 10_000);
        assert!(passed >= 299, "{passed}");
    }

    #[tokio::test]
    async fn no_limit_is_no_limit() {
        assert_eq!(passing(200, 0.0, |_| 0), 2_000);
    }

    #[tokio::test]
    async fn a_raised_limit_holds_at_once() {
        let (mut limit, now) = (
            RateLimit::default(),
            Instant::now() + Duration::from_secs(1_000),
        );
        assert!(limit.allows(now, 0.01));
        assert!(!limit.allows(now + Duration::from_millis(10), 10.0));
        assert!(limit.allows(now + Duration::from_millis(120), 10.0));
    }
}
