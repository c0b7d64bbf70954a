//! Who watches: which streams must be captured and sent.

use std::collections::HashMap;

use sightline_proto::{Demand, EXPIRY};
use tokio::time::Instant;

/// Relays and streams that are remembered. Beyond it the one that was heard longest ago is forgotten: it
/// counts again when it is heard again, and any other keeps the camera open meanwhile.
const MAX_ENTRIES: usize = 256;

/// The longest relay id that is believed.
const MAX_RELAY_BYTES: usize = 128;

/// What was asked for lately, for one camera.
#[derive(Debug, Default)]
pub(crate) struct Demands {
    heard: HashMap<Key, Heard>,
    /// Streams of which one frame is owed.
    owed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    relay: String,
    stream: String,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Instant,
    /// When frames, not a single one, were last asked for.
    flow_at: Option<Instant>,
}

impl Demands {
    /// Takes in a message. False if it asks for nothing that one of `streams` could give.
    pub(crate) fn hear(&mut self, demand: &Demand, streams: &[&str], now: Instant) -> bool {
        if !streams.contains(&demand.stream.as_str()) || demand.relay.len() > MAX_RELAY_BYTES {
            return false;
        }
        self.forget(now);
        let key = Key {
            relay: demand.relay.clone(),
            stream: demand.stream.clone(),
        };
        if self.heard.len() >= MAX_ENTRIES && !self.heard.contains_key(&key) {
            self.forget_oldest();
        }
        let heard = self.heard.entry(key).or_insert(Heard {
            at: now,
            flow_at: None,
        });
        heard.at = now;
        if !demand.single {
            heard.flow_at = Some(now);
        } else if !self.owed.contains(&demand.stream) {
            self.owed.push(demand.stream.clone());
        }
        true
    }

    /// Until when the source must be open; nothing if it need not.
    pub(crate) fn open_until(&self, now: Instant) -> Option<Instant> {
        let last = self.heard.values().map(|heard| heard.at).max()?;
        Some(last + EXPIRY).filter(|until| *until > now)
    }

    /// Whether the next frame of `stream` is to be sent.
    pub(crate) fn wants(&self, stream: &str, now: Instant) -> bool {
        let open = self.open_until(now).is_some();
        (open && self.owed.iter().any(|owed| owed == stream)) || self.wants_flow(stream, now)
    }

    /// Whether all frames of `stream` are to be sent, not a single one.
    pub(crate) fn wants_flow(&self, stream: &str, now: Instant) -> bool {
        self.heard.iter().any(|(key, heard)| {
            key.stream == stream && heard.flow_at.is_some_and(|at| at + EXPIRY > now)
        })
    }

    /// A frame of `stream` was sent.
    pub(crate) fn sent(&mut self, stream: &str) {
        self.owed.retain(|owed| owed != stream);
    }

    fn forget(&mut self, now: Instant) {
        self.heard.retain(|_, heard| heard.at + EXPIRY > now);
        if self.heard.is_empty() {
            self.owed.clear();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.heard.iter().min_by_key(|(_, heard)| heard.at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.heard.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ask(relay: &str, stream: &str, single: bool) -> Demand {
        Demand {
            relay: relay.into(),
            stream: stream.into(),
            single,
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_demand_holds_for_six_seconds() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        assert_eq!(demands.open_until(start), None);
        assert!(demands.hear(&ask("a", "jpeg", false), &["jpeg"], start));
        assert!(demands.wants("jpeg", start + ms(5_999)));
        assert!(!demands.wants("jpeg", start + ms(6_000)));
        assert_eq!(demands.open_until(start + ms(6_000)), None);
        assert!(demands.hear(&ask("b", "jpeg", false), &["jpeg"], start + ms(4_000)));
        assert!(demands.wants("jpeg", start + ms(9_999)));
    }

    #[tokio::test]
    async fn a_single_demand_is_one_frame_and_keeps_the_source_open() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        assert!(demands.hear(&ask("a", "jpeg", true), &["jpeg"], start));
        assert!(demands.wants("jpeg", start) && !demands.wants_flow("jpeg", start));
        demands.sent("jpeg");
        assert!(!demands.wants("jpeg", start));
        assert_eq!(demands.open_until(start), Some(start + EXPIRY));
        // It does not outlive its time.
        assert!(demands.hear(&ask("a", "jpeg", true), &["jpeg"], start));
        assert!(!demands.wants("jpeg", start + ms(6_001)));
    }

    #[tokio::test]
    async fn a_snapshot_does_not_end_what_the_same_relay_watches() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        demands.hear(&ask("a", "jpeg", false), &["jpeg"], start);
        demands.hear(&ask("a", "jpeg", true), &["jpeg"], start + ms(10));
        demands.sent("jpeg");
        assert!(demands.wants("jpeg", start + ms(20)));
    }

    #[tokio::test]
    async fn what_the_camera_does_not_have_opens_nothing() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        assert!(!demands.hear(&ask("a", "h264", false), &["jpeg"], start));
        assert!(!demands.hear(&ask(&"x".repeat(1_000), "jpeg", false), &["jpeg"], start));
        assert_eq!(demands.open_until(start), None);
    }

    #[tokio::test]
    async fn any_number_of_relays_takes_bounded_memory() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        for i in 0..10_000 {
            let at = start + Duration::from_micros(i);
            assert!(demands.hear(&ask(&i.to_string(), "jpeg", false), &["jpeg"], at));
        }
        assert_eq!(demands.heard.len(), MAX_ENTRIES);
        assert!(demands.wants("jpeg", start + ms(5_000)));
    }
}
