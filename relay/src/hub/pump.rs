//! The task of one open stream: demand out, frames in.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sightline_bus::{Delivery, Link, Subscription};
use sightline_proto::{Demand, HEARTBEAT, Message as _, subject::Topic};
use tokio::time::{Instant, MissedTickBehavior};

use super::{
    Frame, Hub,
    frame::Forms,
    intake::{Accepted, Intake},
    stream::{Demanded, Stream},
};
use crate::{
    clock::wall_us,
    metrics::{Arrivals, Drop, seconds},
};

/// How long a request for one frame is given before the next one is sent: as many viewers may ask at
/// once, one frame answers them all.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(super) struct Pump {
    hub: Hub,
    stream: Arc<Stream>,
    intake: Intake,
    arrivals: Arrivals,
    /// The number of the newest frame.
    number: u64,
    /// The last demand for one frame that was sent and not answered yet.
    asked_at: Option<Instant>,
}

impl Pump {
    pub(super) fn new(hub: Hub, stream: Arc<Stream>) -> Self {
        Self {
            intake: Intake::new(&stream.name.stream),
            arrivals: hub.0.metrics.arrivals(&stream.name.camera),
            number: stream.latest().map_or(0, |frame| frame.number),
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
        let mut demand = self.stream.demand();
        let mut demanded = *demand.borrow_and_update();
        let mut link = self.hub.0.bus.link();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let linger = tokio::time::sleep(self.hub.0.linger);
        tokio::pin!(linger);
        loop {
            tokio::select! {
                delivery = frames.next() => match delivery {
                    Some(Delivery::Message(message)) => {
                        self.receive(message.payload);
                        // Viewers on this thread get this frame before the next one replaces it.
                        tokio::task::yield_now().await;
                    }
                    Some(Delivery::Lost(count)) => self.arrivals.dropped(Drop::Lost, count),
                    None => return,
                },
                // The first tick is at once.
                _ = heartbeat.tick() => self.demand(demanded).await,
                Ok(()) = link.changed() => {
                    let up = *link.borrow_and_update() == Link::Up;
                    if up {
                        self.demand(demanded).await;
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
        let name = &self.stream.name;
        let demand = Demand {
            stream: name.stream.to_string(),
            relay: self.hub.0.relay_id.clone(),
            single,
        };
        let subject = Topic::Demand(name.camera.clone()).subject();
        let payload = demand.encode_to_vec().into();
        if let Err(error) = self.hub.0.bus.publish(&subject, payload).await {
            // Sent again with the next heartbeat, or when the bus is back.
            tracing::debug!(%error, "demand was not sent");
        }
    }

    fn receive(&mut self, payload: Bytes) {
        let now = self.hub.0.clock.now();
        let arrivals = &self.arrivals;
        let accepted = self.intake.take(payload, now, |reason| {
            arrivals.dropped(reason, 1);
        });
        let Some(Accepted { frame, lateness }) = accepted else {
            return;
        };
        let arrival_time_us = wall_us();
        arrivals.frames.inc();
        arrivals.bytes.inc_by(frame.data.len() as u64);
        arrivals.lateness.observe(lateness.as_secs_f64());
        arrivals.age.observe(seconds(
            arrival_time_us.saturating_sub(frame.capture_time_us),
        ));
        self.asked_at = None;
        self.number += 1;
        self.stream.push(Arc::new(Frame {
            name: self.stream.name.clone(),
            number: self.number,
            epoch: frame.epoch,
            sequence: frame.sequence,
            capture_time_us: frame.capture_time_us,
            decode_time_us: frame.decode_time_us,
            arrived: now,
            arrival_time_us,
            codec: frame.codec(),
            key: frame.key,
            width: frame.width,
            height: frame.height,
            data: frame.data,
            forms: Forms::default(),
        }));
    }
}
