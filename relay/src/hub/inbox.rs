//! How a connection learns which of its feeds have something new.

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::line::{Advance, Rider};

/// Feeds that one connection can have: their keys are below this.
pub(crate) const MAX_FEEDS: usize = WORDS * WORD_BITS;

const WORDS: usize = 4;

const WORD_BITS: usize = u64::BITS as usize;

/// The feeds of one connection that have something new; they take turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Arc<Shared>);

/// Small, and in one piece: it is looked up for every frame and viewer.
#[derive(Debug, Default)]
struct Shared {
    /// A bit for each feed that has something new.
    news: [AtomicU64; WORDS],
    /// The key whose turn is next.
    turn: AtomicUsize,
    /// Of the connection, if it has one that is told by being advanced.
    line: OnceLock<Weak<dyn Advance>>,
    changed: Notify,
}

/// One feed's end of an inbox.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    key: usize,
    inbox: Inbox,
}

impl Inbox {
    /// The key of a feed that has something new. Cancel safe.
    pub(crate) async fn ready(&self) -> usize {
        loop {
            if let Some(key) = self.try_ready() {
                return key;
            }
            self.0.changed.notified().await;
        }
    }

    /// The same without waiting. It is to be called before the feed is looked at: what comes later is new again.
    pub(crate) fn try_ready(&self) -> Option<usize> {
        let turn = self.0.turn.load(Ordering::Relaxed);
        let (word, bit) = (turn / WORD_BITS, turn % WORD_BITS);
        let not_before = u64::MAX << bit;
        let key = self
            .take(word, not_before)
            .or_else(|| (1..WORDS).find_map(|next| self.take((word + next) % WORDS, u64::MAX)))
            .or_else(|| self.take(word, !not_before))?;
        self.0.turn.store((key + 1) % MAX_FEEDS, Ordering::Relaxed);
        Some(key)
    }

    /// The lowest key of one word, of those in `mask`.
    fn take(&self, word: usize, mask: u64) -> Option<usize> {
        let news = self.0.news[word].load(Ordering::Acquire) & mask;
        (news != 0).then(|| {
            let bit = news.trailing_zeros() as usize;
            self.0.news[word].fetch_and(!(1 << bit), Ordering::AcqRel);
            word * WORD_BITS + bit
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        let mut words = self.0.news.iter();
        words.all(|news| news.load(Ordering::Acquire) == 0)
    }

    /// From now on `line` is advanced whenever a feed has something new. It is to be advanced once by itself.
    pub(crate) fn attach(&self, line: Weak<dyn Advance>) {
        // Only the connection that made the inbox has it.
        let _ = self.0.line.set(line);
    }

    /// `key`: below [`MAX_FEEDS`]. One that another feed had before may come out once more for that one.
    pub(super) fn slot(&self, key: usize) -> Slot {
        assert!(key < MAX_FEEDS, "{key} is no key of a feed");
        Slot {
            key,
            inbox: self.clone(),
        }
    }
}

impl Slot {
    /// Says that the feed has something new. False if that is known already.
    pub(super) fn mark(&self) -> bool {
        let inbox = &*self.inbox.0;
        let bit = 1 << (self.key % WORD_BITS);
        let before = inbox.news[self.key / WORD_BITS].fetch_or(bit, Ordering::AcqRel);
        let is_new = before & bit == 0;
        if is_new && inbox.line.get().is_none() {
            inbox.changed.notify_one();
        }
        is_new
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && Arc::ptr_eq(&self.inbox.0, &other.inbox.0)
    }
}

impl Rider for Slot {
    /// A viewer whose socket has no room is not tried for every frame: it knows already that there are more.
    fn tell(&self) {
        if self.mark()
            && let Some(line) = self.inbox.0.line.get().and_then(Weak::upgrade)
        {
            line.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn feeds_take_turns_however_often_one_of_them_is_marked() {
        let inbox = Inbox::default();
        let (busy, quiet) = (inbox.slot(1), inbox.slot(2));
        busy.mark();
        busy.mark();
        quiet.mark();
        busy.mark();
        assert_eq!(inbox.ready().now_or_never(), Some(1));
        busy.mark();
        assert_eq!(inbox.ready().now_or_never(), Some(2));
        assert_eq!(inbox.ready().now_or_never(), Some(1));
        assert_eq!(inbox.ready().now_or_never(), None);
    }

    #[test]
    fn every_feed_has_its_turn_wherever_it_begins() {
        let inbox = Inbox::default();
        let keys = [0, 1, 63, 64, 130, 255];
        let slots = keys.map(|key| inbox.slot(key));
        for first in 0..keys.len() {
            slots.iter().for_each(|slot| assert!(slot.mark()));
            let taken: Vec<_> = std::iter::from_fn(|| inbox.try_ready()).collect();
            let mut turns = keys;
            turns.rotate_left(first);
            assert_eq!(taken, turns);
            assert!(inbox.is_empty());
            // The one after it is the first of the next round.
            slots[first].mark();
            assert_eq!(inbox.try_ready(), Some(keys[first]));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_wakes_whoever_waits() {
        let inbox = Inbox::default();
        let slot = inbox.slot(7);
        let waiting = tokio::spawn({
            let inbox = inbox.clone();
            async move { inbox.ready().await }
        });
        tokio::task::yield_now().await;
        slot.mark();
        assert_eq!(waiting.await.unwrap(), 7);
    }
}
