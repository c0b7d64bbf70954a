//! How long to wait before a source is tried again.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// A source that was well so lately is expected back (a cable, a restart), and tried often.
const EXPECTED_BACK: Duration = Duration::from_secs(60);
const LONGEST_WHILE_EXPECTED: Duration = Duration::from_secs(1);

/// A source that gave pictures for so long is well again: the next failure is a new one.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// Doubles the pause with every failure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    /// When it last gave pictures.
    well_at: Option<Instant>,
}

impl Backoff {
    /// The pause after a failure at `now`: 250 ms doubling up to 1 s in the first minute after it was well, and to 15 s
    /// otherwise, of which `random` (0 to 1) takes away up to half, so that many cameras behind one switch do not come
    /// back in one instant.
    pub(crate) fn after_failure(&mut self, random: f64, now: Instant) -> Duration {
        let expected = self.well_at.is_some_and(|at| now < at + EXPECTED_BACK);
        let longest = if expected {
            // The next minute begins where this one ends.
            self.failures = self.failures.min(2);
            LONGEST_WHILE_EXPECTED
        } else {
            LONGEST
        };
        // 2^6 times the shortest is beyond the longest.
        let full = longest.min(SHORTEST * (1 << self.failures.min(6)));
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
    }

    /// The pause after a refused password: the longest at once, as cameras lock out those who insist.
    pub(crate) fn after_refusal(&mut self, random: f64, now: Instant) -> Duration {
        self.failures = 6;
        self.well_at = None;
        self.after_failure(random, now)
    }

    /// The source has given pictures for this long, at `now`.
    pub(crate) fn lived(&mut self, time: Duration, now: Instant) {
        self.well_at = Some(now);
        if time >= WELL_AFTER {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses_ms(backoff: &mut Backoff, count: usize, now: Instant) -> Vec<u128> {
        let pauses = (0..count).map(|_| backoff.after_failure(0.0, now).as_millis());
        pauses.collect()
    }

    #[tokio::test]
    async fn pauses_double_up_to_fifteen_seconds() {
        let pauses = pauses_ms(&mut Backoff::default(), 9, Instant::now());
        assert_eq!(
            pauses,
            [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]
        );
    }

    #[tokio::test]
    async fn chance_takes_away_up_to_half() {
        for random in [0.0, 0.3, 1.0, 7.0, -1.0] {
            let pause = Backoff::default().after_failure(random, Instant::now());
            assert!(pause >= SHORTEST / 2 && pause <= SHORTEST, "{pause:?}");
        }
    }

    #[tokio::test]
    async fn a_source_that_was_well_is_tried_often_for_a_minute() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        backoff.lived(WELL_AFTER, start);
        let pauses = pauses_ms(&mut backoff, 6, start + EXPECTED_BACK / 2);
        assert_eq!(pauses, [250, 500, 1_000, 1_000, 1_000, 1_000]);
        let pauses = pauses_ms(&mut backoff, 5, start + EXPECTED_BACK);
        assert_eq!(pauses, [2_000, 4_000, 8_000, 15_000, 15_000]);
    }

    #[tokio::test]
    async fn only_a_source_that_lived_for_a_while_starts_anew() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        pauses_ms(&mut backoff, 5, start);
        backoff.lived(Duration::from_secs(9), start);
        let now = start + EXPECTED_BACK;
        assert_eq!(backoff.after_failure(0.0, now), Duration::from_secs(8));
        backoff.lived(WELL_AFTER, now);
        assert_eq!(backoff.after_failure(0.0, now + EXPECTED_BACK), SHORTEST);
    }

    #[tokio::test]
    async fn a_refused_password_is_not_tried_often() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.lived(WELL_AFTER, now);
        assert_eq!(backoff.after_refusal(0.0, now), LONGEST);
    }
}
