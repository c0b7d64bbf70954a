//! How messages travel between publishers and relays: over NATS, or inside one process.
//!
//! [`Bus`] is one handle for both. What it promises is what both keep:
//!
//! - at most once: a message may be lost, and is never delivered twice by the bus itself;
//! - in order per publisher and subject;
//! - nothing waits for a slow subscriber: it loses messages and learns that it did
//!   ([`Delivery::Lost`]);
//! - nothing is kept for later: publishing without a connection fails at once.
//!
//! A broker may still replay what was in a socket when a connection froze: receivers judge by
//! [`sightline_proto::accept`].

mod local;
mod nats;
mod options;

use std::time::Duration;

use bytes::Bytes;
use sightline_proto::{Pattern, Subject};
use tokio::sync::watch;

pub use options::{InvalidOption, Options, Tls};

/// Messages that a subscriber may fall behind by before it starts losing some.
///
/// A socket gives what is in its buffers in one go, before any subscriber can take the first message: all cameras that
/// answer the question of a relay that has just started, for one. Frames never wait in such numbers, as they are taken
/// by the thread that reads them.
pub const QUEUE_MESSAGES: usize = 1_024;

/// How long [`Bus::publish`] waits for room. A frame that cannot go by then is worth dropping.
pub const PUBLISH_WAIT: Duration = Duration::from_millis(200);

/// A handle to the bus. Cheap to clone; all clones share one connection.
#[derive(Clone, Debug)]
pub struct Bus(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Local(local::Local),
    Nats(nats::Nats),
}

/// Whether messages can travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// They can.
    Up,
    /// They cannot; the connection is being tried again for ever. Says why, for people.
    Down(String),
}

/// A message as it arrived.
#[derive(Debug)]
pub struct Message {
    /// Where it was published to.
    pub subject: String,
    /// What was published: a slice of what came from the socket.
    pub payload: Bytes,
    /// How to answer, if the sender waits for that.
    pub reply: Option<Reply>,
}

/// Where the answer to a request goes: see [`Bus::reply`].
#[derive(Debug)]
pub struct Reply(ReplyTo);

#[derive(Debug)]
enum ReplyTo {
    Local(local::ReplySender),
    Nats(async_nats::Subject),
}

/// What a subscription gives.
#[derive(Debug)]
pub enum Delivery {
    /// The next message.
    Message(Message),
    /// So many messages were lost since the last time, because this subscriber was too slow.
    Lost(u64),
}

/// Messages of one pattern, until it is dropped.
#[derive(Debug)]
pub struct Subscription(SubscriptionKind);

#[derive(Debug)]
enum SubscriptionKind {
    Local(local::Subscription),
    Nats(nats::Subscription),
}

/// Why a message was not sent, or not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection. The message was not kept.
    #[error("not connected to the bus, {subject} was not sent")]
    NotConnected {
        /// Where it should have gone.
        subject: Subject,
    },
    /// The connection did not take it within [`PUBLISH_WAIT`]. The message was not kept.
    #[error("the bus is congested, {subject} was not sent")]
    Congested {
        /// Where it should have gone.
        subject: Subject,
    },
    /// The message was never sent. Split it and try again.
    #[error("payload for {subject} is {len} bytes, the bus carries at most {limit}")]
    PayloadTooLarge {
        /// Where it should have gone.
        subject: Subject,
        /// Its size in bytes.
        len: usize,
        /// [`Bus::max_payload_bytes`].
        limit: usize,
    },
    /// Nobody subscribes to the subject of a request.
    #[error("nobody answers {subject}")]
    NoResponder {
        /// Where the request went.
        subject: Subject,
    },
    /// Somebody may have got the request, but did not answer in time.
    #[error("no answer from {subject} within {waited:?}")]
    Timeout {
        /// Where the request went.
        subject: Subject,
        /// How long was waited.
        waited: Duration,
    },
    /// The answer to a request was not sent: there is no connection, or it is congested, or the answer
    /// is too large. It was not kept.
    #[error("the answer was not sent")]
    NotAnswered,
    /// The bus was closed.
    #[error("the bus is closed")]
    Closed,
}

impl Bus {
    /// A bus inside this process. It carries at most `max_payload_bytes` in one message, as NATS does.
    pub fn local(max_payload_bytes: usize) -> Self {
        Self(Kind::Local(local::Local::new(max_payload_bytes)))
    }

    /// A bus over NATS. Returns at once and connects in the background, for ever: see [`Bus::link`].
    ///
    /// Fails if the options contradict themselves, or name a file that cannot be read.
    pub async fn connect(options: &Options) -> Result<Self, InvalidOption> {
        Ok(Self(Kind::Nats(nats::Nats::connect(options).await?)))
    }

    /// Hands `payload` to every current subscriber of `subject`.
    ///
    /// Returns once the message is queued; nothing confirms that anyone received it.
    pub async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), Error> {
        match &self.0 {
            Kind::Local(bus) => bus.publish(subject, &payload),
            Kind::Nats(bus) => bus.publish(subject, payload).await,
        }
    }

    /// Starts to receive what is published to subjects that match `pattern`.
    ///
    /// Without a connection it waits for one. Later losses of the connection are mended without the
    /// subscriber's doing.
    pub async fn subscribe(&self, pattern: &Pattern) -> Result<Subscription, Error> {
        Ok(Subscription(match &self.0 {
            Kind::Local(bus) => SubscriptionKind::Local(bus.subscribe(pattern)),
            Kind::Nats(bus) => SubscriptionKind::Nats(bus.subscribe(pattern).await?),
        }))
    }

    /// Sends a request and waits for the first answer, at most `wait`. Fails at once without a connection,
    /// or if nobody subscribes to `subject`.
    pub async fn request(
        &self,
        subject: &Subject,
        payload: Bytes,
        wait: Duration,
    ) -> Result<Bytes, Error> {
        match &self.0 {
            Kind::Local(bus) => bus.request(subject, &payload, wait).await,
            Kind::Nats(bus) => bus.request(subject, payload, wait).await,
        }
    }

    /// Answers a request. A requester that no longer waits is not an error.
    pub async fn reply(&self, reply: Reply, payload: Bytes) -> Result<(), Error> {
        match (&self.0, reply.0) {
            (Kind::Local(bus), ReplyTo::Local(sender)) => bus.reply(&sender, payload),
            (Kind::Nats(bus), ReplyTo::Nats(subject)) => bus.reply(subject, payload).await,
            // A message is answered on the bus that it came from.
            _ => Err(Error::Closed),
        }
    }

    /// The largest payload that [`Bus::publish`] takes. May change when the connection does.
    pub fn max_payload_bytes(&self) -> usize {
        match &self.0 {
            Kind::Local(bus) => bus.max_payload_bytes(),
            Kind::Nats(bus) => bus.max_payload_bytes(),
        }
    }

    /// Whether messages can travel, now and as it changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        match &self.0 {
            Kind::Local(bus) => bus.link(),
            Kind::Nats(bus) => bus.link(),
        }
    }

    /// Waits until everything published so far was handed to the network, at most `wait`.
    pub async fn flush(&self, wait: Duration) {
        if let Kind::Nats(bus) = &self.0 {
            bus.flush(wait).await;
        }
    }
}

impl Subscription {
    /// The next message or loss; nothing once the bus is closed. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        match &mut self.0 {
            SubscriptionKind::Local(subscription) => subscription.next().await,
            SubscriptionKind::Nats(subscription) => subscription.next().await,
        }
    }
}
