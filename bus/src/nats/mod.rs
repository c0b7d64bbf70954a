//! The bus over NATS.
//!
//! The client's defaults suit messages that must arrive; frames must be new. So its queues are small,
//! nothing is published without a connection, and a frozen server is noticed in seconds.

mod connect;
mod events;
mod refused;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt as _;
use sightline_proto::{Pattern, Subject};
use tokio::sync::watch;

use self::{
    connect::{authenticated, invalid, names, server_addresses},
    events::Events,
};
use crate::{
    Delivery, Error, InvalidOption, Link, Message, Options, PUBLISH_WAIT, QUEUE_MESSAGES, Reply,
    ReplyTo,
};

/// Commands that wait for the socket. More would be replayed, stale, after an outage.
const CLIENT_COMMANDS: usize = 4;

/// A frozen server is noticed after two to three of these.
const PING_INTERVAL: Duration = Duration::from_millis(1_500);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The first pause, and the longest as long as a server may be about to come back.
const SHORTEST_RECONNECT_PAUSE: Duration = Duration::from_millis(25);
const BRISK_RECONNECT_PAUSE: Duration = Duration::from_millis(150);
/// Attempts until it is not expected any more: half a minute of refusals.
const BRISK_ATTEMPTS: usize = 200;
const LONGEST_RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Before each of several servers, once: the others of a cluster are there.
const NEXT_SERVER_PAUSE: Duration = Duration::from_millis(5);

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
            credential: refused::credential(options),
            link: link.clone(),
            lost: lost.clone(),
            logged: Mutex::default(),
        });
        let several = if servers.len() > 1 { servers.len() } else { 0 };
        let client = authenticated(options)?
            .name("sightline")
            .client_capacity(CLIENT_COMMANDS)
            .subscription_capacity(QUEUE_MESSAGES)
            .ping_interval(PING_INTERVAL)
            .connection_timeout(CONNECT_TIMEOUT)
            .reconnect_delay_callback(move |attempt| reconnect_pause(attempt, several))
            .retry_on_initial_connect()
            .reconnect_to_server_callback({
                let events = events.clone();
                move |servers, _| {
                    events.explain(&servers);
                    // The client chooses.
                    std::future::ready(None)
                }
            })
            .event_callback(move |event| {
                events.handle(&event);
                std::future::ready(())
            })
            .connect(servers)
            .await
            .map_err(|error| invalid("url", error.to_string()))?;
        Ok(Self {
            client,
            link,
            lost,
            next_subscription: Arc::new(tokio::sync::Mutex::new(1)),
        })
    }

    pub(crate) async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), Error> {
        self.check(subject, payload.len())?;
        let publish = self.client.publish(subject.as_str().to_owned(), payload);
        match tokio::time::timeout(PUBLISH_WAIT, publish).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::Congested {
                subject: subject.clone(),
            }),
        }
    }

    /// Whether `len` bytes may go to `subject` now. The client would keep them for later.
    fn check(&self, subject: &Subject, len: usize) -> Result<(), Error> {
        if matches!(*self.link.borrow(), Link::Down(_)) {
            return Err(Error::NotConnected {
                subject: subject.clone(),
            });
        }
        let limit = self.max_payload_bytes();
        if len > limit {
            return Err(Error::PayloadTooLarge {
                subject: subject.clone(),
                len,
                limit,
            });
        }
        Ok(())
    }

    pub(crate) async fn subscribe(&self, pattern: &Pattern) -> Result<Subscription, Error> {
        self.subscribe_to(pattern.as_str().to_owned()).await
    }

    async fn subscribe_to(&self, pattern: String) -> Result<Subscription, Error> {
        let mut next = self.next_subscription.lock().await;
        let id = *next;
        // Counted before the first message can come, and even if this future is dropped half-way:
        // the client has then counted it too.
        *next += 1;
        let lost = Arc::<AtomicU64>::default();
        let entry = CounterEntry::insert(&self.lost, id, lost.clone());
        let messages = self
            .client
            .subscribe(pattern)
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

    /// The client's own requests share one subscription, which keeps an entry for ever for each one that
    /// nobody answers. A subscription of its own goes with the request.
    pub(crate) async fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        wait: Duration,
    ) -> Result<Bytes, Error> {
        self.check(subject, payload.len())?;
        let exchange = async {
            let inbox = self.client.new_inbox();
            let mut answers = self.subscribe_to(inbox.clone()).await?;
            self.client
                .publish_with_reply(subject.as_str().to_owned(), inbox, payload)
                .await
                .map_err(|_| Error::Closed)?;
            let answer = answers.messages.next().await.ok_or(Error::Closed)?;
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(Error::NoResponder {
                    subject: subject.clone(),
                });
            }
            Ok(answer.payload)
        };
        tokio::time::timeout(wait, exchange)
            .await
            .unwrap_or_else(|_| {
                Err(Error::Timeout {
                    subject: subject.clone(),
                    waited: wait,
                })
            })
    }

    pub(crate) async fn reply(
        &self,
        subject: async_nats::Subject,
        payload: Bytes,
    ) -> Result<(), Error> {
        let connected = *self.link.borrow() == Link::Up;
        if !connected || payload.len() > self.max_payload_bytes() {
            return Err(Error::NotAnswered);
        }
        let publish = self.client.publish(subject, payload);
        match tokio::time::timeout(PUBLISH_WAIT, publish).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::NotAnswered),
        }
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

/// How long to wait before attempt number `attempt`, from 1 on, if there are `several` servers (0: only one).
///
/// Relays and cameras should be back with the server, and at once with another one. Never nothing: a server may take
/// a connection and end it again at once.
fn reconnect_pause(attempt: usize, several: usize) -> Duration {
    if (1..=several).contains(&attempt) {
        return NEXT_SERVER_PAUSE;
    }
    if attempt > BRISK_ATTEMPTS {
        return LONGEST_RECONNECT_PAUSE;
    }
    let doubled = attempt.saturating_sub(several + 1).min(10);
    BRISK_RECONNECT_PAUSE.min(SHORTEST_RECONNECT_PAUSE * (1 << doubled))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses_ms(several: usize, attempts: impl IntoIterator<Item = usize>) -> Vec<u128> {
        let pause = |attempt| reconnect_pause(attempt, several).as_millis();
        attempts.into_iter().map(pause).collect()
    }

    #[test]
    fn a_server_that_starts_again_is_found_within_150_ms() {
        assert_eq!(pauses_ms(0, 0..=6), [25, 25, 50, 100, 150, 150, 150]);
        assert_eq!(pauses_ms(0, [200, 201, usize::MAX]), [150, 500, 500]);
    }

    #[test]
    fn the_other_servers_of_a_cluster_are_tried_at_once() {
        assert_eq!(pauses_ms(3, 1..=6), [5, 5, 5, 25, 50, 100]);
        assert_eq!(pauses_ms(300, [300, 301]), [5, 500]);
    }
}
