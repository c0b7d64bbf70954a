//! The cameras that announce themselves on the bus, kept up to date by one task.

mod camera;
mod presence;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sightline_bus::{Bus, Delivery, Link};
use sightline_proto::{Announce, CameraName, Message as _, Pattern, Query, subject::Topic};
use tokio::{sync::broadcast, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, wall_us},
    metrics::Metrics,
};
pub(crate) use camera::{Camera, Offer};
use presence::{Outcome, Presence};
pub(crate) use view::View;

/// Changes that a follower may fall behind by. One that falls further gets the whole list anew.
const CHANGES: usize = 256;

/// How often silent cameras are looked for.
const EXPIRE_EVERY: Duration = Duration::from_millis(500);

/// What followers are told.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// This camera is new, or changed.
    Camera(Arc<Camera>),
    /// A camera was forgotten: the list has to be read anew.
    List,
}

/// A handle to the directory. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Directory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    presence: Mutex<Presence>,
    changes: broadcast::Sender<Change>,
    clock: Clock,
    metrics: Metrics,
}

impl Directory {
    pub(crate) fn new(clock: Clock, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            presence: Mutex::default(),
            changes: broadcast::Sender::new(CHANGES),
            clock,
            metrics,
        }))
    }

    /// Every camera, by name.
    pub(crate) fn cameras(&self) -> Vec<Arc<Camera>> {
        self.presence().cameras().cloned().collect()
    }

    pub(crate) fn get(&self, name: &CameraName) -> Option<Arc<Camera>> {
        self.presence().get(name).cloned()
    }

    /// Changes from now on. Ask for the list after this, so that none is missed between.
    pub(crate) fn follow(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Listens to announcements until `shutdown`, or until the bus is closed.
    pub(crate) async fn run(&self, bus: Bus, shutdown: CancellationToken) {
        let every_camera = Pattern::every_announce();
        // Subscribing waits for a connection, maybe for long.
        let subscribed = tokio::select! {
            subscribed = bus.subscribe(&every_camera) => subscribed,
            () = shutdown.cancelled() => return,
        };
        let mut announcements = match subscribed {
            Ok(subscription) => subscription,
            Err(error) => {
                tracing::error!(%error, "cannot listen to announcements");
                return;
            }
        };
        let mut link = bus.link();
        link.mark_changed();
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        expire.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                delivery = announcements.next() => match delivery {
                    Some(Delivery::Message(message)) => {
                        self.receive(&message.subject, message.payload);
                    }
                    Some(Delivery::Lost(count)) => {
                        self.0.metrics.announcements_lost.inc_by(count);
                    }
                    None => return,
                },
                Ok(()) = link.changed() => {
                    let up = *link.borrow_and_update() == Link::Up;
                    if up {
                        ask_everyone(&bus).await;
                    }
                }
                _ = expire.tick() => self.expire(),
            }
        }
    }

    fn receive(&self, subject: &str, payload: bytes::Bytes) {
        let (Some(Topic::Announce(name)), Ok(announce)) =
            (Topic::parse(subject), Announce::decode(payload))
        else {
            self.0.metrics.announcements_malformed.inc();
            tracing::debug!(subject, "malformed announcement");
            return;
        };
        let outcome = self
            .presence()
            .announced(&name, &announce, self.0.clock.now(), wall_us());
        match outcome {
            Outcome::Unchanged => {}
            Outcome::Changed(camera) => self.changed(camera),
            Outcome::Replaced(camera) => {
                log(&camera);
                self.count();
                let _ = self.0.changes.send(Change::List);
            }
            Outcome::Rival { first, winner } => {
                self.0.metrics.announcements_rival.inc();
                if first {
                    let loser: String = announce.instance.chars().take(64).collect();
                    tracing::warn!(
                        camera = %name, winner, loser,
                        "two publishers announce one camera: the one that started last wins"
                    );
                }
            }
            Outcome::Full => {
                self.0.metrics.announcements_refused.inc();
                tracing::debug!(camera = %name, max = presence::MAX_CAMERAS, "too many cameras");
            }
        }
    }

    fn expire(&self) {
        let gone = self.presence().expire(self.0.clock.now());
        for camera in gone {
            self.changed(camera);
        }
    }

    fn changed(&self, camera: Arc<Camera>) {
        log(&camera);
        self.count();
        // Nobody follows: fine.
        let _ = self.0.changes.send(Change::Camera(camera));
    }

    fn count(&self) {
        let (mut online, mut offline) = (0, 0);
        for camera in self.presence().cameras() {
            *(if camera.online {
                &mut online
            } else {
                &mut offline
            }) += 1;
        }
        self.0.metrics.set_cameras(online, offline);
    }

    fn presence(&self) -> MutexGuard<'_, Presence> {
        self.0
            .presence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(camera: &Camera) {
    let (state, reason) = (camera.state.word(), &camera.reason);
    if camera.online {
        tracing::debug!(camera = %camera.name, state, reason, "camera changed");
    } else {
        tracing::info!(camera = %camera.name, state, reason, "camera is offline");
    }
}

async fn ask_everyone(bus: &Bus) {
    let query = Query {}.encode_to_vec().into();
    if let Err(error) = bus.publish(&Topic::QueryAnnounce.subject(), query).await {
        // Announcements come by themselves within 2 s.
        tracing::debug!(%error, "cannot ask for announcements");
    }
}
