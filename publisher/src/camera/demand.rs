//! Who watches: which streams must be captured and sent.

use std::{collections::HashMap, time::Duration};

use sightline_proto::{Demand, EXPIRY};
use tokio::time::Instant;

/// Relays and streams that are remembered. Beyond it the one that was heard longest ago is forgotten: it
/// counts again when it is heard again, and any other keeps the camera open meanwhile.
const MAX_ENTRIES: usize = 256;

/// The longest relay id that is believed.
const MAX_RELAY_BYTES: usize = 128;

/// Relays that complain within this time of each other complain of the same.
const LATE_TOGETHER: Duration = Duration::from_secs(1);

/// What was asked for lately, for one camera.
#[derive(Debug, Default)]
pub(crate) struct Demands {
    heard: HashMap<Key, Heard>,
    /// Streams of which one frame is owed.
    owed: Vec<String>,
    /// Streams of which a relay has got nothing since it joined.
    joined: Vec<String>,
}

/// What a message changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It asks for nothing that the camera could give.
    Ignored,
    /// A relay goes on watching.
    Repeated,
    /// A relay has nothing to show yet.
    Joined,
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
    /// When pictures were last said to pile up on their way.
    late_at: Option<Instant>,
}

impl Demands {
    /// Takes in a message.
    pub(crate) fn hear(&mut self, demand: &Demand, streams: &[&str], now: Instant) -> Outcome {
        if !streams.contains(&demand.stream.as_str()) || demand.relay.len() > MAX_RELAY_BYTES {
            return Outcome::Ignored;
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
            late_at: None,
        });
        heard.at = now;
        if demand.late_ms > 0 {
            heard.late_at = Some(now);
        }
        if demand.single {
            insert(&mut self.owed, &demand.stream);
        } else if let Some(before) = heard.flow_at.replace(now)
            && before + EXPIRY > now
        {
            return Outcome::Repeated;
        }
        insert(&mut self.joined, &demand.stream);
        Outcome::Joined
    }

    /// Until when the source of those streams for which `of` holds must be open; nothing if it need not.
    pub(crate) fn open_until(&self, of: impl Fn(&str) -> bool, now: Instant) -> Option<Instant> {
        let asked = self.heard.iter().filter(|(key, _)| of(&key.stream));
        let last = asked.map(|(_, heard)| heard.at).max()?;
        Some(last + EXPIRY).filter(|until| *until > now)
    }

    /// Until when there may be something to do for `stream`.
    pub(crate) fn active_until(&self, stream: &str, now: Instant) -> Option<Instant> {
        self.open_until(|asked| asked == stream, now)
    }

    /// Whether the next frame of `stream` is to be sent.
    pub(crate) fn wants(&self, stream: &str, now: Instant) -> bool {
        let active = self.active_until(stream, now).is_some();
        (active && self.owed.iter().any(|owed| owed == stream)) || self.wants_flow(stream, now)
    }

    /// Whether all frames of `stream` are to be sent, not a single one.
    pub(crate) fn wants_flow(&self, stream: &str, now: Instant) -> bool {
        self.heard.iter().any(|(key, heard)| {
            key.stream == stream && heard.flow_at.is_some_and(|at| at + EXPIRY > now)
        })
    }

    /// Whether pictures of `stream` pile up on the way to every relay that watches: the way that they share is too
    /// narrow. One relay alone that is far away, or busy, holds up no other.
    pub(crate) fn all_late(&self, stream: &str, now: Instant) -> bool {
        let mut watching = self.heard.iter().filter(|(key, heard)| {
            key.stream == stream && heard.flow_at.is_some_and(|at| at + EXPIRY > now)
        });
        watching.all(|(_, heard)| heard.late_at.is_some_and(|at| at + LATE_TOGETHER > now))
    }

    /// Whether a relay has got nothing of `stream` since it joined.
    pub(crate) fn has_newcomer(&self, stream: &str) -> bool {
        self.joined.iter().any(|joined| joined == stream)
    }

    /// A frame of `stream` was sent that can be shown alone.
    pub(crate) fn sent(&mut self, stream: &str) {
        self.owed.retain(|owed| owed != stream);
        self.joined.retain(|joined| joined != stream);
    }

    fn forget(&mut self, now: Instant) {
        self.heard.retain(|_, heard| heard.at + EXPIRY > now);
        if self.heard.is_empty() {
            self.owed.clear();
            self.joined.clear();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.heard.iter().min_by_key(|(_, heard)| heard.at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.heard.remove(&key);
        }
    }
}

