//! The settings of a relay. `deploy/config/relay.toml` holds all of them at their defaults.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize};

/// The settings of a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to serve viewers at.
    pub listen: SocketAddr,
    /// What this relay calls itself towards viewers and publishers; empty: the host's name.
    pub name: String,
    /// How long viewers have to leave when the relay is told to stop, in milliseconds.
    pub drain_ms: u64,
    /// Connections, time limits, other origins.
    pub http: Http,
    /// Which streams are kept open for how long, and what is kept of them.
    pub streams: Streams,
    /// How to reach the bus.
    pub nats: sightline_bus::Options,
    /// Form and amount of the log.
    pub log: sightline_cli::Log,
}

/// Connections, time limits, other origins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Origins (`https://example.org`) whose pages may use the WebSocket, read the API and embed this
    /// relay's pages, beside the relay's own.
    #[serde(deserialize_with = "list")]
    pub allowed_origins: Vec<String>,
    /// What viewers may ask of cameras; nothing, unless an operator says so: there is no authentication.
    #[serde(deserialize_with = "verbs")]
    pub control: Vec<Verb>,
    /// Connections at the same time; a further one is answered by 429.
    pub max_connections: usize,
    /// Connections of one address (one /64 for IPv6) at the same time; 0: no limit, for relays that are
    /// reached through a proxy alone.
    pub max_connections_per_address: usize,
    /// How long a connection may take to send a whole request head, the first or a further one, in
    /// milliseconds.
    pub request_timeout_ms: u64,
    /// A viewer that takes nothing for this long is disconnected; in milliseconds.
    pub stall_timeout_ms: u64,
    /// How often a WebSocket is probed, in milliseconds. One that is silent for three of these is closed.
    pub ping_interval_ms: u64,
    /// How long a snapshot waits for a camera that has to be opened first, in milliseconds.
    pub snapshot_timeout_ms: u64,
}

/// What viewers may ask of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// A key frame now.
    Keyframe,
    /// JPEG quality.
    Quality,
    /// Pictures per second at most.
    MaxFps,
    /// The size of the source's pictures.
    Size,
    /// V4L2 controls.
    Controls,
}

impl Verb {
    const ALL: [Self; 5] = [
        Self::Keyframe,
        Self::Quality,
        Self::MaxFps,
        Self::Size,
        Self::Controls,
    ];

    /// As it stands in the configuration.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Quality => "quality",
            Self::MaxFps => "max_fps",
            Self::Size => "size",
            Self::Controls => "controls",
        }
    }
}

/// Which streams are kept open for how long, and what is kept of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Streams {
    /// How long a stream stays subscribed to after its last viewer left, in milliseconds.
    pub linger_ms: u64,
    /// Memory for the last pictures of cameras that nobody watches, in MiB. When it is full, the one
    /// that was not used for longest goes.
    pub last_pictures_mib: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            name: String::new(),
            drain_ms: 5_000,
            http: Http::default(),
            streams: Streams::default(),
            nats: sightline_bus::Options::default(),
            log: sightline_cli::Log::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            control: Vec::new(),
            max_connections: 4_096,
            max_connections_per_address: 256,
            request_timeout_ms: 5_000,
            stall_timeout_ms: 30_000,
            ping_interval_ms: 10_000,
            snapshot_timeout_ms: 5_000,
        }
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            linger_ms: 10_000,
            last_pictures_mib: 256,
        }
    }
}

