//! The bus over NATS.
//!
//! The client's defaults suit messages that must arrive; frames must be new. So its queues are small,
//! nothing is published without a connection, and a frozen server is noticed in seconds.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event, RequestErrorKind, ServerAddr, ServerError};
use bytes::Bytes;
use futures_util::StreamExt as _;
use sightline_proto::{Pattern, Subject};
use tokio::sync::watch;

use crate::{
    Delivery, Error, InvalidOption, Link, Message, Options, PUBLISH_WAIT, QUEUE_MESSAGES, Reply,
    ReplyTo,
};

/// Commands that wait for the socket. More would be replayed, stale, after an outage.
const CLIENT_COMMANDS: usize = 4;

/// A frozen server is noticed after two and a half of these.
const PING_INTERVAL: Duration = Duration::from_secs(2);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

const LONGEST_RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Distinct server errors that are logged; a further one is not worth a line each time it comes.
const LOGGED_ERRORS: usize = 64;

type LostCounters = Arc<Mutex<HashMap<u64, Arc<AtomicU64>>>>;

#[derive(Clone)]
pub(crate) struct Nats {
    client: Client,
    link: watch::Sender<Link>,
    lost: LostCounters,
    /// The client numbers its subscriptions from 1 and names them by that number when one is slow.
    next_subscription: Arc<tokio::sync::Mutex<u64>>,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    id: u64,
    messages: async_nats::Subscriber,
    lost: Arc<AtomicU64>,
    counters: LostCounters,
}

impl Nats {
    pub(crate) async fn connect(options: &Options) -> Result<Self, InvalidOption> {
        let servers = server_addresses(&options.url)?;
        let link = watch::Sender::new(Link::Down(format!("connecting to {}", names(&servers))));
        let lost = LostCounters::default();
        let events = Arc::new(Events {
            server: names(&servers),
            link: link.clone(),
            lost: lost.clone(),
            logged: Mutex::default(),
        });
        let client = authenticated(options)?
            .name("sightline")
            .client_capacity(CLIENT_COMMANDS)
            .subscription_capacity(QUEUE_MESSAGES)
            .ping_interval(PING_INTERVAL)
            .connection_timeout(CONNECT_TIMEOUT)
            .reconnect_delay_callback(reconnect_pause)
            .retry_on_initial_connect()
            .event_callback(move |event| {
                events.handle(&event);
                std::future::ready(())
            })
            .connect(servers)
            .await
            .map_err(|error| invalid("url", error))?;
        Ok(Self {
            client,
            link,
            lost,
            next_subscription: Arc::new(tokio::sync::Mutex::new(1)),
        })
    }

    pub(crate) async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), Error> {
        if matches!(*self.link.borrow(), Link::Down(_)) {
            return Err(Error::NotConnected {
                subject: subject.clone(),
            });
        }
        let (len, limit) = (payload.len(), self.max_payload_bytes());
        if len > limit {
            return Err(Error::PayloadTooLarge {
                subject: subject.clone(),
                len,
                limit,
            });
        }
        let publish = self.client.publish(subject.as_str().to_owned(), payload);
        match tokio::time::timeout(PUBLISH_WAIT, publish).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::Congested {
                subject: subject.clone(),
            }),
        }
    }

    pub(crate) async fn subscribe(&self, pattern: &Pattern) -> Result<Subscription, Error> {
        let mut next = self.next_subscription.lock().await;
        let id = *next;
        // Counted before the first message can come, and even if this future is dropped half-way:
        // the client has then counted it too.
        *next += 1;
        let lost = Arc::<AtomicU64>::default();
        let entry = CounterEntry::insert(&self.lost, id, lost.clone());
        let messages = self
            .client
            .subscribe(pattern.as_str().to_owned())
            .await
            .map_err(|_| Error::Closed)?;
        entry.keep();
        Ok(Subscription {
            id,
            messages,
            lost,
            counters: self.lost.clone(),
        })
    }

    pub(crate) async fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        wait: Duration,
    ) -> Result<Bytes, Error> {
        let timeout = || Error::Timeout {
            subject: subject.clone(),
            waited: wait,
        };
        let request = self.client.request(subject.as_str().to_owned(), payload);
        match tokio::time::timeout(wait, request).await {
            Ok(Ok(answer)) => Ok(answer.payload),
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
                Err(Error::NoResponder {
                    subject: subject.clone(),
                })
            }
            Ok(Err(_)) | Err(_) => Err(timeout()),
        }
    }

    pub(crate) async fn reply(
        &self,
        subject: async_nats::Subject,
        payload: Bytes,
    ) -> Result<(), Error> {
        self.client
            .publish(subject, payload)
            .await
            .map_err(|_| Error::Closed)
    }

    pub(crate) fn max_payload_bytes(&self) -> usize {
        self.client.max_payload()
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    pub(crate) async fn flush(&self, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.client.flush()).await;
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("link", &*self.link.borrow())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            return Some(Delivery::Lost(lost));
        }
        let message = self.messages.next().await?;
        Some(Delivery::Message(Message {
            subject: message.subject.into_string(),
            payload: message.payload,
            reply: message.reply.map(|subject| Reply(ReplyTo::Nats(subject))),
        }))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        lock(&self.counters).remove(&self.id);
    }
}

/// Removes the counter again unless the subscription came about.
struct CounterEntry<'a>(Option<(&'a LostCounters, u64)>);

