//! How a connection learns which of its feeds have something new.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::line::{Advance, Rider};

/// The feeds of one connection that have something new, in the order in which they got it. A feed
/// stands in it once at most: it is as fair, and as bounded, as the connection's list of feeds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    ready: Mutex<VecDeque<u64>>,
    changed: Notify,
    /// Of the connection, if it has one that is told by being advanced.
    line: OnceLock<Weak<dyn Advance>>,
}

/// One feed's end of an inbox.
#[derive(Debug)]
pub(super) struct Slot {
    key: u64,
    inbox: Inbox,
    /// The key stands in the inbox.
    queued: AtomicBool,
}

impl Inbox {
    /// The key of a feed that has something new. Cancel safe.
    pub(crate) async fn ready(&self) -> u64 {
        loop {
            if let Some(key) = self.queue().pop_front() {
                return key;
            }
            self.0.changed.notified().await;
        }
    }

    /// The same without waiting.
    pub(crate) fn try_ready(&self) -> Option<u64> {
        self.queue().pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue().is_empty()
    }

    /// From now on `line` is advanced whenever a feed has something new. It is to be advanced once by itself.
    pub(crate) fn attach(&self, line: Weak<dyn Advance>) {
        // Only the connection that made the inbox has it.
        let _ = self.0.line.set(line);
    }

    pub(super) fn slot(&self, key: u64) -> Slot {
        Slot {
            key,
            inbox: self.clone(),
            queued: AtomicBool::new(false),
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Says that the feed has something new. False if that is known already.
    pub(super) fn mark(&self) -> bool {
        let is_new = !self.queued.swap(true, Ordering::AcqRel);
        if is_new {
            self.inbox.queue().push_back(self.key);
            if self.inbox.0.line.get().is_none() {
                self.inbox.0.changed.notify_one();
            }
        }
        is_new
    }

    /// To be called before the feed is looked at: what comes later marks it again.
    pub(super) fn clear(&self) {
        self.queued.store(false, Ordering::Release);
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
        busy.clear();
        busy.mark();
        assert_eq!(inbox.ready().now_or_never(), Some(2));
        assert_eq!(inbox.ready().now_or_never(), Some(1));
        assert_eq!(inbox.ready().now_or_never(), None);
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
