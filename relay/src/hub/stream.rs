//! One stream that has viewers, or had some a moment ago.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{Frame, StreamName, inbox::Slot};

/// What a viewer wants of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Frames, for as long as it watches.
    All,
    /// One fresh frame.
    One,
}

/// A stream's newest frame, and who wants to have it.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: StreamName,
    latest: Mutex<Option<Arc<Frame>>>,
    viewers: Mutex<Viewers>,
    demand: watch::Sender<Demanded>,
}

#[derive(Debug, Default)]
struct Viewers {
    next_id: u64,
    /// Bounded by the connections of the relay and the subscriptions of each.
    slots: HashMap<u64, Arc<Slot>>,
}

/// How many want what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demanded {
    /// [`Wish::All`].
    pub(super) all: usize,
    /// [`Wish::One`].
    pub(super) one: usize,
    /// Grows with each new [`Wish::One`].
    pub(super) asked: u64,
    /// Grows each time the camera seems not to know of its viewers.
    pub(super) reminders: u64,
}

impl Demanded {
    pub(super) fn nobody(self) -> bool {
        self.all == 0 && self.one == 0
    }
}

impl Stream {
    pub(super) fn new(name: StreamName, latest: Option<Arc<Frame>>) -> Self {
        Self {
            name,
            latest: Mutex::new(latest),
            viewers: Mutex::default(),
            demand: watch::Sender::default(),
        }
    }

    pub(super) fn join(&self, wish: Wish, slot: &Arc<Slot>) -> u64 {
        let mut viewers = self.lock_viewers();
        let id = viewers.next_id;
        viewers.next_id += 1;
        viewers.slots.insert(id, slot.clone());
        drop(viewers);
        self.demand.send_modify(|demand| match wish {
            Wish::All => demand.all += 1,
            Wish::One => {
                demand.one += 1;
                demand.asked += 1;
            }
        });
        // New viewers start with the last picture.
        if self.latest().is_some() {
            slot.mark();
        }
        id
    }

    pub(super) fn leave(&self, wish: Wish, id: u64) {
        self.lock_viewers().slots.remove(&id);
        self.demand.send_modify(|demand| match wish {
            Wish::All => demand.all -= 1,
            Wish::One => demand.one -= 1,
        });
    }

    /// Has the demand sent once more.
    pub(super) fn remind(&self) {
        self.demand.send_modify(|demand| demand.reminders += 1);
    }

    /// Makes `frame` the newest one and tells everyone.
    pub(super) fn push(&self, frame: Arc<Frame>) {
        let before = self.lock_latest().replace(frame);
        // Freeing a picture may take a moment: not under the lock.
        drop(before);
        for slot in self.lock_viewers().slots.values() {
            slot.mark();
        }
    }

    pub(super) fn latest(&self) -> Option<Arc<Frame>> {
        self.lock_latest().clone()
    }

    pub(super) fn viewers(&self) -> usize {
        self.demand.borrow().all
    }

    pub(super) fn demand(&self) -> watch::Receiver<Demanded> {
        self.demand.subscribe()
    }

    fn lock_latest(&self) -> MutexGuard<'_, Option<Arc<Frame>>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_viewers(&self) -> MutexGuard<'_, Viewers> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
