//! The smallest value of the last seconds.

/// Values older than two spans are forgotten.
const SPAN_US: i64 = 10_000_000;

/// The smallest of the values that came in the last 10 to 20 s. Holds two numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    since_us: i64,
    before: i64,
    now: i64,
}

impl Least {
    pub(super) fn new(value: i64, at_us: i64) -> Self {
        Self {
            since_us: at_us,
            before: i64::MAX,
            now: value,
        }
    }

    /// Takes the next value.
    pub(super) fn take(&mut self, value: i64, at_us: i64) {
        if at_us.saturating_sub(self.since_us) >= SPAN_US {
            *self = Self {
                since_us: at_us,
                before: self.now,
                now: value,
            };
        }
        self.now = self.now.min(value);
    }

    pub(super) fn get(&self) -> i64 {
        self.now.min(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_value_holds_for_ten_to_twenty_seconds() {
        let mut least = Least::new(5, 0);
        let found: Vec<_> = (1..=25)
            .map(|second| {
                least.take(if second == 3 { 2 } else { 7 }, second * 1_000_000);
                least.get()
            })
            .collect();
        assert_eq!(found[..2], [5, 5]);
        assert!(found[2..19].iter().all(|&value| value == 2), "{found:?}");
        assert!(found[19..].iter().all(|&value| value == 7), "{found:?}");
    }
}
