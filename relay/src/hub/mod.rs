//! The streams that are watched on this relay, each received once for all its viewers.
//!
//! The first viewer opens a stream, and a task of its own; a while after the last one has left it is
//! closed, and its last picture kept.

mod asking;
mod backlog;
mod chain;
mod feed;
mod frame;
mod held;
mod inbox;
mod intake;
mod media;
mod pictures;
mod pump;
mod receive;
#[cfg(test)]
mod samples;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sightline_bus::Bus;
use sightline_proto::{CameraName, Codec};
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    config,
    directory::Directory,
    metrics::{Metrics, Route},
};
pub(crate) use feed::{Feed, age};
pub(crate) use frame::{Frame, StreamName};
pub(crate) use inbox::{Inbox, MAX_FEEDS};
pub(crate) use media::{Config as MediaConfig, Media};
use pictures::Pictures;
use pump::Pump;
use stream::Stream;
pub(crate) use stream::{Step, Wish};

/// A handle to the hub. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bus: Bus,
    clock: Clock,
    metrics: Metrics,
    directory: Directory,
    /// How long a stream stays open after its last viewer left.
    linger: Duration,
    /// This run of this relay, in demands.
    relay_id: String,
    /// Bounded by the cameras of the directory: only those are watched.
    streams: Mutex<HashMap<StreamName, Arc<Stream>>>,
    pictures: Mutex<Pictures>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Where pumps run.
    frames: Handle,
}

impl Hub {
    pub(crate) fn new(
        bus: Bus,
        clock: Clock,
        metrics: Metrics,
        directory: Directory,
        config: &config::Streams,
        shutdown: CancellationToken,
        frames: Handle,
    ) -> Self {
        Self(Arc::new(Shared {
            bus,
            clock,
            metrics,
            directory,
            linger: Duration::from_millis(config.linger_ms),
            relay_id: format!("{:016x}", rand::random::<u64>()),
            streams: Mutex::default(),
            pictures: Mutex::new(Pictures::with_capacity(
                config.last_pictures_mib.saturating_mul(1 << 20),
            )),
            tasks: TaskTracker::new(),
            shutdown,
            frames,
        }))
    }

    /// A place at a stream, which is opened if need be. `key` comes out of `inbox` whenever the feed
    /// has something new; at once if the last picture is known.
    pub(crate) fn watch(
        &self,
        name: &StreamName,
        wish: Wish,
        route: Route,
        inbox: &Inbox,
        key: usize,
    ) -> Feed {
        let mut streams = lock(&self.0.streams);
        let stream = streams.entry(name.clone()).or_insert_with(|| {
            let kept = lock(&self.0.pictures).take(name);
            self.count_pictures();
            let tasks = self.0.tasks.clone();
            let stream = Arc::new(Stream::new(name.clone(), self.codec(name), kept, tasks));
            self.0.tasks.spawn_on(
                Pump::new(self.clone(), stream.clone()).run(),
                &self.0.frames,
            );
            stream
        });
        // Joined under the lock: the stream cannot be closed in between.
        Feed::join(
            stream.clone(),
            wish,
            inbox.slot(key),
            route,
            &self.0.metrics,
            self.0.clock,
        )
    }

    /// What frames of a stream will be: what its name says, or its camera.
    fn codec(&self, name: &StreamName) -> Codec {
        intake::codec_of(&name.stream).unwrap_or_else(|| {
            let camera = self.0.directory.get(&name.camera);
            let offer = camera
                .as_ref()
                .and_then(|camera| camera.offer(&name.stream));
            offer.map_or(Codec::Unspecified, |offer| offer.codec)
        })
    }

    /// This run of this relay, as in its demands.
    pub(crate) fn relay_id(&self) -> &str {
        &self.0.relay_id
    }

    /// Tells a camera at once that it is watched here, if it is: it does not know, as after a restart.
    pub(crate) fn remind(&self, name: &StreamName) {
        if let Some(stream) = lock(&self.0.streams).get(name) {
            stream.remind();
        }
    }

    /// The newest picture of a stream, watched or not, however old.
    pub(crate) fn last_picture(&self, name: &StreamName) -> Option<Arc<Frame>> {
        let open = lock(&self.0.streams).get(name).cloned();
        match open {
            Some(stream) => stream.latest(),
            None => lock(&self.0.pictures).get(name),
        }
    }

    /// How many watch each camera here, whichever stream of it. Cameras without viewers may be missing.
    pub(crate) fn viewers(&self) -> HashMap<CameraName, usize> {
        let mut viewers = HashMap::new();
        for (name, stream) in lock(&self.0.streams).iter() {
            *viewers.entry(name.camera.clone()).or_default() += stream.viewers();
        }
        viewers
    }

    /// Returns once all streams are closed, after the shutdown.
    pub(crate) async fn closed(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Closes `stream`, and keeps its last picture; does nothing if it has viewers again, unless
    /// `anyway`.
    fn close(&self, stream: &Stream, anyway: bool) -> bool {
        let mut streams = lock(&self.0.streams);
        if !anyway && !stream.demand().borrow().nobody() {
            return false;
        }
        let listed = streams
            .get(&stream.name)
            .is_some_and(|listed| std::ptr::eq(&raw const **listed, stream));
        if !listed {
            return true;
        }
        streams.remove(&stream.name);
        stream.close();
        tracing::debug!(camera = %stream.name.camera, stream = %stream.name.stream, "stream closed");
        if let Some(frame) = stream.latest() {
            lock(&self.0.pictures).keep(&frame);
            self.count_pictures();
        }
        true
    }

    fn count_pictures(&self) {
        let bytes = lock(&self.0.pictures).bytes();
        self.0
            .metrics
            .last_pictures_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
