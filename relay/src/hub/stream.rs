//! One stream that has viewers, or had some a moment ago.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sightline_proto::Codec;
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use super::{Frame, StreamName, held::Held, inbox::Slot};
use crate::{line::Lane, viewer::Follower};

/// What a viewer wants of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Frames, for as long as it watches.
    All,
    /// One fresh frame.
    One,
}

/// What a stream holds for its viewers, and who they are.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: StreamName,
    held: Mutex<Held>,
    /// The first one is served by the stream's pump, each of the others by a task. As many as viewers ever needed;
    /// bounded by the connections of the relay and the subscriptions of each.
    lanes: Mutex<Arc<[Arc<Lane<Slot>>]>>,
    /// For the tasks of lanes.
    tasks: TaskTracker,
    demand: watch::Sender<Demanded>,
    /// A viewer needs a key frame.
    pub(super) key_wanted: Notify,
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

/// A viewer's place in a stream whose frames are in order.
#[derive(Debug)]
pub(super) struct Place {
    /// Of the window that the follower stands in.
    period: u64,
    follower: Follower,
}

/// A frame that is a viewer's next one.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) frame: Arc<Frame>,
    /// Frames before it that the viewer will never get, because it was too slow. If any, this one is a key frame.
    pub(crate) skipped: u64,
    /// How long ago the newest frame of the stream came: the viewer is on its way to that one.
    pub(crate) quiet_for: Duration,
}

impl Stream {
    /// `codec`: what its frames will be, as far as known. `kept`: its last picture. `tasks`: where it may spawn some.
    pub(super) fn new(
        name: StreamName,
        codec: Codec,
        kept: Option<Arc<Frame>>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            name,
            held: Mutex::new(Held::new(codec, kept)),
            lanes: Mutex::new(Arc::from([Arc::default()])),
            tasks,
            demand: watch::Sender::default(),
            key_wanted: Notify::new(),
        }
    }

    pub(super) fn join(&self, wish: Wish, slot: &Slot, now: Duration) {
        self.take_lane(slot);
        let nobody_was_here = self.demand.borrow().nobody();
        self.demand.send_modify(|demand| match wish {
            Wish::All => demand.all += 1,
            Wish::One => {
                demand.one += 1;
                demand.asked += 1;
            }
        });
        let mut held = self.lock_held();
        if nobody_was_here {
            held.forget_old_group(now);
        }
        // New viewers start with the last picture, or the group since the last key frame.
        if !held.is_empty() {
            drop(held);
            slot.mark();
        }
    }

    fn take_lane(&self, slot: &Slot) {
        let mut lanes = self.lock_lanes();
        if lanes.iter().any(|lane| lane.join(slot)) {
            return;
        }
        let lane = Arc::new(Lane::default());
        lane.join(slot);
        self.tasks.spawn({
            let lane = lane.clone();
            async move { lane.run().await }
        });
        *lanes = lanes.iter().cloned().chain([lane]).collect();
    }

    pub(super) fn leave(&self, wish: Wish, slot: &Slot) {
        let lanes = self.lock_lanes().clone();
        for lane in lanes.iter() {
            if lane.leave(slot) {
                break;
            }
        }
        self.demand.send_modify(|demand| match wish {
            Wish::All => demand.all -= 1,
            Wish::One => demand.one -= 1,
        });
    }

    /// Has the demand sent once more.
    pub(super) fn remind(&self) {
        self.demand.send_modify(|demand| demand.reminders += 1);
    }

    /// Makes `frame` the newest one and offers it to everyone. False if it was refused, because frames that it needs are
    /// not held.
    pub(super) fn push(&self, frame: Arc<Frame>) -> bool {
        let (taken, _before) = self.lock_held().push(frame);
        let lanes = self.lock_lanes().clone();
        if let [own, others @ ..] = &*lanes {
            for lane in others {
                lane.wake();
            }
            own.tell();
        }
        // Freeing a picture may take a moment: `_before` goes last, and not under the lock.
        taken
    }

    /// Ends the tasks of its lanes. Viewers that are left get nothing more.
    pub(super) fn close(&self) {
        for lane in self.lock_lanes().iter() {
            lane.close();
        }
    }

    /// The newest picture; none of a stream whose frames are in order.
    pub(super) fn latest(&self) -> Option<Arc<Frame>> {
        self.lock_held().latest().cloned()
    }

    pub(super) fn place(&self) -> Place {
        let held = self.lock_held();
        Place {
            period: held.period(),
            follower: Follower::join(held.window()),
        }
    }

    /// The next frame at `place`, and whether another one is there already.
    pub(super) fn step(&self, place: &mut Place, now: Duration) -> Option<(Step, bool)> {
        let held = self.lock_held();
        if !held.is_ordered() {
            return None;
        }
        if place.period != held.period() {
            *place = Place {
                period: held.period(),
                follower: Follower::join(held.window()),
            };
        }
        let decision = place
            .follower
            .next(held.window(), |frame| frame.arrived, now);
        // Before the first frame, the demand says it all.
        if decision.needs_key && held.newest_at().is_some() {
            self.key_wanted.notify_one();
        }
        let step = Step {
            frame: decision.frame?.clone(),
            skipped: decision.skipped,
            quiet_for: now.saturating_sub(held.newest_at().unwrap_or(now)),
        };
        Some((step, decision.more))
    }

    pub(super) fn viewers(&self) -> usize {
        self.demand.borrow().all
    }

    pub(super) fn demand(&self) -> watch::Receiver<Demanded> {
        self.demand.subscribe()
    }

    fn lock_held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_lanes(&self) -> MutexGuard<'_, Arc<[Arc<Lane<Slot>>]>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
