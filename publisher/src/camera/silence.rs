//! When a source that is open and gives nothing is stalled, and when it is given up.

use std::time::Duration;

use crate::source::Hint;

/// A source with an ordinary rate is announced as stalled after this, and opened anew after twice of it.
const STALLED: Duration = Duration::from_millis(2_500);

/// How long a source may take from its start to its first picture. Sources have shorter limits of their own, with
/// better reasons: this one catches those that hang.
pub(crate) const FIRST_PICTURE: Duration = Duration::from_secs(30);

/// Slow sources (a picture every ten seconds) are judged by their own rate, up to this.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3_600);

/// What silence means for one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silence {
    /// It is announced as stalled.
    pub(crate) stalled: Duration,
    /// It is closed and opened anew.
    pub(crate) restart: Duration,
}

impl Silence {
    /// What is right for a source that is expected to give `hint.fps`.
    pub(crate) fn of(hint: Hint) -> Self {
        let interval = match f64::from(hint.fps) {
            fps if fps > 0.0 => Duration::try_from_secs_f64(1.0 / fps).unwrap_or(LONGEST_INTERVAL),
            _ => Duration::ZERO,
        };
        let stalled = STALLED.max(2 * interval.min(LONGEST_INTERVAL));
        Self {
            stalled,
            restart: 2 * stalled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(fps: f32) -> (u64, u64) {
        let silence = Silence::of(Hint {
            fps,
            ..Hint::default()
        });
        (
            silence.stalled.as_millis() as u64,
            silence.restart.as_millis() as u64,
        )
    }

    #[test]
    fn an_ordinary_source_is_stalled_after_half_of_five_seconds() {
        assert_eq!(silence(30.0), (2_500, 5_000));
        assert_eq!(silence(0.0), (2_500, 5_000));
    }

    #[test]
    fn a_slow_source_may_take_its_time() {
        assert_eq!(silence(0.125), (16_000, 32_000));
        assert_eq!(silence(f32::MIN_POSITIVE), (7_200_000, 14_400_000));
        assert_eq!(silence(f32::NAN), (2_500, 5_000));
    }
}
