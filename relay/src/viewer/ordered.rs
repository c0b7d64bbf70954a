//! The rules for one viewer of a stream whose frames need those before them. Pure: a window of frames and the time
//! in, decisions out.

use std::time::Duration;

use sightline_media::group::{Cursor, Next, Window};

/// A viewer whose next frame came longer ago than this skips to the newest key frame, if there is one.
const LATE: Duration = Duration::from_secs(1);

/// A viewer that is late for so long, and finds no key frame, has the camera asked for one: a viewer that just
/// joined is late as well, until it has read the group.
const LATE_FOR: Duration = Duration::from_secs(1);

/// One viewer's place in a stream. It holds no frames.
#[derive(Debug)]
pub(crate) struct Follower {
    cursor: Cursor,
    /// It got a frame.
    begun: bool,
    late_since: Option<Duration>,
}

/// What a viewer gets now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision<'a, T> {
    /// The next frame, if there is one.
    pub(crate) frame: Option<&'a T>,
    /// Frames before it that the viewer will never get; if any, this one is a key frame.
    pub(crate) skipped: u64,
    /// Another frame is there already.
    pub(crate) more: bool,
    /// The viewer waits for a key frame, or would be well served with one.
    pub(crate) needs_key: bool,
}

impl Follower {
    /// Starts with the newest key frame, or the next one.
    pub(crate) fn join<T>(window: &Window<T>) -> Self {
        Self {
            cursor: window.join(),
            begun: false,
            late_since: None,
        }
    }

    /// Decides what comes next; a frame that it gives is taken. `arrived` says when a frame came.
    pub(crate) fn next<'a, T>(
        &mut self,
        window: &'a Window<T>,
        arrived: impl Fn(&T) -> Duration,
        now: Duration,
    ) -> Decision<'a, T> {
        let mut needs_key = false;
        if let Next::Unit { unit, .. } = window.peek(&self.cursor) {
            let late = now.saturating_sub(arrived(unit)) > LATE;
            if !late || window.skip_to_newest_key(&mut self.cursor) {
                self.late_since = None;
            } else {
                let since = *self.late_since.get_or_insert(now);
                needs_key = now.saturating_sub(since) >= LATE_FOR;
            }
        }
        let (frame, skipped) = match window.next(&mut self.cursor) {
            // What came before the first frame was not missed.
            Next::Unit { unit, skipped } => {
                let begun = std::mem::replace(&mut self.begun, true);
                (Some(unit), if begun { skipped } else { 0 })
            }
            Next::Wait => (None, 0),
            Next::WaitForKey => {
                needs_key = true;
                (None, 0)
            }
        };
        Decision {
            frame,
            skipped,
            more: matches!(window.peek(&self.cursor), Next::Unit { .. }),
            needs_key,
        }
    }
}

#[cfg(test)]
mod tests {
    use sightline_media::group::Limits;

    use super::*;

    const LIMITS: Limits = Limits {
        units: 100,
        bytes: 1_000,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Frames are the times at which they came, in milliseconds.
    fn window(frames: impl IntoIterator<Item = (u64, bool)>) -> Window<u64> {
        let mut window = Window::new(LIMITS);
        for (at, key) in frames {
            window.push(at, key, 1);
        }
        window
    }

    fn next<'a>(follower: &mut Follower, window: &'a Window<u64>, now: u64) -> Decision<'a, u64> {
        follower.next(window, |&at| ms(at), ms(now))
    }

    #[test]
    fn who_joins_gets_the_whole_group_however_old_it_is() {
        let window = window([(0, true), (40, false), (5_000, false)]);
        let mut follower = Follower::join(&window);
        for (at, more) in [(0, true), (40, true), (5_000, false)] {
            let decision = next(&mut follower, &window, 5_010);
            assert_eq!((decision.frame, decision.skipped), (Some(&at), 0));
            assert_eq!((decision.more, decision.needs_key), (more, false));
        }
        assert_eq!(next(&mut follower, &window, 5_020).frame, None);
    }

    #[test]
    fn nothing_is_missed_before_the_first_frame() {
        let mut window = window([]);
        let mut follower = Follower::join(&window);
        for (at, key) in [(0, true), (40, false), (80, true)] {
            window.push(at, key, 1);
        }
        let decision = next(&mut follower, &window, 90);
        assert_eq!((decision.frame, decision.skipped), (Some(&80), 0));
    }

    #[test]
    fn who_is_late_skips_to_the_newest_key_frame_and_is_told() {
        let mut window = window((0..20).map(|n| (n * 100, n == 0)));
        let mut follower = Follower::join(&window);
        next(&mut follower, &window, 10);
        window.push(2_000, true, 1);
        window.push(2_100, false, 1);
        let decision = next(&mut follower, &window, 2_100);
        assert_eq!((decision.frame, decision.skipped), (Some(&2_000), 19));
        assert_eq!(next(&mut follower, &window, 2_110).frame, Some(&2_100));
    }

    #[test]
    fn who_is_in_time_finishes_the_group() {
        let mut window = window([(0, true), (40, false), (80, false)]);
        let mut follower = Follower::join(&window);
        next(&mut follower, &window, 0);
        window.push(120, true, 1);
        for at in [40, 80, 120] {
            let decision = next(&mut follower, &window, 1_000);
            assert_eq!((decision.frame, decision.skipped), (Some(&at), 0));
        }
    }

    #[test]
    fn a_key_frame_is_wished_for_after_a_second_of_being_late() {
        let window = window((0..90).map(|n| (n * 40, n == 0)));
        let mut follower = Follower::join(&window);
        assert!(!next(&mut follower, &window, 3_600).needs_key);
        assert!(!next(&mut follower, &window, 4_500).needs_key);
        let decision = next(&mut follower, &window, 4_600);
        assert!(decision.needs_key && decision.frame.is_some());
    }

    #[test]
    fn who_finds_no_key_frame_wishes_for_one_at_once() {
        let mut window = window([(0, true)]);
        for n in 1..=LIMITS.units as u64 {
            window.push(n, false, 1);
        }
        let mut follower = Follower::join(&window);
        let decision = next(&mut follower, &window, 200);
        assert_eq!((decision.frame, decision.needs_key), (None, true));
        window.push(300, true, 1);
        assert_eq!(next(&mut follower, &window, 300).frame, Some(&300));
    }
}
