//! Notices other publishers that send the same camera: one of them is configured wrongly.

use std::collections::BTreeMap;

use sightline_bus::{Bus, Delivery, Error};
use sightline_proto::{Announce, EXPIRY, Message as _, subject::Topic};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::shared::Shared;

/// Other publishers that are remembered. Beyond it further ones are ignored: the first few were reported.
const MAX_RIVALS: usize = 16;

/// The longest instance id that is believed.
const MAX_INSTANCE_BYTES: usize = 64;

/// Other publishers of one camera, by instance id.
#[derive(Clone, Debug, Default)]
pub(super) struct Rivals(BTreeMap<String, Rival>);

#[derive(Clone, Copy, Debug)]
struct Rival {
    epoch: u64,
    heard_at: Instant,
    gone: bool,
}

impl Rivals {
    /// Takes in another's announcement. True if it is the first of that instance.
    fn hear(&mut self, announce: &Announce, now: Instant) -> bool {
        let instance = &announce.instance;
        let known = self.0.contains_key(instance);
        if instance.len() > MAX_INSTANCE_BYTES || (!known && self.0.len() >= MAX_RIVALS) {
            return false;
        }
        let rival = Rival {
            epoch: announce.epoch,
            heard_at: now,
            gone: announce.goodbye,
        };
        self.0.insert(instance.clone(), rival);
        !known && !announce.goodbye
    }

    /// What to tell people if another publisher, that is still heard, wins over the one with `epoch`.
    pub(super) fn newer(&self, epoch: u64, now: Instant) -> Option<String> {
        self.0
            .iter()
            .filter(|(_, rival)| !rival.gone && rival.epoch > epoch && rival.heard_at + EXPIRY > now)
            .max_by_key(|(_, rival)| rival.epoch)
            .map(|(instance, _)| {
                format!(
                    "another publisher (instance {instance}) sends this camera; it is newer and wins"
                )
            })
    }
}

pub(super) async fn run(
    shared: &Shared,
    bus: &Bus,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let pattern = Topic::Announce(shared.camera.name.clone()).subject().into();
    let mut messages = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Ok(()),
        messages = bus.subscribe(&pattern) => messages?,
    };
    loop {
        let delivery = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            delivery = messages.next() => delivery,
        };
        match delivery {
            Some(Delivery::Message(message)) => {
                if let Ok(announce) = Announce::decode(message.payload) {
                    hear(shared, &announce);
                }
            }
            Some(Delivery::Lost(_)) => {}
            None => return Err(Error::Closed),
        }
    }
}

fn hear(shared: &Shared, announce: &Announce) {
    if announce.instance == shared.publisher.instance {
        return;
    }
    let now = Instant::now();
    shared.rivals.send_if_modified(|rivals| {
        let before = rivals.newer(shared.epoch, now);
        if rivals.hear(announce, now) {
            warn(shared, announce);
        }
        rivals.newer(shared.epoch, now) != before
    });
}

fn warn(shared: &Shared, announce: &Announce) {
    tracing::warn!(
        camera = %shared.camera.name,
        other_instance = announce.instance,
        other_source = announce.source,
        "another publisher sends a camera of this name; the one that started last wins, \
         so {} is shown. Give one of them another name or site",
        if announce.epoch > shared.epoch { "the other" } else { "this one" }
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(instance: &str, epoch: u64, goodbye: bool) -> Announce {
        Announce {
            instance: instance.into(),
            epoch,
            goodbye,
            ..Announce::default()
        }
    }

    #[tokio::test]
    async fn each_instance_is_reported_once() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        assert!(rivals.hear(&announce("a", 1, false), now));
        assert!(!rivals.hear(&announce("a", 1, false), now));
        assert!(rivals.hear(&announce("b", 1, false), now));
    }

    #[tokio::test]
    async fn a_newer_one_wins_until_it_is_gone_or_silent() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        rivals.hear(&announce("old", 4, false), now);
        assert_eq!(rivals.newer(5, now), None);
        rivals.hear(&announce("new", 6, false), now);
        assert!(rivals.newer(5, now).unwrap().contains("instance new"));
        assert_eq!(rivals.newer(5, now + EXPIRY), None);
        rivals.hear(&announce("new", 6, true), now);
        assert_eq!(rivals.newer(5, now), None);
    }

    #[tokio::test]
    async fn any_number_of_instances_takes_bounded_memory() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        for i in 0..1_000 {
            rivals.hear(&announce(&i.to_string(), 1, false), now);
        }
        assert!(!rivals.hear(&announce(&"x".repeat(1_000), 1, false), now));
        assert_eq!(rivals.0.len(), MAX_RIVALS);
    }
}
