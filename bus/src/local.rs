//! The bus inside one process. It keeps the rules of NATS: bounded queues, the newest message is lost
//! when one is full, payloads have a limit.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use sightline_proto::{Pattern, Subject};
use tokio::sync::{mpsc, watch};

use crate::{Delivery, Error, Link, Message, QUEUE_MESSAGES, Reply, ReplyTo};

pub(crate) type ReplySender = mpsc::Sender<Bytes>;

#[derive(Clone, Debug)]
pub(crate) struct Local(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_payload_bytes: usize,
    subscribers: RwLock<Vec<Subscriber>>,
    next_id: AtomicU64,
    link: watch::Sender<Link>,
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    pattern: Pattern,
    messages: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

/// Leaves the bus when it is dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    id: u64,
    bus: Local,
    messages: mpsc::Receiver<Message>,
    lost: Arc<AtomicU64>,
}

impl Local {
    pub(crate) fn new(max_payload_bytes: usize) -> Self {
        Self(Arc::new(Shared {
            max_payload_bytes,
            subscribers: RwLock::default(),
            next_id: AtomicU64::new(0),
            link: watch::Sender::new(Link::Up),
        }))
    }

    pub(crate) fn publish(&self, subject: &Subject, payload: &Bytes) -> Result<(), Error> {
        self.deliver(subject, payload, None).map(|_| ())
    }

    /// How many subscribers the message was for.
    fn deliver(
        &self,
        subject: &Subject,
        payload: &Bytes,
        reply: Option<&ReplySender>,
    ) -> Result<usize, Error> {
        if payload.len() > self.0.max_payload_bytes {
            return Err(Error::PayloadTooLarge {
                subject: subject.clone(),
                len: payload.len(),
                limit: self.0.max_payload_bytes,
            });
        }
        let subscribers = self
            .0
            .subscribers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut matching = 0;
        for subscriber in subscribers.iter() {
            if !subscriber.pattern.matches(subject.as_str()) {
                continue;
            }
            matching += 1;
            let message = Message {
                subject: subject.as_str().to_owned(),
                payload: payload.clone(),
                reply: reply.map(|sender| Reply(ReplyTo::Local(sender.clone()))),
            };
            if subscriber.messages.try_send(message).is_err() {
                subscriber.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(matching)
    }

    pub(crate) fn subscribe(&self, pattern: &Pattern) -> Subscription {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, messages) = mpsc::channel(QUEUE_MESSAGES);
        let lost = Arc::<AtomicU64>::default();
        self.0
            .subscribers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Subscriber {
                id,
                pattern: pattern.clone(),
                messages: sender,
                lost: lost.clone(),
            });
        Subscription {
            id,
            bus: self.clone(),
            messages,
            lost,
        }
    }

    pub(crate) async fn request(
        &self,
        subject: &Subject,
        payload: &Bytes,
        wait: Duration,
    ) -> Result<Bytes, Error> {
        let (sender, mut answers) = mpsc::channel(1);
        if self.deliver(subject, payload, Some(&sender))? == 0 {
            return Err(Error::NoResponder {
                subject: subject.clone(),
            });
        }
        drop(sender);
        let timeout = || Error::Timeout {
            subject: subject.clone(),
            waited: wait,
        };
        tokio::time::timeout(wait, answers.recv())
            .await
            .ok()
            .flatten()
            .ok_or_else(timeout)
    }

    pub(crate) fn reply(&self, answers: &ReplySender, payload: Bytes) -> Result<(), Error> {
        if payload.len() > self.0.max_payload_bytes {
            return Err(Error::NotAnswered);
        }
        // Full or closed: it was answered before, or nobody waits any more.
        let _ = answers.try_send(payload);
        Ok(())
    }

    pub(crate) fn max_payload_bytes(&self) -> usize {
        self.0.max_payload_bytes
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.0.link.subscribe()
    }
}

impl Subscription {
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            return Some(Delivery::Lost(lost));
        }
        self.messages.recv().await.map(Delivery::Message)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus
            .0
            .subscribers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|subscriber| subscriber.id != self.id);
    }
}