/// There are as many names at most as the camera has streams.
fn insert(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(relay: &str, stream: &str, single: bool) -> Demand {
        Demand {
            relay: relay.into(),
            stream: stream.into(),
            single,
            ..Demand::default()
        }
    }

    #[tokio::test]
    async fn one_relay_that_is_late_holds_up_no_other() {
        let (mut demands, now) = (Demands::default(), Instant::now());
        let late = |relay| Demand {
            late_ms: 200,
            ..ask(relay, "jpeg", false)
        };
        demands.hear(&ask("a", "jpeg", false), &["jpeg"], now);
        demands.hear(&late("b"), &["jpeg"], now);
        assert!(!demands.all_late("jpeg", now));
        demands.hear(&late("a"), &["jpeg"], now + ms(900));
        assert!(demands.all_late("jpeg", now + ms(900)));
        assert!(!demands.all_late("jpeg", now + ms(1_000)));
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_demand_holds_for_six_seconds() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        assert_eq!(demands.active_until("jpeg", start), None);
        assert_eq!(
            demands.hear(&ask("a", "jpeg", false), &["jpeg"], start),
            Outcome::Joined
        );
        assert!(demands.wants("jpeg", start + ms(5_999)));
        assert!(!demands.wants("jpeg", start + ms(6_000)));
        assert_eq!(demands.active_until("jpeg", start + ms(6_000)), None);
        let again = demands.hear(&ask("a", "jpeg", false), &["jpeg"], start + ms(4_000));
        assert_eq!(again, Outcome::Repeated);
        assert!(demands.wants("jpeg", start + ms(9_999)));
    }

    #[tokio::test]
    async fn a_single_demand_is_one_frame_and_keeps_the_source_open() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        demands.hear(&ask("a", "jpeg", true), &["jpeg"], start);
        assert!(demands.wants("jpeg", start) && !demands.wants_flow("jpeg", start));
        demands.sent("jpeg");
        assert!(!demands.wants("jpeg", start));
        assert_eq!(demands.active_until("jpeg", start), Some(start + EXPIRY));
        // It does not outlive its time.
        demands.hear(&ask("a", "jpeg", true), &["jpeg"], start);
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
    async fn a_newcomer_is_one_until_a_frame_is_sent() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        let hear = |demands: &mut Demands, relay, single, at| {
            demands.hear(&ask(relay, "jpeg", single), &["jpeg"], start + ms(at))
        };
        assert_eq!(hear(&mut demands, "a", false, 0), Outcome::Joined);
        assert!(demands.has_newcomer("jpeg"));
        demands.sent("jpeg");
        assert_eq!(hear(&mut demands, "a", false, 2_000), Outcome::Repeated);
        assert!(!demands.has_newcomer("jpeg"));
        for (relay, single) in [("b", false), ("a", true), ("a", true)] {
            assert_eq!(hear(&mut demands, relay, single, 3_000), Outcome::Joined);
            assert!(demands.has_newcomer("jpeg"));
            demands.sent("jpeg");
        }
    }

    #[tokio::test]
    async fn what_the_camera_does_not_have_opens_nothing() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        for other in [
            ask("a", "h264", false),
            ask(&"x".repeat(1_000), "jpeg", false),
        ] {
            assert_eq!(demands.hear(&other, &["jpeg"], start), Outcome::Ignored);
        }
        assert_eq!(demands.active_until("jpeg", start), None);
    }

    #[tokio::test]
    async fn any_number_of_relays_takes_bounded_memory() {
        let (mut demands, start) = (Demands::default(), Instant::now());
        for i in 0..10_000 {
            let at = start + Duration::from_micros(i);
            demands.hear(&ask(&i.to_string(), "jpeg", false), &["jpeg"], at);
        }
        assert_eq!(demands.heard.len(), MAX_ENTRIES);
        assert!(demands.wants("jpeg", start + ms(5_000)));
    }
}
