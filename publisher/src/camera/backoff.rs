//! How long to wait before a source is tried again.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// A source that gave pictures for so long is well again: the next failure is a new one.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// Doubles the pause with every failure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a failure: 250 ms doubling up to 15 s, of which `random` (0 to 1) takes away up to half, so
    /// that many cameras behind one switch do not come back in one instant.
    pub(crate) fn after_failure(&mut self, random: f64) -> Duration {
        // 2^6 times the shortest is beyond the longest.
        let full = LONGEST.min(SHORTEST * (1 << self.failures.min(6)));
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
    }

    /// The pause after a refused password: the longest at once, as cameras lock out those who insist.
    pub(crate) fn after_refusal(&mut self, random: f64) -> Duration {
        self.failures = 6;
        self.after_failure(random)
    }

    /// The source gave pictures for this long.
    pub(crate) fn lived(&mut self, time: Duration) {
        if time >= WELL_AFTER {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_fifteen_seconds() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9)
            .map(|_| backoff.after_failure(0.0).as_millis())
            .collect();
        assert_eq!(
            pauses,
            [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]
        );
    }

    #[test]
    fn chance_takes_away_up_to_half() {
        for random in [0.0, 0.3, 1.0, 7.0, -1.0] {
            let pause = Backoff::default().after_failure(random);
            assert!(pause >= SHORTEST / 2 && pause <= SHORTEST, "{pause:?}");
        }
    }

    #[test]
    fn only_a_source_that_lived_for_a_while_starts_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.after_failure(0.0);
        }
        backoff.lived(Duration::from_secs(9));
        assert_eq!(backoff.after_failure(0.0), Duration::from_secs(8));
        backoff.lived(WELL_AFTER);
        assert_eq!(backoff.after_failure(0.0), SHORTEST);
    }

    #[test]
    fn a_refused_password_is_not_tried_often() {
        assert_eq!(Backoff::default().after_refusal(0.0), LONGEST);
    }
}
