//! When a frame was taken.

use std::time::Duration;

use v4l::buffer::Flags;

/// A frame that seems older is not: some drivers stamp with a clock of the camera's own.
const OLDEST: Duration = Duration::from_secs(5);

/// The capture time in microseconds since 1970 UTC: what the driver says, where it can be believed, else
/// the time of arrival, `now_us`.
pub(super) fn capture_time_us(
    flags: Flags,
    stamp: Duration,
    now_monotonic: Duration,
    now_us: i64,
) -> i64 {
    let monotonic = flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
    let age = now_monotonic
        .checked_sub(stamp)
        .filter(|&age| monotonic && age <= OLDEST)
        .unwrap_or_default();
    now_us.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn taken_us(flags: Flags, stamp: Duration) -> i64 {
        capture_time_us(flags, stamp, NOW, 9_000_000_000)
    }

    #[test]
    fn a_monotonic_stamp_counts_back_from_now() {
        let stamp = NOW - Duration::from_millis(40);
        assert_eq!(
            taken_us(Flags::TIMESTAMP_MONOTONIC, stamp),
            9_000_000_000 - 40_000
        );
        let source = Flags::TIMESTAMP_MONOTONIC | Flags::TSTAMP_SRC_SOE | Flags::MAPPED;
        assert_eq!(taken_us(source, stamp), 9_000_000_000 - 40_000);
    }

    #[test]
    fn a_stamp_of_another_clock_is_not_used() {
        let stamp = NOW - Duration::from_millis(40);
        for flags in [Flags::empty(), Flags::TIMESTAMP_COPY] {
            assert_eq!(taken_us(flags, stamp), 9_000_000_000);
        }
    }

    #[test]
    fn a_stamp_that_cannot_be_is_not_used() {
        for stamp in [Duration::ZERO, NOW + Duration::from_secs(1), Duration::MAX] {
            assert_eq!(taken_us(Flags::TIMESTAMP_MONOTONIC, stamp), 9_000_000_000);
        }
    }
}
