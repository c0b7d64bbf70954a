//! Numbers the frames of one stream and sends them: at once, or not at all.

use bytes::Bytes;
use sightline_bus::{Bus, Link};
use sightline_proto::{
    Codec, Frame, Subject,
    split::{SplitError, head, split},
    subject::Topic,
};
use tokio::{
    sync::watch,
    time::{Duration, Instant},
};

use super::super::{input::Input, offer::Stream, shared::Shared};
use crate::{clock::now_us, packet::Packet, picture::Size, source::DropReason};

/// Sends the frames of one stream.
pub(super) struct Sender<'a> {
    pub(super) shared: &'a Shared,
    pub(super) input: &'a Input,
    pub(super) stream: &'a Stream,
    bus: &'a Bus,
    subject: Subject,
    link: watch::Receiver<Link>,
    /// The number of the next frame.
    next: u64,
}

/// A frame without its number.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) capture_time_us: i64,
    /// Not later than `capture_time_us`.
    pub(super) decode_time_us: i64,
    pub(super) codec: Codec,
    pub(super) key: bool,
    /// Nothing for sound.
    pub(super) size: Option<Size>,
    pub(super) data: Packet,
}

impl<'a> Sender<'a> {
    pub(super) fn new(shared: &'a Shared, bus: &'a Bus, stream: &str) -> Self {
        let token = stream.parse().expect("the name of a stream is a token");
        Self {
            input: shared.input_of(stream),
            stream: shared.stream(stream),
            subject: Topic::Frame(shared.camera.name.clone(), token).subject(),
            link: bus.link(),
            next: 0,
            shared,
            bus,
        }
    }

    /// Whether the next frame is to be sent.
    pub(super) fn wants(&self) -> bool {
        self.shared.wants(self.stream.name, Instant::now())
    }

    /// Whether all frames are to be sent, not a single one.
    pub(super) fn wants_flow(&self) -> bool {
        let name = self.stream.name;
        self.shared.always(name) || self.shared.demands().wants_flow(name, Instant::now())
    }

    pub(super) fn has_newcomer(&self) -> bool {
        self.shared.demands().has_newcomer(self.stream.name)
    }

    /// Those who joined have something to show.
    pub(super) fn served(&self) {
        self.shared.demands().sent(self.stream.name);
    }

    /// Whether frames can go now. Counts one that cannot.
    pub(super) fn is_connected(&self) -> bool {
        let up = *self.link.borrow() == Link::Up;
        if !up {
            self.input.output.count(DropReason::Congested);
        }
        up
    }

    /// A frame was made for this stream, or could not be, in this time.
    pub(super) fn encoded(&self, took: Duration) {
        self.shared.counters_of(self.stream).encoded(took);
    }

    /// Whether a picture can go now without waiting on its way. Counts one that cannot.
    pub(super) fn has_room(&self) -> bool {
        let room = self.stream.pace().allows(Instant::now());
        if !room {
            self.input.output.count(DropReason::Congested);
        }
        room
    }

    /// The number that the next frame will have.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Sends the next frame. False if it is lost, which is counted; its number is used up if parts of it went.
    pub(super) async fn send(&mut self, frame: Outgoing) -> bool {
        let sequence = self.next;
        self.send_as(sequence, frame).await
    }

    /// Sends a frame as number `sequence`: one that was sent before again, or a new one. Those who have it drop it.
    pub(super) async fn send_as(&mut self, sequence: u64, frame: Outgoing) -> bool {
        let (len_bytes, capture_time_us) = (frame.data.len(), frame.capture_time_us);
        let messages = match self.messages(sequence, &frame) {
            Ok(messages) => messages,
            Err(error) => {
                self.lost(DropReason::TooLarge, &error);
                return false;
            }
        };
        // Used up even if only some parts go: a later frame must not continue this one.
        let new = sequence >= self.next;
        self.next = self.next.max(sequence + 1);
        for message in messages {
            if let Err(error) = self.bus.publish(&self.subject, message).await {
                self.lost(DropReason::Congested, &error);
                return false;
            }
        }
        if new {
            self.stream.pace().sent(sequence, Instant::now());
            self.stream.meter().record(Instant::now(), len_bytes);
            let age_us = now_us().saturating_sub(capture_time_us);
            let counters = self.shared.counters_of(self.stream);
            counters.published(len_bytes, age_us);
        }
        true
    }

    /// One message around the data, or several with copies of it.
    fn messages(&self, sequence: u64, outgoing: &Outgoing) -> Result<Vec<Bytes>, SplitError> {
        let size = outgoing.size.unwrap_or(Size {
            width: 0,
            height: 0,
        });
        let frame = Frame {
            epoch: self.shared.epoch,
            sequence,
            capture_time_us: outgoing.capture_time_us,
            decode_time_us: match outgoing.decode_time_us {
                same if same == outgoing.capture_time_us => 0,
                earlier => earlier,
            },
            codec: outgoing.codec.into(),
            key: outgoing.key,
            width: size.width,
            height: size.height,
            publish_time_us: now_us(),
            ..Frame::default()
        };
        let (data, limit) = (&outgoing.data, self.bus.max_payload_bytes());
        match head(frame.clone(), data.len(), limit)? {
            Some(head) => Ok(vec![data.message(&head)]),
            None => {
                let data = data.data();
                split(Frame { data, ..frame }, limit)
            }
        }
    }

    fn lost(&self, reason: DropReason, error: &dyn std::fmt::Display) {
        self.input.output.count(reason);
        let (camera, stream) = (&self.input.camera, self.stream.name);
        tracing::debug!(%camera, stream, %error, "dropped");
    }
}
