//! The viewers of one stream, in groups that are served in one go.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Viewers in one lane. A frame of 100 KB takes 3 to 5 ms for so many; further viewers ride in lanes of their own,
/// which other cores can take.
const CAPACITY: usize = 256;

/// One viewer's place in a lane.
pub(crate) trait Rider: Clone + PartialEq + Send + Sync {
    /// There is a new frame.
    fn tell(&self);
}

/// Up to 256 viewers.
#[derive(Debug)]
pub(crate) struct Lane<R> {
    /// Replaced as a whole, so that viewers may come and go while the others are told.
    riders: Mutex<Arc<[R]>>,
    /// For a lane with a task of its own: there is a new frame.
    changed: Notify,
    closed: AtomicBool,
}

impl<R> Default for Lane<R> {
    fn default() -> Self {
        Self {
            riders: Mutex::new(Arc::from([])),
            changed: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }
}

impl<R: Rider> Lane<R> {
    /// False if the lane is full.
    pub(crate) fn join(&self, rider: &R) -> bool {
        let mut riders = self.lock();
        let has_room = riders.len() < CAPACITY;
        if has_room {
            *riders = riders.iter().chain([rider]).cloned().collect();
        }
        has_room
    }

    /// False if it was not here.
    pub(crate) fn leave(&self, rider: &R) -> bool {
        let mut riders = self.lock();
        let before = riders.len();
        *riders = riders
            .iter()
            .filter(|other| *other != rider)
            .cloned()
            .collect();
        riders.len() < before
    }

    /// Tells all viewers, one after the other. They may leave meanwhile, and are told none the less.
    pub(crate) fn tell(&self) {
        let riders = self.lock().clone();
        for rider in riders.iter() {
            rider.tell();
        }
    }

    /// Has the lane's task tell them.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// The lane's task: tells its viewers whenever it is woken. Frames that come meanwhile are told of once.
    pub(crate) async fn run(&self) {
        loop {
            self.changed.notified().await;
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            self.tell();
        }
    }

    /// Ends the lane's task.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Arc<[R]>> {
        self.riders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Weak, atomic::AtomicUsize};

    use super::*;

    /// Counts how often it was told, and leaves at once.
    #[derive(Clone)]
    struct Guest(Arc<Stay>);

    struct Stay {
        lane: Weak<Lane<Guest>>,
        told: AtomicUsize,
        leaves: bool,
    }

    impl PartialEq for Guest {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }

    impl Guest {
        fn told(&self) -> usize {
            self.0.told.load(Ordering::Relaxed)
        }
    }

    impl Rider for Guest {
        fn tell(&self) {
            self.0.told.fetch_add(1, Ordering::Relaxed);
            if self.0.leaves {
                assert!(self.0.lane.upgrade().unwrap().leave(self));
            }
        }
    }

    fn guest(lane: &Arc<Lane<Guest>>, leaves: bool) -> Guest {
        Guest(Arc::new(Stay {
            lane: Arc::downgrade(lane),
            told: AtomicUsize::new(0),
            leaves,
        }))
    }

    #[test]
    fn a_viewer_may_leave_while_it_is_told() {
        let lane = Arc::new(Lane::default());
        let (leaver, stayer) = (guest(&lane, true), guest(&lane, false));
        assert!(lane.join(&leaver) && lane.join(&stayer));
        lane.tell();
        lane.tell();
        assert_eq!(leaver.told(), 1);
        assert_eq!(stayer.told(), 2);
        assert!(!lane.leave(&leaver));
    }

    #[test]
    fn a_lane_takes_256_and_has_room_again_when_one_leaves() {
        let lane = Arc::new(Lane::default());
        let guests: Vec<_> = (0..=CAPACITY).map(|_| guest(&lane, false)).collect();
        let joined = guests.iter().filter(|guest| lane.join(guest)).count();
        assert_eq!(joined, CAPACITY);
        assert!(lane.leave(&guests[7]));
        assert!(lane.join(&guests[CAPACITY]));
    }

    #[tokio::test]
    async fn a_lanes_task_tells_once_for_all_that_came_and_ends_when_it_is_closed() {
        let lane = Arc::new(Lane::default());
        let guest = guest(&lane, false);
        lane.join(&guest);
        lane.wake();
        lane.wake();
        let task = tokio::spawn({
            let lane = lane.clone();
            async move { lane.run().await }
        });
        while guest.told() == 0 {
            tokio::task::yield_now().await;
        }
        lane.close();
        task.await.unwrap();
        assert_eq!(guest.told(), 1);
    }
}