/// A setting that is well formed, but cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct InvalidSetting {
    /// The dotted key.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Config {
    /// Whether a relay can run with these settings.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let positive = [
            ("http.max_connections", self.http.max_connections as u64),
            ("http.request_timeout_ms", self.http.request_timeout_ms),
            ("http.stall_timeout_ms", self.http.stall_timeout_ms),
            ("http.ping_interval_ms", self.http.ping_interval_ms),
            ("http.snapshot_timeout_ms", self.http.snapshot_timeout_ms),
        ];
        for (key, value) in positive {
            if value == 0 {
                return Err(invalid(key, "must be more than 0"));
            }
        }
        if self.name.len() > MAX_NAME_BYTES {
            return Err(invalid(
                "name",
                format!("is longer than {MAX_NAME_BYTES} bytes"),
            ));
        }
        for origin in &self.http.allowed_origins {
            check_origin(origin).map_err(|reason| invalid("http.allowed_origins", reason))?;
        }
        Ok(())
    }

    /// What this relay calls itself.
    pub(crate) fn display_name(&self) -> String {
        if self.name.is_empty() {
            gethostname::gethostname().to_string_lossy().into_owned()
        } else {
            self.name.clone()
        }
    }
}

impl Http {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn stall_timeout(&self) -> Duration {
        Duration::from_millis(self.stall_timeout_ms)
    }

    pub(crate) fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.ping_interval_ms)
    }

    pub(crate) fn snapshot_timeout(&self) -> Duration {
        Duration::from_millis(self.snapshot_timeout_ms)
    }
}

const MAX_NAME_BYTES: usize = 64;

fn invalid(key: &'static str, reason: impl Into<String>) -> InvalidSetting {
    InvalidSetting {
        key,
        reason: reason.into(),
    }
}

/// An origin is a scheme, a host and maybe a port (RFC 6454); it also becomes part of a header.
fn check_origin(origin: &str) -> Result<(), String> {
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    let good = host.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    });
    if good {
        Ok(())
    } else {
        Err(format!(
            "{origin:?} is not an origin: use one like https://example.org"
        ))
    }
}

/// A list; also as one text with commas, which is all that an environment variable can hold.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::Text(text) => text
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect(),
        Given::List(list) => list,
    })
}

/// Verbs, given as [`list`] has it.
fn verbs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Verb>, D::Error> {
    let verb = |word: String| {
        let known = Verb::ALL.into_iter().find(|verb| verb.word() == word);
        known.ok_or_else(|| {
            let words = Verb::ALL.map(Verb::word).join(", ");
            serde::de::Error::custom(format!("there is no {word:?} to allow, known are {words}"))
        })
    };
    list(deserializer)?.into_iter().map(verb).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_cli::settings::{Layers, sample};

    #[test]
    fn the_sample_file_holds_every_key_at_its_default() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/config/relay.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let keys = |text: &str| {
            let mut lines: Vec<_> = text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(keys(&text), keys(&sample::<Config>()));
        let loaded: Config = Layers::new(Some(path.into())).load().unwrap();
        assert_eq!(loaded, Config::default());
    }

    #[test]
    fn the_defaults_are_good() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_work_names_its_key() {
        let mut config = Config::default();
        config.http.stall_timeout_ms = 0;
        let error = config.check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "http.stall_timeout_ms: must be more than 0"
        );
        for bad in [
            "example.org",
            "https://",
            "https://a/b",
            "https://a\r\nb",
            "*",
        ] {
            let mut config = Config::default();
            config.http.allowed_origins = vec![bad.into()];
            assert_eq!(
                config.check().unwrap_err().key,
                "http.allowed_origins",
                "{bad:?}"
            );
        }
    }

    #[test]
    fn verbs_that_are_not_known_are_refused_with_the_known_ones() {
        let load = |text: &str| {
            let mut layers = Layers::new(None);
            layers.set("http.control", Some(text));
            layers.load::<Config>()
        };
        let all = load("keyframe,quality,max_fps,size,controls").unwrap();
        assert_eq!(all.http.control, Verb::ALL);
        let error = load("quality,reboot").unwrap_err().to_string();
        assert!(
            error.contains("reboot") && error.contains("keyframe, quality"),
            "{error}"
        );
    }

    #[test]
    fn a_list_may_be_one_text_with_commas() {
        let mut layers = Layers::new(None);
        layers.set(
            "http.allowed_origins",
            Some("https://a.example, http://b.example:8080"),
        );
        let config: Config = layers.load().unwrap();
        assert_eq!(
            config.http.allowed_origins,
            ["https://a.example", "http://b.example:8080"]
        );
    }
}
