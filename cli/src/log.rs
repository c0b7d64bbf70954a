//! Logs on standard error, for people or for machines.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Form and amount of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: Format,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,sightline_relay=debug`.
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: Format::Text,
            level: "info".into(),
        }
    }
}

impl Log {
    /// Sends all log lines of this process to standard error from now on.
    ///
    /// The client library of the bus is quieter by default: the bus logs what matters of it. That of RTSP is silent:
    /// it quotes addresses of cameras, in which there may be a password.
    pub fn start(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::builder()
            .parse(format!("async_nats=error,retina=off,{}", self.level))
            .map_err(|error| {
                crate::Exit::Settings.because(format!("log.level: {:?}: {error}", self.level))
            })?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        let started = match self.format {
            Format::Text => subscriber.with_target(false).try_init(),
            Format::Json => subscriber.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
    }
}
