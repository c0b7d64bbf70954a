//! The two clocks that a relay reads, in one place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Monotonic time since the relay's start, and wall clock time. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Since the start; never goes back. All times of rules in this crate are of this kind.
    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The instant at which [`Clock::now`] will be `time`.
    pub(crate) fn instant(&self, time: Duration) -> Instant {
        self.origin + time
    }
}

/// Microseconds since 1970 UTC.
pub(crate) fn wall_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}
