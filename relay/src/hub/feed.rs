//! One viewer's place at a stream.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Frame, Step, StreamName,
    inbox::Slot,
    stream::{Place, Stream, Wish},
};
use crate::{
    clock::{Clock, wall_us},
    metrics::{Deliveries, Metrics, Route},
};

/// One viewer's place at a stream, until it is dropped. Its key comes out of the viewer's inbox when
/// there is something to take.
///
/// Of JPEG it gives the newest frame: [`Feed::take`]. Of a stream whose frames need those before them it gives them
/// in order, from a key frame on: [`Feed::step`]. It holds none itself: they are in a window that all viewers of
/// the stream share.
#[derive(Debug)]
pub(crate) struct Feed {
    stream: Arc<Stream>,
    slot: Slot,
    place: Mutex<Place>,
    clock: Clock,
    wish: Wish,
    deliveries: Deliveries,
}

impl Feed {
    pub(super) fn join(
        stream: Arc<Stream>,
        wish: Wish,
        slot: Slot,
        route: Route,
        metrics: &Metrics,
        clock: Clock,
    ) -> Self {
        stream.join(wish, &slot, clock.now());
        let deliveries = metrics.deliveries(&stream.name.camera, route);
        if wish == Wish::All {
            deliveries.joined();
        }
        Self {
            place: Mutex::new(stream.place()),
            stream,
            slot,
            clock,
            wish,
            deliveries,
        }
    }

    pub(crate) fn name(&self) -> &StreamName {
        &self.stream.name
    }

    /// Of a stream whose frames are in order: the next one for this viewer. The first one is a key frame, and so is
    /// the first one after any that were skipped.
    ///
    /// If there are more, the feed's key comes out of the inbox again: one step for each time that it does is
    /// enough, and is fair to the other feeds. More steps do no harm.
    pub(crate) fn step(&self) -> Option<Step> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let (step, more) = self.stream.step(&mut place, self.clock.now())?;
        if more {
            self.slot.mark();
        }
        Some(step)
    }

    /// Asks the camera for a key frame, which all viewers get; at most once a second, whoever asks.
    pub(crate) fn ask_for_key(&self) {
        self.stream.key_wanted.notify_one();
    }

    /// Starts anew with the newest key frame, or the next one.
    pub(crate) fn restart(&self) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.place();
        self.slot.mark();
    }

    /// Of pictures: the frame to send next, the newest one, whether it was taken before or not. None of other frames.
    pub(crate) fn take(&self) -> Option<Arc<Frame>> {
        self.stream.latest()
    }

    /// Whether the stream's other viewers keep frames coming.
    pub(crate) fn is_flowing(&self) -> bool {
        self.stream.viewers() > 0
    }

    /// Counts a fresh frame that is handed to the viewer's connection as `len_bytes`.
    pub(crate) fn sent(&self, frame: &Frame, len_bytes: usize) {
        self.deliveries.sent(len_bytes);
        self.deliveries
            .age(wall_us().saturating_sub(frame.capture_time_us));
    }

    /// Counts a frame that is handed over again, or from memory.
    pub(crate) fn sent_again(&self, len_bytes: usize) {
        self.deliveries.sent(len_bytes);
    }

    /// Counts frames that the viewer was too slow for.
    pub(crate) fn skipped(&self, frames: u64) {
        self.deliveries.skipped.inc_by(frames);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stream.leave(self.wish, &self.slot);
        if self.wish == Wish::All {
            self.deliveries.left();
        }
    }
}

/// How old a frame is that arrived at `arrived`.
pub(crate) fn age(frame: &Frame, now: Duration) -> Duration {
    now.saturating_sub(frame.arrived)
}
