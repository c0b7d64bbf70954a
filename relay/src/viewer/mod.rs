//! What a viewer gets, and when. Pure: numbers and times in, decisions out.

pub(crate) mod fresh;
mod ordered;
mod pace;

use std::time::Duration;

pub(crate) use ordered::Follower;
pub(crate) use pace::Pace;
use pace::Turn;

/// A silent multipart stream repeats its last picture this often: proxies cut silent streams.
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// The rules for one viewer of one stream whose frames do not depend on each other: the newest frame,
/// as often as it wants.
#[derive(Debug)]
pub(crate) struct Viewer {
    pace: Pace,
    /// The newest frame that the viewer was offered.
    offered: Option<u64>,
    sent: Option<u64>,
    sent_at: Duration,
    held_until: Option<Duration>,
}

/// What to do with the newest frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send it. So many frames since the last one were never offered: the viewer was too slow.
    Send { skipped: u64 },
    /// It is too early for the viewer's limit. Offer the newest one again at this time, if none comes
    /// before. Frames that were never offered are counted as with `Send`.
    Hold { until: Duration, skipped: u64 },
    /// It was sent before.
    Nothing,
}

impl Viewer {
    /// `max_fps`: frames per second at most.
    pub(crate) fn new(max_fps: Option<f64>) -> Self {
        Self {
            pace: Pace::new(max_fps),
            offered: None,
            sent: None,
            sent_at: Duration::ZERO,
            held_until: None,
        }
    }

    pub(crate) fn limit(&mut self, max_fps: Option<f64>) {
        self.pace = Pace::new(max_fps);
    }

    /// Decides on the newest frame of the stream, number `number`.
    pub(crate) fn offer(&mut self, number: u64, now: Duration) -> Decision {
        if self.sent == Some(number) {
            return Decision::Nothing;
        }
        let skipped = self
            .offered
            .map_or(0, |before| number.saturating_sub(before).saturating_sub(1));
        self.offered = Some(number);
        match self.pace.turn(now) {
            Turn::Now => {
                self.pace.sent(now);
                self.sent = Some(number);
                self.sent_at = now;
                self.held_until = None;
                Decision::Send { skipped }
            }
            Turn::At(until) => {
                self.held_until = Some(until);
                Decision::Hold { until, skipped }
            }
        }
    }

    /// When a frame that is held has to be offered again.
    pub(crate) fn held_until(&self) -> Option<Duration> {
        self.held_until
    }

    /// A frame that is held is not there any more.
    pub(crate) fn release(&mut self) {
        self.held_until = None;
    }

    /// When the last frame has to be sent again, unless another one goes before.
    pub(crate) fn repeat_at(&self) -> Option<Duration> {
        let after = REPEAT_AFTER.max(self.pace.interval());
        self.sent.map(|_| self.sent_at + after)
    }

    /// The last frame was sent again.
    pub(crate) fn repeated(&mut self, now: Duration) {
        self.sent_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn every_frame_goes_to_a_viewer_that_keeps_up() {
        let mut viewer = Viewer::new(None);
        for n in 1..100 {
            assert_eq!(
                viewer.offer(n, ms(n * 33)),
                Decision::Send { skipped: 0 },
                "{n}"
            );
        }
    }

    #[test]
    fn a_viewer_that_was_busy_gets_the_newest_frame_and_is_told_what_it_missed() {
        let mut viewer = Viewer::new(None);
        // The first frame is wherever the stream is by now.
        assert_eq!(viewer.offer(50, ms(0)), Decision::Send { skipped: 0 });
        assert_eq!(viewer.offer(50, ms(1)), Decision::Nothing);
        assert_eq!(viewer.offer(54, ms(2)), Decision::Send { skipped: 3 });
    }

    #[test]
    fn frames_above_the_limit_are_not_missed_but_left_out() {
        let mut viewer = Viewer::new(Some(10.0));
        assert_eq!(viewer.offer(1, ms(0)), Decision::Send { skipped: 0 });
        assert!(matches!(
            viewer.offer(2, ms(33)),
            Decision::Hold { skipped: 0, .. }
        ));
        assert!(matches!(
            viewer.offer(3, ms(66)),
            Decision::Hold { skipped: 0, .. }
        ));
        assert_eq!(viewer.offer(4, ms(100)), Decision::Send { skipped: 0 });
        assert_eq!(viewer.held_until(), None);
    }

    #[test]
    fn a_held_frame_goes_when_no_newer_one_comes() {
        let mut viewer = Viewer::new(Some(10.0));
        viewer.offer(1, ms(0));
        let Decision::Hold { until, .. } = viewer.offer(2, ms(33)) else {
            panic!("too early");
        };
        assert_eq!(viewer.held_until(), Some(until));
        assert_eq!(viewer.offer(2, until), Decision::Send { skipped: 0 });
    }

    #[test]
    fn a_held_frame_that_is_gone_is_not_waited_for() {
        let mut viewer = Viewer::new(Some(10.0));
        viewer.offer(1, ms(0));
        viewer.offer(2, ms(33));
        viewer.release();
        assert_eq!(viewer.held_until(), None);
        assert_eq!(viewer.offer(3, ms(110)), Decision::Send { skipped: 0 });
    }

    #[test]
    fn a_silent_stream_is_repeated_every_second() {
        let mut viewer = Viewer::new(None);
        assert_eq!(viewer.repeat_at(), None);
        viewer.offer(1, ms(500));
        assert_eq!(viewer.repeat_at(), Some(ms(1_500)));
        viewer.repeated(ms(1_510));
        assert_eq!(viewer.repeat_at(), Some(ms(2_510)));
        viewer.offer(2, ms(2_000));
        assert_eq!(viewer.repeat_at(), Some(ms(3_000)));
    }

    #[test]
    fn a_repeated_frame_counts_towards_a_limit_below_one_a_second() {
        let mut viewer = Viewer::new(Some(0.5));
        viewer.offer(1, ms(0));
        assert_eq!(viewer.repeat_at(), Some(ms(2_000)));
    }
}
