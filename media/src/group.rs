//! The newest units of a stream whose units depend on each other, for readers that each go at their own pace.
//!
//! One [`Window`] serves any number of readers, who hold nothing but a [`Cursor`]: memory does not grow with
//! them, and none can hold up another. Who joins starts with the newest key frame; who falls out of the window
//! goes on at a key frame. Nobody is ever given a unit without those that it needs.

use std::collections::VecDeque;

/// How much a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At least 1.
    pub units: usize,
    /// A unit that is larger alone is held all the same, alone.
    pub bytes: usize,
}

/// The newest units of a stream, at most two groups (a key frame and what needs it) and at most [`Limits`].
/// Groups of a single unit, as all are of sound, are not counted: there would be next to nothing to hold.
#[derive(Debug)]
pub struct Window<T> {
    limits: Limits,
    held: VecDeque<Held<T>>,
    bytes: usize,
    /// The number of the next unit: they count up by one.
    next: u64,
    /// Units are refused up to the next key frame.
    broken: bool,
}

#[derive(Debug)]
struct Held<T> {
    unit: T,
    key: bool,
    len_bytes: usize,
}

/// A reader's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the unit to be read next.
    next: u64,
    /// It can only go on with a key frame.
    needs_key: bool,
}

/// What a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a, T> {
    /// The next unit. So many before it were passed over; if any, this one is a key frame.
    Unit {
        /// What was pushed.
        unit: &'a T,
        /// Units that the reader will never get.
        skipped: u64,
    },
    /// There is none yet.
    Wait,
    /// There is none, and none will come before the next key frame.
    WaitForKey,
}

