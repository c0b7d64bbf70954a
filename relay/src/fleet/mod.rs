//! All relays: each says every two seconds how it is, and hears the others. Nothing but `/status` hangs on it.

mod peers;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sightline_bus::{Bus, Delivery};
use sightline_proto::{
    Count, HEARTBEAT, Message as _, Pattern, RelayStatus, Viewers, subject::Topic,
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, wall_us},
    hub::Hub,
    metrics::Metrics,
};
pub(crate) use peers::Peer;
use peers::Peers;
pub(crate) use view::{Fleet as FleetView, Own};

/// Cameras whose viewers are told of; those with fewest are left out. 64 KiB of names at most.
const MAX_CAMERAS: usize = 500;

/// A handle to what is known of relays. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fleet(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What this relay calls itself.
    name: String,
    started_us: i64,
    clock: Clock,
    hub: Hub,
    metrics: Metrics,
    draining: CancellationToken,
    peers: Mutex<Peers>,
}

impl Fleet {
    pub(crate) fn new(
        name: String,
        clock: Clock,
        hub: Hub,
        metrics: Metrics,
        draining: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            name,
            started_us: wall_us(),
            clock,
            hub,
            metrics,
            draining,
            peers: Mutex::default(),
        }))
    }

    /// How this relay is.
    pub(crate) fn own(&self) -> RelayStatus {
        let (recent, now_us) = (self.0.metrics.recent(), wall_us());
        let mut viewers: Vec<_> = self
            .0
            .hub
            .viewers()
            .into_iter()
            .filter(|(_, viewers)| *viewers > 0)
            .map(|(camera, viewers)| Viewers {
                camera: camera.to_string(),
                viewers: count(viewers),
                age_ms: recent.look(&camera, now_us).0.map(count),
            })
            .collect();
        viewers.sort_by(|a, b| b.viewers.cmp(&a.viewers).then(a.camera.cmp(&b.camera)));
        let total = viewers.iter().map(|each| each.viewers).sum();
        viewers.truncate(MAX_CAMERAS);
        RelayStatus {
            name: self.0.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_us: self.0.started_us,
            draining: self.0.draining.is_cancelled(),
            connections: count(self.0.metrics.connections.get()),
            streams: count(self.0.metrics.streams_open.get()),
            viewers: total,
            by_camera: viewers,
            dropped: recent
                .dropped()
                .map(|(reason, count)| Count {
                    reason: reason.into(),
                    count,
                })
                .collect(),
            goodbye: false,
        }
    }

    /// The other relays that were heard of lately, by name.
    pub(crate) fn others(&self) -> Vec<Peer> {
        let own = self.0.hub.relay_id();
        let mut peers = self.peers();
        peers.expire(self.0.clock.now());
        peers.all().filter(|peer| peer.id != own).cloned().collect()
    }

    /// Speaks and listens until `shutdown`, or until the bus is closed.
    pub(crate) async fn run(&self, bus: Bus, shutdown: CancellationToken) {
        let Ok(id) = self.0.hub.relay_id().parse() else {
            return;
        };
        let subject = Topic::Relay(id).subject();
        let speak = async |goodbye| {
            let status = RelayStatus {
                goodbye,
                ..self.own()
            };
            if let Err(error) = bus.publish(&subject, status.encode_to_vec().into()).await {
                // Said again soon.
                tracing::debug!(%error, "the status of this relay was not sent");
            }
        };
        let talk = async {
            let Ok(mut statuses) = bus.subscribe(&Pattern::every_relay()).await else {
                return;
            };
            let mut heartbeat = tokio::time::interval(HEARTBEAT);
            heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = heartbeat.tick() => speak(false).await,
                    delivery = statuses.next() => match delivery {
                        Some(Delivery::Message(message)) => self.hear(&message.subject, message.payload),
                        Some(Delivery::Lost(_)) => {}
                        None => return,
                    },
                }
            }
        };
        tokio::select! {
            () = talk => {}
            () = shutdown.cancelled() => speak(true).await,
        }
    }

    fn hear(&self, subject: &str, payload: bytes::Bytes) {
        match (Topic::parse(subject), RelayStatus::decode(payload)) {
            (Some(Topic::Relay(id)), Ok(status)) => {
                self.peers().hear(id.as_str(), &status, self.0.clock.now());
            }
            _ => tracing::debug!(subject, "malformed status of a relay"),
        }
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}
