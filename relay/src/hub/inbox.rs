//! How a connection learns which of its feeds have something new.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

/// The feeds of one connection that have something new, in the order in which they got it. A feed
/// stands in it once at most: it is as fair, and as bounded, as the connection's list of feeds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    ready: Mutex<VecDeque<u64>>,
    changed: Notify,
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
    /// Says that the feed has something new.
    pub(super) fn mark(&self) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.inbox.queue().push_back(self.key);
            self.inbox.0.changed.notify_one();
        }
    }

    /// To be called before the feed is looked at: what comes later marks it again.
    pub(super) fn clear(&self) {
        self.queued.store(false, Ordering::Release);
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
