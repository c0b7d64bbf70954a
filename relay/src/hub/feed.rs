//! One viewer's place at a stream.

use std::{sync::Arc, time::Duration};

use super::{
    Frame, StreamName,
    inbox::Slot,
    stream::{Stream, Wish},
};
use crate::{
    clock::wall_us,
    metrics::{Deliveries, Metrics, Route},
};

/// One viewer's place at a stream, until it is dropped. Its key comes out of the viewer's inbox when
/// there is something to take.
///
/// Of JPEG it gives the newest frame, and holds none itself. A stream whose frames depend on each
/// other gives them in order from a bounded queue.
#[derive(Debug)]
pub(crate) struct Feed {
    stream: Arc<Stream>,
    id: u64,
    slot: Arc<Slot>,
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
    ) -> Self {
        let slot = Arc::new(slot);
        let id = stream.join(wish, &slot);
        let deliveries = metrics.deliveries(&stream.name.camera, route);
        if wish == Wish::All {
            deliveries.joined();
        }
        Self {
            stream,
            id,
            slot,
            wish,
            deliveries,
        }
    }

    pub(crate) fn name(&self) -> &StreamName {
        &self.stream.name
    }

    /// The frame to send next: the newest one, whether it was taken before or not.
    pub(crate) fn take(&self) -> Option<Arc<Frame>> {
        self.slot.clear();
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
        self.stream.leave(self.wish, self.id);
        if self.wish == Wish::All {
            self.deliveries.left();
        }
    }
}

/// How old a frame is that arrived at `arrived`.
pub(crate) fn age(frame: &Frame, now: Duration) -> Duration {
    now.saturating_sub(frame.arrived)
}
