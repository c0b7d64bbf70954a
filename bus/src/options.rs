//! How to reach NATS.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// How to reach NATS, and as whom. At most one way of authentication may be given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `nats://host:4222`, `tls://host:4222`, or `wss://host:443` (a WebSocket; `ws://` without encryption); several servers of one cluster separated by commas.
    pub url: String,
    /// User name; goes with `password`.
    pub user: String,
    /// Goes with `user`.
    pub password: String,
    /// Token.
    pub token: String,
    /// File with an nkey seed (`SU...`).
    pub nkey_file: PathBuf,
    /// File with a JWT and an nkey seed, as `nsc` writes it.
    pub creds_file: PathBuf,
    /// Encryption.
    pub tls: Tls,
}

/// How the connection to NATS is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Refuse servers that do not encrypt. `tls://` in the URL does the same.
    pub required: bool,
    /// PEM file of the authorities to trust, instead of the system's.
    pub ca_file: PathBuf,
    /// PEM file of the client's certificate; goes with `key_file`.
    pub cert_file: PathBuf,
    /// PEM file of the client's key; goes with `cert_file`.
    pub key_file: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".into(),
            user: String::new(),
            password: String::new(),
            token: String::new(),
            nkey_file: PathBuf::new(),
            creds_file: PathBuf::new(),
            tls: Tls::default(),
        }
    }
}

/// Without what may be a credential: the URL may hold one, too.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("user", &self.user)
            .field("nkey_file", &self.nkey_file)
            .field("creds_file", &self.creds_file)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// The options cannot work. Names the setting.
#[derive(Debug, thiserror::Error)]
#[error("nats.{key}: {reason}")]
pub struct InvalidOption {
    /// The setting below `nats`.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_of_the_options_holds_no_credential() {
        let options = Options {
            url: "nats://user:secret@host".into(),
            password: "secret".into(),
            token: "secret".into(),
            ..Options::default()
        };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
