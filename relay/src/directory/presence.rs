//! Which cameras there are, and whether they are online. Pure: announcements and times in, changes
//! out.

use std::{
    collections::{BTreeMap, btree_map::Entry as MapEntry},
    sync::Arc,
    time::Duration,
};

use sightline_proto::{Announce, CameraName, EXPIRY};

use super::Camera;

/// Cameras that are remembered. When it is full, the one that is offline for longest is forgotten
/// for a new one; if all are online, the new one is refused.
pub(crate) const MAX_CAMERAS: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Presence {
    max_cameras: usize,
    cameras: BTreeMap<CameraName, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// As of the last announcement.
    camera: Arc<Camera>,
    /// As followers know it.
    told: Arc<Camera>,
    epoch: u64,
    /// When the last announcement of this epoch came.
    heard_at: Duration,
    /// When another publisher last announced a camera of this name, if one does.
    rival_heard_at: Option<Duration>,
}

/// What an announcement led to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Nothing that followers would want to know.
    Unchanged,
    /// A camera is new, or changed.
    Changed(Arc<Camera>),
    /// As `Changed`; and a camera that was offline for long was forgotten.
    Replaced(Arc<Camera>),
    /// A publisher with a higher epoch has this name. `first` is true once per quarrel.
    Rival { first: bool, winner: String },
    /// There is no room, and no camera is offline.
    Full,
}

impl Default for Presence {
    fn default() -> Self {
        Self::with_capacity(MAX_CAMERAS)
    }
}

impl Presence {
    fn with_capacity(max_cameras: usize) -> Self {
        Self {
            max_cameras,
            cameras: BTreeMap::new(),
        }
    }

    /// Takes in an announcement that came at `now`, which is `wall_us` for people.
    pub(crate) fn announced(
        &mut self,
        name: &CameraName,
        announce: &Announce,
        now: Duration,
        wall_us: i64,
    ) -> Outcome {
        let mut forgotten = false;
        if !self.cameras.contains_key(name) && self.cameras.len() >= self.max_cameras {
            if !self.forget_longest_offline() {
                return Outcome::Full;
            }
            forgotten = true;
        }
        let camera = Arc::new(Camera::announced(name.clone(), announce, wall_us));
        match self.cameras.entry(name.clone()) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(Entry {
                    camera: camera.clone(),
                    told: camera.clone(),
                    epoch: announce.epoch,
                    heard_at: now,
                    rival_heard_at: None,
                });
                if forgotten {
                    Outcome::Replaced(camera)
                } else {
                    Outcome::Changed(camera)
                }
            }
            MapEntry::Occupied(mut entry) => entry.get_mut().announced(camera, announce.epoch, now),
        }
    }

    /// The cameras that went silent before `now`: they are offline from here on.
    pub(crate) fn expire(&mut self, now: Duration) -> Vec<Arc<Camera>> {
        self.cameras
            .values_mut()
            .filter(|entry| entry.camera.online && !entry.is_fresh(now))
            .map(|entry| {
                let mut camera = Camera::clone(&entry.camera);
                camera.online = false;
                entry.camera = Arc::new(camera);
                entry.told = entry.camera.clone();
                entry.camera.clone()
            })
            .collect()
    }

    pub(crate) fn get(&self, name: &CameraName) -> Option<&Arc<Camera>> {
        self.cameras.get(name).map(|entry| &entry.camera)
    }

    /// By name.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = &Arc<Camera>> {
        self.cameras.values().map(|entry| &entry.camera)
    }

    fn forget_longest_offline(&mut self) -> bool {
        let oldest = self
            .cameras
            .iter()
            .filter(|(_, entry)| !entry.camera.online)
            .min_by_key(|(_, entry)| entry.heard_at)
            .map(|(name, _)| name.clone());
        oldest.is_some_and(|name| self.cameras.remove(&name).is_some())
    }
}

impl Entry {
    fn is_fresh(&self, now: Duration) -> bool {
        now.saturating_sub(self.heard_at) < EXPIRY
    }

