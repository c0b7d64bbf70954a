//! The cameras that run, and those that should.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sightline_bus::Bus;
use sightline_proto::CameraName;
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::{
    camera::{self, Camera, Ending, Publisher},
    config::CameraConfig,
};

/// How long cameras may take to end once they are told to.
const STOP_LIMIT: Duration = Duration::from_secs(4);

/// The pause before a camera whose task broke is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// What is configured of a camera, to tell a change, and what came of it.
pub(super) type Configured = (CameraConfig, Camera);

/// By name.
pub(super) type Wanted = BTreeMap<CameraName, Configured>;

type Ended = Result<(), sightline_bus::Error>;

/// One task for each camera.
pub(super) struct Cameras {
    publisher: Arc<Publisher>,
    bus: Bus,
    shutdown: CancellationToken,
    /// Those that are to run.
    wanted: Wanted,
    tasks: JoinSet<Ended>,
    /// Those that run, some of which are told to end. Never two of one name.
    running: HashMap<Id, (CameraName, Ending)>,
}

impl Cameras {
    pub(super) fn new(
        publisher: Publisher,
        wanted: Wanted,
        bus: Bus,
        shutdown: CancellationToken,
    ) -> Self {
        publisher.cameras.store(wanted.len(), Ordering::Relaxed);
        let mut all = Self {
            publisher: Arc::new(publisher),
            bus,
            shutdown,
            wanted,
            tasks: JoinSet::new(),
            running: HashMap::new(),
        };
        let names: Vec<_> = all.wanted.keys().cloned().collect();
        for name in names {
            all.start(&name, Duration::ZERO);
        }
        all
    }

    /// Starts a camera that is wanted.
    fn start(&mut self, name: &CameraName, pause: Duration) {
        let Some((_, camera)) = self.wanted.get(name).cloned() else {
            return;
        };
        let ending = Ending::of(&self.shutdown);
        let (publisher, bus) = (self.publisher.clone(), self.bus.clone());
        let task = self.tasks.spawn({
            let ending = ending.clone();
            async move {
                tokio::select! {
                    () = ending.stop.cancelled() => return Ok(()),
                    () = sleep(pause) => {}
                }
                camera::run(camera, publisher, bus, ending).await
            }
        });
        self.running.insert(task.id(), (name.clone(), ending));
    }

    /// From now on `wanted` are to run. Those that are the same as before go on as they are.
    pub(super) fn change(&mut self, wanted: Wanted) {
        let before = std::mem::replace(&mut self.wanted, wanted);
        let count = self.wanted.len();
        self.publisher.cameras.store(count, Ordering::Relaxed);
        for (name, (config, running)) in &before {
            match self.wanted.get_mut(name) {
                None => {
                    tracing::info!(camera = %name, "camera removed");
                    self.end(name, false);
                }
                // What was changed over the bus stays with the source.
                Some((new, camera)) if new == config => *camera = running.clone(),
                Some(_) => {
                    tracing::info!(camera = %name, "camera changed");
                    self.end(name, true);
                }
            }
        }
        let added = self
            .wanted
            .keys()
            .filter(|name| !before.contains_key(*name));
        let added: Vec<_> = added.cloned().collect();
        for name in added {
            tracing::info!(camera = %name, "camera added");
            // One of this name may be about to end: it is followed then.
            if !self.end(&name, true) {
                self.start(&name, Duration::ZERO);
            }
        }
    }

    /// Tells a camera to end. False if none of this name runs.
    fn end(&self, name: &CameraName, replaced: bool) -> bool {
        let ending = self.running.values().find(|(running, _)| running == name);
        if let Some((_, ending)) = ending {
            ending.replaced.store(replaced, Ordering::Relaxed);
            ending.stop.cancel();
        }
        ending.is_some()
    }

    /// Follows cameras that ended, which are wanted, by new ones. Ends with the last camera. Cancel safe.
    pub(super) async fn watch(&mut self) -> Result<(), Error> {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            match ended {
                Ok((id, result)) => {
                    let ended = self.running.remove(&id);
                    result?;
                    if let (Some((name, _)), false) = (ended, self.shutdown.is_cancelled()) {
                        self.start(&name, Duration::ZERO);
                    }
                }
                Err(error) => self.restart(&error),
            }
        }
        Ok(())
    }

    fn restart(&mut self, error: &JoinError) {
        let Some((name, _)) = self.running.remove(&error.id()) else {
            return;
        };
        tracing::error!(camera = %name, %error, "a camera broke, starting it again: this is a bug");
        self.start(&name, RESTART_PAUSE);
    }

    pub(super) async fn stop(&mut self) {
        for (_, ending) in self.running.values() {
            // Nothing follows any more.
            ending.replaced.store(false, Ordering::Relaxed);
        }
        self.shutdown.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(STOP_LIMIT, all).await.is_err() {
            tracing::warn!("some cameras did not end in time");
        }
    }
}