impl<T> Window<T> {
    /// An empty window, which waits for a key frame.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: VecDeque::new(),
            bytes: 0,
            next: 0,
            broken: true,
        }
    }

    /// Takes in the next unit. False if it was refused, because units that it needs are missing.
    pub fn push(&mut self, unit: T, key: bool, len_bytes: usize) -> bool {
        if self.broken && !key {
            return false;
        }
        self.broken = false;
        if key && !self.held.back().is_some_and(|last| last.key) {
            self.drop_all_but_the_last_group();
        }
        self.held.push_back(Held {
            unit,
            key,
            len_bytes,
        });
        self.bytes += len_bytes;
        self.next += 1;
        while self.held.len() > self.limits.units.max(1)
            || (self.bytes > self.limits.bytes && self.held.len() > 1)
        {
            self.drop_first();
        }
        true
    }

    /// The next unit does not follow the last one: units are refused up to the next key frame.
    pub fn lose(&mut self) {
        self.broken = true;
    }

    /// Forgets what is held, as at the end of a period; the next unit must be a key frame.
    pub fn clear(&mut self) {
        self.held.clear();
        self.bytes = 0;
        self.broken = true;
    }

    /// Whether units are refused up to the next key frame.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// A reader that starts with the newest key frame, or the next one if none is held.
    pub fn join(&self) -> Cursor {
        Cursor {
            next: self.newest_key().unwrap_or(self.next),
            needs_key: true,
        }
    }

    /// A reader that starts with the first key frame that is yet to come.
    pub fn join_next(&self) -> Cursor {
        Cursor {
            next: self.next,
            needs_key: true,
        }
    }

    /// Units that were taken in so far.
    pub fn pushed(&self) -> u64 {
        self.next
    }

    /// Bytes from the newest key frame on, which a reader that joins gets at once; nothing if there is none.
    pub fn bytes_since_key(&self) -> Option<usize> {
        let key = self.held.iter().rposition(|held| held.key)?;
        Some(self.held.range(key..).map(|held| held.len_bytes).sum())
    }

    /// Units that `cursor` has not read.
    pub fn behind(&self, cursor: &Cursor) -> u64 {
        self.next.saturating_sub(cursor.next)
    }

    /// The next unit for `cursor`, which moves on.
    pub fn next(&self, cursor: &mut Cursor) -> Next<'_, T> {
        let first = self.first();
        if cursor.next < first {
            cursor.needs_key = true;
        }
        let start = if cursor.needs_key {
            let from = cursor.next.max(first);
            match self.key_from(from) {
                Some(key) => key,
                None => return Next::WaitForKey,
            }
        } else {
            cursor.next
        };
        let Some(held) = self.held.get(self.place(start)) else {
            return Next::Wait;
        };
        let skipped = start - cursor.next;
        *cursor = Cursor {
            next: start + 1,
            needs_key: false,
        };
        Next::Unit {
            unit: &held.unit,
            skipped,
        }
    }

    /// What [`next`](Self::next) would give, without moving on.
    pub fn peek(&self, cursor: &Cursor) -> Next<'_, T> {
        self.next(&mut cursor.clone())
    }

    /// Moves `cursor` to the newest key frame that it has not read. Says whether there is one.
    pub fn skip_to_newest_key(&self, cursor: &mut Cursor) -> bool {
        match self.newest_key().filter(|&key| key > cursor.next) {
            Some(_) => {
                // `next` counts what is passed over: the place stays, and the older key frames go.
                cursor.needs_key = true;
                true
            }
            None => false,
        }
    }

    fn first(&self) -> u64 {
        self.next - self.held.len() as u64
    }

    /// Where unit `number`, which is not before the first one, is held or will be.
    fn place(&self, number: u64) -> usize {
        usize::try_from(number - self.first()).unwrap_or(usize::MAX)
    }

    fn newest_key(&self) -> Option<u64> {
        let key = self.held.iter().rposition(|held| held.key)?;
        Some(self.first() + key as u64)
    }

    /// The newest key frame from unit `from` on.
    fn key_from(&self, from: u64) -> Option<u64> {
        self.newest_key().filter(|&key| key >= from)
    }

    fn drop_all_but_the_last_group(&mut self) {
        let keep_from = self.held.iter().rposition(|held| held.key).unwrap_or(0);
        for _ in 0..keep_from {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.bytes -= held.len_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        units: 8,
        bytes: 100,
    };

    fn window(units: &[(u32, bool)]) -> Window<u32> {
        let mut window = Window::new(LIMITS);
        for &(unit, key) in units {
            window.push(unit, key, 1);
        }
        window
    }

    fn read(window: &Window<u32>, cursor: &mut Cursor) -> Vec<(u32, u64)> {
        let mut read = Vec::new();
        while let Next::Unit { unit, skipped } = window.next(cursor) {
            read.push((*unit, skipped));
        }
        read
    }

    #[test]
    fn who_joins_starts_with_the_newest_key_frame() {
        let window = window(&[(1, true), (2, false), (3, true), (4, false)]);
        let mut cursor = window.join();
        assert_eq!(window.bytes_since_key(), Some(2));
        assert_eq!(read(&window, &mut cursor), [(3, 0), (4, 0)]);
        assert_eq!(window.next(&mut cursor), Next::Wait);
    }

    #[test]
    fn who_does_not_want_the_group_that_is_held_starts_with_the_next_one() {
        let mut window = window(&[(1, true), (2, false)]);
        let mut cursor = window.join_next();
        window.push(3, false, 1);
        assert_eq!(window.next(&mut cursor), Next::WaitForKey);
        window.push(4, true, 1);
        assert_eq!(read(&window, &mut cursor), [(4, 1)]);
        assert_eq!(window.pushed(), 4);
    }

    #[test]
    fn nothing_is_given_before_the_first_key_frame_and_after_a_loss() {
        let mut window = window(&[(1, false)]);
        let mut cursor = window.join();
        assert_eq!(window.next(&mut cursor), Next::WaitForKey);
        assert!(window.push(2, true, 1));
        window.lose();
        assert!(!window.push(3, false, 1) && window.is_broken());
        assert!(window.push(4, true, 1));
        assert_eq!(read(&window, &mut cursor), [(4, 1)]);
    }

    #[test]
    fn who_reads_in_time_gets_everything_and_may_finish_the_group_before() {
        let mut window = window(&[(1, true), (2, false)]);
        let mut cursor = window.join();
        window.next(&mut cursor);
        window.push(3, true, 1);
        assert_eq!(read(&window, &mut cursor), [(2, 0), (3, 0)]);
    }

    #[test]
    fn who_falls_out_of_the_window_goes_on_at_the_newest_key_frame() {
        let mut window = window(&[(1, true), (2, false), (3, false)]);
        let mut cursor = window.join();
        window.next(&mut cursor);
        for unit in [(4, true), (5, false), (6, true), (7, false)] {
            window.push(unit.0, unit.1, 1);
        }
        assert_eq!(window.behind(&cursor), 6);
        assert_eq!(read(&window, &mut cursor), [(6, 4), (7, 0)]);
    }

    #[test]
    fn a_reader_may_choose_to_skip() {
        let mut window = window(&[(1, true), (2, false), (3, false)]);
        let mut cursor = window.join();
        window.next(&mut cursor);
        assert!(!window.skip_to_newest_key(&mut cursor));
        window.push(4, true, 1);
        assert!(window.skip_to_newest_key(&mut cursor));
        assert_eq!(read(&window, &mut cursor), [(4, 2)]);
    }

    #[test]
    fn a_group_that_is_too_long_serves_only_those_who_follow_it() {
        let mut window = window(&[(0, true)]);
        let mut follower = window.join();
        for unit in 1..20 {
            window.push(unit, false, 1);
            assert!(!read(&window, &mut follower).is_empty());
        }
        let mut late = window.join();
        assert_eq!(window.next(&mut late), Next::WaitForKey);
        assert_eq!(window.bytes_since_key(), None);
        window.push(20, true, 1);
        assert_eq!(read(&window, &mut late), [(20, 0)]);
        assert_eq!(read(&window, &mut follower), [(20, 0)]);
    }

    #[test]
    fn units_that_need_no_others_are_held_up_to_the_limits() {
        let mut window = window(&[(0, true)]);
        let mut cursor = window.join();
        assert_eq!(read(&window, &mut cursor), [(0, 0)]);
        for unit in 1..6 {
            window.push(unit, true, 1);
        }
        assert_eq!(read(&window, &mut cursor).len(), 5);
        let mut late = window.join();
        assert_eq!(read(&window, &mut late), [(5, 0)]);
        for unit in 6..20 {
            window.push(unit, true, 1);
        }
        assert_eq!(window.held.len(), LIMITS.units);
        assert_eq!(read(&window, &mut cursor), [(19, 13)]);
    }

    proptest! {
        /// Whatever happens, a unit is only given to who got the one before it, or is a key frame.
        #[test]
        fn no_unit_is_given_without_those_that_it_needs(
            steps in prop::collection::vec((0u8..10, 1usize..60, 0usize..12), 1..200),
        ) {
            let mut window = Window::new(LIMITS);
            let mut cursor = window.join();
            let (mut pushed, mut read, mut skipped_all) = (0u64, None, 0);
            for (kind, len_bytes, reads) in steps {
                match kind {
                    0 => window.lose(),
                    1 => { window.skip_to_newest_key(&mut cursor); }
                    2 => window.clear(),
                    _ => {
                        let key = kind == 3;
                        if window.push((pushed, key), key, len_bytes) {
                            pushed += 1;
                        }
                    }
                }
                prop_assert!(window.held.len() <= LIMITS.units);
                prop_assert!(window.bytes <= LIMITS.bytes || window.held.len() == 1);
                for _ in 0..reads {
                    let Next::Unit { unit: &(number, key), skipped } = window.next(&mut cursor) else { break };
                    prop_assert!(key || read == Some(number - 1), "{number} after {read:?}");
                    let before = read.map_or(0, |read| read + 1);
                    prop_assert_eq!(number - before, skipped);
                    read = Some(number);
                    skipped_all += skipped;
                }
            }
            prop_assert!(skipped_all <= pushed);
        }
    }
}
