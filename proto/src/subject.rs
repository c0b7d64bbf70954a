//! Where on the bus a message goes.
//!
//! Site and camera are separate, whole tokens: NATS permissions and leaf node mappings need that.

use std::{fmt, sync::Arc};

use crate::name::{CameraName, Token};

const PREFIX: &str = "sightline.v1";

/// A subject to publish to. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

/// What to subscribe to: a subject in which `*` stands for any one token. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

/// What a subject speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Topic {
    /// Frames of one stream of a camera.
    Frame(CameraName, Token),
    /// What a camera offers.
    Announce(CameraName),
    /// "Announce yourselves now."
    QueryAnnounce,
    /// Which stream of a camera is watched.
    Demand(CameraName),
    /// A request to a camera; the token is the verb.
    Control(CameraName, Token),
    /// How a relay is; the token is its id.
    Relay(Token),
}

impl Topic {
    /// The subject for this topic.
    pub fn subject(&self) -> Subject {
        Subject(
            match self {
                Topic::Frame(c, stream) => {
                    format!("{PREFIX}.frame.{}.{}.{stream}", c.site(), c.camera())
                }
                Topic::Announce(c) => format!("{PREFIX}.announce.{}.{}", c.site(), c.camera()),
                Topic::Relay(id) => format!("{PREFIX}.relay.{id}"),
                Topic::QueryAnnounce => format!("{PREFIX}.query.announce"),
                Topic::Demand(c) => format!("{PREFIX}.demand.{}.{}", c.site(), c.camera()),
                Topic::Control(c, verb) => {
                    format!("{PREFIX}.control.{}.{}.{verb}", c.site(), c.camera())
                }
            }
            .into(),
        )
    }

    /// What `subject` speaks of; nothing if it is not one of ours.
    pub fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.strip_prefix(PREFIX)?.strip_prefix('.')?.split('.');
        let kind = tokens.next()?;
        let topic = if kind == "query" {
            (tokens.next()? == "announce").then_some(Topic::QueryAnnounce)?
        } else if kind == "relay" {
            Topic::Relay(tokens.next()?.parse().ok()?)
        } else {
            let mut token = || tokens.next()?.parse().ok();
            let camera = CameraName::new(token()?, token()?);
            match kind {
                "frame" => Topic::Frame(camera, token()?),
                "announce" => Topic::Announce(camera),
                "demand" => Topic::Demand(camera),
                "control" => Topic::Control(camera, token()?),
                _ => return None,
            }
        };
        tokens.next().is_none().then_some(topic)
    }
}

impl Subject {
    /// The subject as the bus has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pattern {
    /// Announcements of every camera.
    pub fn every_announce() -> Self {
        Self(format!("{PREFIX}.announce.*.*").into())
    }

    /// How every relay is.
    pub fn every_relay() -> Self {
        Self(format!("{PREFIX}.relay.*").into())
    }

    /// Every control verb of one camera.
    pub fn control_of(camera: &CameraName) -> Self {
        Self(format!("{PREFIX}.control.{}.{}.*", camera.site(), camera.camera()).into())
    }

    /// The pattern as the bus has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a message to `subject` is for subscribers of this pattern.
    pub fn matches(&self, subject: &str) -> bool {
        let (mut pattern, mut subject) = (self.0.split('.'), subject.split('.'));
        loop {
            match (pattern.next(), subject.next()) {
                (None, None) => return true,
                (Some(p), Some(s)) if p == "*" || p == s => {}
                _ => return false,
            }
        }
    }
}

impl From<Subject> for Pattern {
    fn from(subject: Subject) -> Self {
        Self(subject.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> CameraName {
        "farm/gate".parse().unwrap()
    }

    #[test]
    fn every_topic_comes_back_from_its_subject() {
        let topics = [
            (
                Topic::Frame(gate(), "jpeg".parse().unwrap()),
                "sightline.v1.frame.farm.gate.jpeg",
            ),
            (Topic::Announce(gate()), "sightline.v1.announce.farm.gate"),
            (Topic::QueryAnnounce, "sightline.v1.query.announce"),
            (Topic::Demand(gate()), "sightline.v1.demand.farm.gate"),
            (
                Topic::Relay("01ab".parse().unwrap()),
                "sightline.v1.relay.01ab",
            ),
            (
                Topic::Control(gate(), "keyframe".parse().unwrap()),
                "sightline.v1.control.farm.gate.keyframe",
            ),
        ];
        for (topic, subject) in topics {
            assert_eq!(topic.subject().as_str(), subject);
            assert_eq!(Topic::parse(subject), Some(topic));
        }
    }

    #[test]
    fn a_strangers_subject_is_no_topic() {
        for subject in [
            "",
            "sightline.v1",
            "sightline.v2.announce.farm.gate",
            "sightline.v1.announce.farm",
            "sightline.v1.announce.farm.gate.x",
            "sightline.v1.announce.FARM.gate",
            "sightline.v1.query.other",
            "sightline.v1.relay",
            "sightline.v1.relay.a.b",
            "sightline.v1.relay.A",
            "sightline.v1.other.farm.gate",
            "sightline.v1announce.farm.gate",
        ] {
            assert_eq!(Topic::parse(subject), None, "{subject:?}");
        }
    }

    #[test]
    fn a_star_stands_for_one_token() {
        let all = Pattern::every_announce();
        assert!(all.matches("sightline.v1.announce.farm.gate"));
        assert!(!all.matches("sightline.v1.announce.farm"));
        assert!(!all.matches("sightline.v1.announce.farm.gate.x"));
        assert!(!all.matches("sightline.v1.demand.farm.gate"));
        let one = Pattern::from(Topic::Demand(gate()).subject());
        assert!(one.matches("sightline.v1.demand.farm.gate"));
        assert!(!one.matches("sightline.v1.demand.farm.door"));
    }
}
