//! The task of one open stream: demand out, frames in.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sightline_bus::{Delivery, Link, Subscription};
use sightline_proto::{Demand, HEARTBEAT, KeyframeRequest, Message as _, Token, subject::Topic};
use tokio::time::{Instant, MissedTickBehavior};

use super::{
    Hub,
    backlog::Late,
    receive::{Received, Receiver},
    stream::{Demanded, Stream},
};

/// How long a request for one frame is given before the next one is sent: as many viewers may ask at
/// once, one frame answers them all.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How often a stream that has viewers is demanded while nothing comes of it. Its camera may be behind a link that was
/// cut, or its publisher was started anew, and has then forgotten its viewers.
const WHILE_SILENT: Duration = Duration::from_millis(500);

/// The request for a key frame, in subjects.
const KEYFRAME: &str = "keyframe";

pub(super) struct Pump {
    hub: Hub,
    stream: Arc<Stream>,
    receiver: Receiver,
    /// The last demand for one frame that was sent and not answered yet.
    asked_at: Option<Instant>,
}

impl Pump {
    pub(super) fn new(hub: Hub, stream: Arc<Stream>) -> Self {
        Self {
            receiver: Receiver::new(&hub, stream.clone()),
            asked_at: None,
            hub,
            stream,
        }
    }

    /// Runs until the stream has had no viewer for a while, the relay stops, or the bus is closed.
    pub(super) async fn run(mut self) {
        self.hub.0.metrics.streams_open.inc();
        let shutdown = self.hub.0.shutdown.clone();
        tokio::select! {
            () = self.pump() => {}
            () = shutdown.cancelled() => {}
        }
        self.hub.0.metrics.streams_open.dec();
        self.hub.close(&self.stream, true);
    }

    async fn pump(&mut self) {
        let name = &self.stream.name;
        let subject = Topic::Frame(name.camera.clone(), name.stream.clone()).subject();
        // Without a connection this waits for one.
        let mut frames = match self.hub.0.bus.subscribe(&subject.into()).await {
            Ok(frames) => frames,
            Err(error) => {
                tracing::error!(camera = %name.camera, %error, "cannot receive frames");
                return;
            }
        };
        tracing::debug!(camera = %name.camera, stream = %name.stream, "stream opened");
        self.follow(&mut frames).await;
    }

    async fn follow(&mut self, frames: &mut Subscription) {
        let stream = self.stream.clone();
        let mut demand = stream.demand();
        let mut demanded = *demand.borrow_and_update();
        let mut link = self.hub.0.bus.link();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whether anything came since the last look.
        let mut came = true;
        let mut reminder = tokio::time::interval(WHILE_SILENT);
        reminder.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let linger = tokio::time::sleep(self.hub.0.linger);
        tokio::pin!(linger);
        loop {
            tokio::select! {
                delivery = frames.next() => match delivery {
                    Some(Delivery::Message(message)) => {
                        came = true;
                        match self.receive(message.payload, demanded).await {
                            Received::Picture | Received::Other => {}
                            Received::KeyNeeded => self.ask_for_key().await,
                        }
                    }
                    Some(Delivery::Lost(count)) => self.receiver.lost(count),
                    None => return,
                },
                () = stream.key_wanted.notified() => {
                    if self.receiver.may_ask(self.hub.0.clock.now()) {
                        self.ask_for_key().await;
                    }
                }
                // The first tick is at once.
                _ = heartbeat.tick() => {
                    self.demand(demanded).await;
                }
                _ = reminder.tick(), if demanded.all > 0 => {
                    if !std::mem::take(&mut came) {
                        self.demand(demanded).await;
                        heartbeat.reset();
                    }
                }
                Ok(()) = link.changed() => {
                    let up = *link.borrow_and_update() == Link::Up;
                    if up {
                        self.demand(demanded).await;
                        heartbeat.reset();
                    }
                }
                Ok(()) = demand.changed() => {
                    let now = *demand.borrow_and_update();
                    if now.nobody() {
                        linger.as_mut().reset(Instant::now() + self.hub.0.linger);
                    }
                    let first = demanded.all == 0 && now.all > 0;
                    let asked = now.asked != demanded.asked && now.one > 0 && !self.is_asking();
                    let reminded = now.reminders != demanded.reminders;
                    demanded = now;
                    if first || reminded || (asked && now.all == 0) {
                        self.demand(demanded).await;
                        heartbeat.reset();
                    }
                }
                () = &mut linger, if demanded.nobody() => {
                    if self.hub.close(&self.stream, false) {
                        return;
                    }
                    linger.as_mut().reset(Instant::now() + self.hub.0.linger);
                }
            }
        }
    }

    fn is_asking(&self) -> bool {
        self.asked_at
            .is_some_and(|asked| asked.elapsed() < ASK_AGAIN_AFTER)
    }

    async fn demand(&mut self, demanded: Demanded) {
        if demanded.nobody() {
            return;
        }
        let single = demanded.all == 0;
        self.asked_at = single.then(Instant::now);
        let demand = Demand {
            single,
            ..Demand::default()
        };
        self.send(demand).await;
    }

    /// Tells the publisher that its pictures pile up on their way.
    async fn tell_late(&self, late: Late) {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let demand = Demand {
            late_ms: ms(late.by),
            every_ms: ms(late.every),
            epoch: late.epoch,
            sequence: late.sequence,
            ..Demand::default()
        };
        self.send(demand).await;
    }

    async fn send(&self, demand: Demand) {
        let name = &self.stream.name;
        let demand = Demand {
            stream: name.stream.to_string(),
            relay: self.hub.0.relay_id.clone(),
            ..demand
        };
        let subject = Topic::Demand(name.camera.clone()).subject();
        let payload = demand.encode_to_vec().into();
        if let Err(error) = self.hub.0.bus.publish(&subject, payload).await {
            // Sent again with the next heartbeat, or when the bus is back.
            tracing::debug!(%error, "demand was not sent");
        }
    }

    /// Has the camera begin a new group. The answer is of no interest: the key frame comes, or is asked for again.
    async fn ask_for_key(&self) {
        let name = &self.stream.name;
        let Ok(verb) = KEYFRAME.parse::<Token>() else {
            return;
        };
        let subject = Topic::Control(name.camera.clone(), verb).subject();
        let request = KeyframeRequest {
            stream: name.stream.to_string(),
        };
        let payload = request.encode_to_vec().into();
        match self.hub.0.bus.publish(&subject, payload).await {
            Ok(()) => self.receiver.asked_for_key(),
            Err(error) => tracing::debug!(%error, "the key frame was not asked for"),
        }
    }

    async fn receive(&mut self, payload: Bytes, demanded: Demanded) -> Received {
        let now = self.hub.0.clock.now();
        let received = self.receiver.take(payload, now);
        if received == Received::Picture {
            self.asked_at = None;
        }
        if let Some(late) = self.receiver.piles_up(now)
            && demanded.all > 0
        {
            self.tell_late(late).await;
        }
        received
    }
}