    fn announced(&mut self, camera: Arc<Camera>, epoch: u64, now: Duration) -> Outcome {
        if epoch < self.epoch && self.camera.online && self.is_fresh(now) {
            let quarrel = self
                .rival_heard_at
                .is_some_and(|heard| now.saturating_sub(heard) < EXPIRY);
            self.rival_heard_at = Some(now);
            return Outcome::Rival {
                first: !quarrel,
                winner: self.camera.instance.clone(),
            };
        }
        self.epoch = epoch;
        self.heard_at = now;
        self.camera = camera;
        if !self.told.differs(&self.camera) {
            return Outcome::Unchanged;
        }
        self.told = self.camera.clone();
        Outcome::Changed(self.camera.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_proto::CameraState;

    fn name(text: &str) -> CameraName {
        text.parse().unwrap()
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn announce(epoch: u64) -> Announce {
        Announce {
            epoch,
            state: CameraState::Live.into(),
            instance: format!("run-{epoch}"),
            ..Announce::default()
        }
    }

    fn goodbye(epoch: u64) -> Announce {
        Announce {
            goodbye: true,
            ..announce(epoch)
        }
    }

    fn online(presence: &Presence, camera: &str) -> bool {
        presence.get(&name(camera)).unwrap().online
    }

    #[test]
    fn a_camera_is_offline_after_three_missed_announcements() {
        let mut presence = Presence::default();
        let gate = name("farm/gate");
        assert!(matches!(
            presence.announced(&gate, &announce(1), secs(0), 10),
            Outcome::Changed(_)
        ));
        assert!(presence.expire(secs(5)).is_empty());
        let gone = presence.expire(secs(6));
        assert_eq!(gone.len(), 1);
        assert!(!gone[0].online);
        assert_eq!(gone[0].last_seen_us, 10);
        assert_eq!(gone[0].state, CameraState::Live);
        assert!(presence.expire(secs(7)).is_empty(), "told once");
        assert!(matches!(
            presence.announced(&gate, &announce(1), secs(8), 20),
            Outcome::Changed(_)
        ));
        assert!(online(&presence, "farm/gate"));
    }

    #[test]
    fn a_goodbye_takes_effect_at_once() {
        let mut presence = Presence::default();
        let gate = name("farm/gate");
        presence.announced(&gate, &announce(1), secs(0), 0);
        assert!(matches!(
            presence.announced(&gate, &goodbye(1), secs(1), 1),
            Outcome::Changed(camera) if !camera.online
        ));
        // Its successor may have a lower epoch if the clock was set.
        presence.announced(&gate, &announce(0), secs(2), 2);
        assert!(online(&presence, "farm/gate"));
    }

    #[test]
    fn an_announcement_without_news_is_no_change() {
        let mut presence = Presence::default();
        let gate = name("farm/gate");
        presence.announced(&gate, &announce(1), secs(0), 0);
        assert_eq!(
            presence.announced(&gate, &announce(1), secs(2), 2_000_000),
            Outcome::Unchanged
        );
        assert_eq!(presence.get(&gate).unwrap().last_seen_us, 2_000_000);
    }

    #[test]
    fn the_higher_epoch_wins_and_the_quarrel_is_told_once() {
        let mut presence = Presence::default();
        let gate = name("farm/gate");
        presence.announced(&gate, &announce(5), secs(0), 0);
        for (at, first) in [(1, true), (3, false), (5, false)] {
            assert_eq!(
                presence.announced(&gate, &announce(4), secs(at), 0),
                Outcome::Rival {
                    first,
                    winner: "run-5".into()
                }
            );
            presence.announced(&gate, &announce(5), secs(at + 1), 0);
        }
        assert!(matches!(
            presence.announced(&gate, &goodbye(4), secs(6), 0),
            Outcome::Rival { .. }
        ));
        assert!(online(&presence, "farm/gate"));
        assert_eq!(presence.get(&gate).unwrap().instance, "run-5");
        // The winner goes silent: the other one takes over.
        presence.announced(&gate, &announce(4), secs(13), 0);
        assert_eq!(presence.get(&gate).unwrap().instance, "run-4");
    }

    #[test]
    fn the_camera_that_is_offline_for_longest_makes_room() {
        let mut presence = Presence::with_capacity(2);
        presence.announced(&name("a/a"), &goodbye(1), secs(1), 0);
        presence.announced(&name("a/b"), &goodbye(1), secs(0), 0);
        assert!(matches!(
            presence.announced(&name("a/c"), &announce(1), secs(2), 0),
            Outcome::Replaced(_)
        ));
        assert!(presence.get(&name("a/b")).is_none());
        presence.announced(&name("a/d"), &announce(1), secs(3), 0);
        assert_eq!(
            presence.announced(&name("a/e"), &announce(1), secs(4), 0),
            Outcome::Full
        );
        // Cameras that are known are still heard.
        assert_eq!(
            presence.announced(&name("a/d"), &announce(1), secs(4), 0),
            Outcome::Unchanged
        );
        assert_eq!(presence.cameras().count(), 2);
    }
}