impl<'a> CounterEntry<'a> {
    fn insert(counters: &'a LostCounters, id: u64, lost: Arc<AtomicU64>) -> Self {
        lock(counters).insert(id, lost);
        Self(Some((counters, id)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CounterEntry<'_> {
    fn drop(&mut self) {
        if let Some((counters, id)) = self.0 {
            lock(counters).remove(&id);
        }
    }
}

/// Turns what the client reports into the state of the link, counters and log lines.
struct Events {
    server: String,
    link: watch::Sender<Link>,
    lost: LostCounters,
    logged: Mutex<HashSet<String>>,
}

impl Events {
    fn handle(&self, event: &Event) {
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
            Event::ClientError(error) => {
                self.set(Link::Down(format!(
                    "cannot connect to {}: {error}",
                    self.server
                )));
            }
            Event::SlowConsumer(id) => {
                if let Some(lost) = lock(&self.lost).get(id) {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Event::ServerError(error) => self.log_server_error(error),
            Event::LameDuckMode | Event::Draining => {}
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
        if text.to_lowercase().contains("permissions violation") {
            tracing::error!(
                error = text,
                "nats refuses this: the credentials lack a permission (docs/ref/wire.md lists the subjects)"
            );
        } else {
            tracing::warn!(error = text, "nats reports an error");
        }
    }
}

/// 0, then 50 ms doubling up to half a second: relays and cameras should be back with the server.
fn reconnect_pause(attempt: usize) -> Duration {
    match attempt {
        0 | 1 => Duration::ZERO,
        n => LONGEST_RECONNECT_PAUSE.min(Duration::from_millis(25 << n.min(10))),
    }
}

fn server_addresses(urls: &str) -> Result<Vec<ServerAddr>, InvalidOption> {
    let servers = urls
        .split(',')
        .map(str::trim)
        .filter(|url| !url.is_empty())
        .map(|url| {
            url.parse::<ServerAddr>()
                .map_err(|error| invalid("url", format!("{}: {error}", without_password(url))))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if servers.is_empty() {
        return Err(invalid(
            "url",
            "is empty: give one like nats://127.0.0.1:4222",
        ));
    }
    Ok(servers)
}

fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://...@{host}"),
        (None, Some((_, host))) => format!("...@{host}"),
        _ => url.to_owned(),
    }
}

/// Hosts and ports, for people: never the user or password that a URL may hold.
fn names(servers: &[ServerAddr]) -> String {
    let names: Vec<_> = servers
        .iter()
        .map(|server| format!("{}:{}", server.host(), server.port()))
        .collect();
    names.join(", ")
}

fn authenticated(options: &Options) -> Result<ConnectOptions, InvalidOption> {
    let given: Vec<_> = [
        ("user", !options.user.is_empty()),
        ("token", !options.token.is_empty()),
        ("nkey_file", !options.nkey_file.as_os_str().is_empty()),
        ("creds_file", !options.creds_file.as_os_str().is_empty()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    if let [first, second, ..] = given[..] {
        return Err(invalid(
            second,
            format!("nats.{first} is given too: use one of them"),
        ));
    }
    if options.user.is_empty() && !options.password.is_empty() {
        return Err(invalid("password", "needs nats.user"));
    }
    let connect = match given.first() {
        Some(&"user") => {
            ConnectOptions::with_user_and_password(options.user.clone(), options.password.clone())
        }
        Some(&"token") => ConnectOptions::with_token(options.token.clone()),
        Some(&"nkey_file") => {
            let seed = read("nkey_file", &options.nkey_file)?;
            ConnectOptions::with_nkey(seed.trim().to_owned())
        }
        Some(_) => {
            let creds = read("creds_file", &options.creds_file)?;
            ConnectOptions::with_credentials(&creds)
                .map_err(|error| invalid("creds_file", error))?
        }
        None => ConnectOptions::new(),
    };
    encrypted(connect, options)
}

fn encrypted(
    mut connect: ConnectOptions,
    options: &Options,
) -> Result<ConnectOptions, InvalidOption> {
    let tls = &options.tls;
    if tls.required {
        connect = connect.require_tls(true);
    }
    if !tls.ca_file.as_os_str().is_empty() {
        read("tls.ca_file", &tls.ca_file)?;
        connect = connect.add_root_certificates(tls.ca_file.clone());
    }
    match (tls.cert_file.as_os_str(), tls.key_file.as_os_str()) {
        (cert, key) if cert.is_empty() && key.is_empty() => {}
        (cert, _) if cert.is_empty() => {
            return Err(invalid("tls.key_file", "needs nats.tls.cert_file"));
        }
        (_, key) if key.is_empty() => {
            return Err(invalid("tls.cert_file", "needs nats.tls.key_file"));
        }
        _ => {
            read("tls.cert_file", &tls.cert_file)?;
            read("tls.key_file", &tls.key_file)?;
            connect = connect.add_client_certificate(tls.cert_file.clone(), tls.key_file.clone());
        }
    }
    Ok(connect)
}

fn read(key: &'static str, path: &Path) -> Result<String, InvalidOption> {
    std::fs::read_to_string(path)
        .map_err(|error| invalid(key, format!("cannot read {}: {error}", path.display())))
}

fn invalid(key: &'static str, reason: impl ToString) -> InvalidOption {
    InvalidOption {
        key,
        reason: reason.to_string(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
