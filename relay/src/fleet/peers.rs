//! What other relays said of themselves. Pure: times are arguments.

use std::{collections::BTreeMap, time::Duration};

use sightline_proto::{CameraName, EXPIRY, RelayStatus};

/// Relays that are remembered; further ones are ignored until one falls silent.
const MAX_PEERS: usize = 256;

/// Cameras of one relay whose viewers are remembered; further ones are ignored.
const MAX_CAMERAS: usize = 500;

/// Reasons of one relay that are remembered; further ones are ignored.
const MAX_REASONS: usize = 32;

/// Longer texts are cut here, in characters.
const MAX_TEXT: usize = 64;

/// Relays by their ids.
#[derive(Debug, Default)]
pub(crate) struct Peers(BTreeMap<String, Peer>);

/// A relay as it described itself. Everything in it is bounded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Peer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) started_us: i64,
    pub(crate) draining: bool,
    pub(crate) connections: u32,
    pub(crate) streams: u32,
    pub(crate) viewers: u32,
    /// Viewers, and the age of frames in milliseconds.
    pub(crate) by_camera: BTreeMap<CameraName, (u32, Option<u32>)>,
    pub(crate) dropped: BTreeMap<String, u64>,
    /// By the clock of this relay.
    heard_at: Duration,
}

impl Peer {
    pub(crate) fn new(id: &str, status: &RelayStatus, now: Duration) -> Self {
        let dropped = status.dropped.iter().take(MAX_REASONS);
        let by_camera = status.by_camera.iter().take(MAX_CAMERAS);
        Self {
            id: id.to_owned(),
            name: cut(&status.name),
            version: cut(&status.version),
            started_us: status.started_us,
            draining: status.draining,
            connections: status.connections,
            streams: status.streams,
            viewers: status.viewers,
            by_camera: by_camera
                .filter_map(|each| Some((each.camera.parse().ok()?, (each.viewers, each.age_ms))))
                .collect(),
            dropped: dropped
                .map(|each| (cut(&each.reason), each.count))
                .collect(),
            heard_at: now,
        }
    }
}

impl Peers {
    /// Takes in what the relay `id` said of itself.
    pub(super) fn hear(&mut self, id: &str, status: &RelayStatus, now: Duration) {
        self.expire(now);
        if status.goodbye {
            self.0.remove(id);
        } else if self.0.len() < MAX_PEERS || self.0.contains_key(id) {
            self.0.insert(id.to_owned(), Peer::new(id, status, now));
        }
    }

    /// Forgets relays that fell silent.
    pub(super) fn expire(&mut self, now: Duration) {
        self.0.retain(|_, peer| peer.heard_at + EXPIRY > now);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Peer> {
        self.0.values()
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_proto::{Count, Viewers};

    const SECOND: Duration = Duration::from_secs(1);

    fn status(name: &str) -> RelayStatus {
        RelayStatus {
            name: name.into(),
            ..RelayStatus::default()
        }
    }

    fn names(peers: &Peers) -> Vec<&str> {
        peers.all().map(|peer| peer.name.as_str()).collect()
    }

    #[test]
    fn a_relay_is_known_until_it_says_goodbye_or_falls_silent() {
        let mut peers = Peers::default();
        peers.hear("1", &status("a"), SECOND);
        peers.hear("2", &status("b"), 2 * SECOND);
        peers.hear("1", &status("a2"), 2 * SECOND);
        assert_eq!(names(&peers), ["a2", "b"]);
        let goodbye = RelayStatus {
            goodbye: true,
            ..status("b")
        };
        peers.hear("2", &goodbye, 3 * SECOND);
        assert_eq!(names(&peers), ["a2"]);
        peers.expire(2 * SECOND + EXPIRY);
        assert!(names(&peers).is_empty());
    }

    #[test]
    fn strangers_cannot_fill_the_memory() {
        let mut peers = Peers::default();
        let large = RelayStatus {
            name: "x".repeat(100_000),
            by_camera: (0..10_000)
                .map(|i| Viewers {
                    camera: format!("farm/c{i}"),
                    viewers: 1,
                    age_ms: None,
                })
                .collect(),
            dropped: (0..1_000)
                .map(|i| Count {
                    reason: i.to_string(),
                    count: 1,
                })
                .collect(),
            ..RelayStatus::default()
        };
        for id in 0..1_000 {
            peers.hear(&id.to_string(), &large, SECOND);
        }
        assert_eq!(peers.all().count(), MAX_PEERS);
        let peer = peers.all().next().unwrap();
        assert_eq!(
            (peer.by_camera.len(), peer.dropped.len()),
            (MAX_CAMERAS, MAX_REASONS)
        );
        assert_eq!(peer.name.len(), MAX_TEXT);
    }
}
