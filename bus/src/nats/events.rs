//! What the client reports, as the state of the link, counters and log lines.

use std::{
    collections::HashSet,
    sync::{Mutex, atomic::Ordering},
};

use async_nats::{ClientError, Event, Server, ServerError};
use tokio::sync::watch;

use super::{LostCounters, lock, refused};
use crate::Link;

/// Distinct server errors that are logged; a further one is not worth a line each time it comes.
const LOGGED_ERRORS: usize = 64;

/// Turns what the client reports into the state of the link, counters and log lines.
pub(super) struct Events {
    /// For people: hosts and ports.
    pub(super) server: String,
    /// The setting that says who we are.
    pub(super) credential: String,
    pub(super) link: watch::Sender<Link>,
    pub(super) lost: LostCounters,
    pub(super) logged: Mutex<HashSet<String>>,
}

impl Events {
    pub(super) fn handle(&self, event: &Event) {
        match event {
            Event::Connected => {
                lock(&self.logged).clear();
                self.set(Link::Up);
            }
            Event::Disconnected | Event::Closed => {
                self.set(Link::Down(format!(
                    "lost the connection to {}",
                    self.server
                )));
            }
            // It names the kind of the error alone, as in "IO error": `explain` follows with all of it. But
            // there is no more to be had of a name that cannot be resolved.
            Event::ClientError(ClientError::Other(kind)) if kind.contains("DNS") => {
                self.set(Link::Down(format!(
                    "cannot connect to {}: no such host, or no name server",
                    self.server
                )));
            }
            Event::ClientError(error) => tracing::debug!(%error, "nats client"),
            Event::SlowConsumer(id) => {
                if let Some(lost) = lock(&self.lost).get(id) {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Event::ServerError(error) => self.log_server_error(error),
            Event::LameDuckMode | Event::Draining => {}
        }
    }

    /// Called before each attempt to connect, with what came of the attempts before.
    pub(super) fn explain(&self, servers: &[Server]) {
        let mut reasons = Vec::new();
        for server in servers {
            if let Some(error) = &server.last_error {
                let (host, port) = (server.addr.host(), server.addr.port());
                reasons.push(format!(
                    "cannot connect to {host}:{port}: {}",
                    in_words(error)
                ));
            }
        }
        if !reasons.is_empty() {
            // The client tries them in any order: the same reasons must not look like new ones.
            reasons.sort();
            self.set(Link::Down(reasons.join("; ")));
        }
    }

    fn set(&self, link: Link) {
        self.link.send_if_modified(|current| {
            if *current == link {
                return false;
            }
            match &link {
                Link::Up => tracing::info!(server = self.server, "connected to nats"),
                Link::Down(reason) => tracing::warn!(reason, "nats is not reachable, trying again"),
            }
            *current = link;
            true
        });
    }

    /// A permission that is missing shows up here alone: the message was taken without an error.
    fn log_server_error(&self, error: &ServerError) {
        let text = error.to_string();
        let mut logged = lock(&self.logged);
        if logged.len() >= LOGGED_ERRORS || !logged.insert(text.clone()) {
            return;
        }
        match refused::explain(&text, &self.credential) {
            Some(explained) => tracing::error!(
                error = text,
                "the credentials lack a permission: {explained} (docs/nats.md says what they allow)"
            ),
            None => tracing::warn!(error = text, "nats reports an error"),
        }
    }
}

/// What TLS says of a server that answers in plain text helps nobody.
fn in_words(error: &str) -> &str {
    if error.contains("InvalidContentType") {
        return "the server does not encrypt, and TLS is required";
    }
    error
}
