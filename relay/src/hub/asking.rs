//! When a camera is asked for a key frame. Pure.

use std::time::Duration;

/// At most so often, whoever needs one: a key frame costs every viewer of the camera several other frames.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long a stream that was just opened waits by itself: its group is on its way.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Asking {
    asked_at: Option<Duration>,
    /// Frames came since, but no key frame.
    waiting_since: Option<Duration>,
}

impl Asking {
    /// A frame came that needs others. `has_begun`: there were frames before. Says whether to ask now.
    pub(super) fn frame_waits(&mut self, has_begun: bool, now: Duration) -> bool {
        let since = *self.waiting_since.get_or_insert(now);
        (has_begun || now.saturating_sub(since) >= PATIENCE) && self.wanted(now)
    }

    /// Someone needs a key frame. Says whether to ask now.
    pub(super) fn wanted(&mut self, now: Duration) -> bool {
        let just_asked = self
            .asked_at
            .is_some_and(|asked| now.saturating_sub(asked) < ASK_EVERY);
        if !just_asked {
            self.asked_at = Some(now);
        }
        !just_asked
    }

    /// A frame came that can be decoded.
    pub(super) fn frame_came(&mut self) {
        self.waiting_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn after_a_loss_the_camera_is_asked_at_once_and_then_every_second() {
        let mut asking = Asking::default();
        let asked: Vec<_> = (0..100)
            .map(|n| n * 33)
            .filter(|&at| asking.frame_waits(true, ms(at)))
            .collect();
        assert_eq!(asked, [0, 1_023, 2_046, 3_069]);
    }

    #[test]
    fn a_stream_that_was_just_opened_waits_for_its_group() {
        let mut asking = Asking::default();
        assert!(!asking.frame_waits(false, ms(0)));
        assert!(!asking.frame_waits(false, ms(499)));
        assert!(asking.frame_waits(false, ms(500)));
        asking.frame_came();
        assert!(!asking.frame_waits(false, ms(5_000)));
    }

    #[test]
    fn viewers_and_losses_share_one_limit() {
        let mut asking = Asking::default();
        assert!(asking.wanted(ms(100)));
        assert!(!asking.wanted(ms(200)));
        assert!(!asking.frame_waits(true, ms(300)));
        assert!(asking.wanted(ms(1_100)));
    }
}
