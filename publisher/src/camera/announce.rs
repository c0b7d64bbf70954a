//! Tells relays what the camera offers and how it is.

use std::time::Duration;

use sightline_bus::{Bus, Delivery, Error, Link};
use sightline_proto::{
    Announce, CameraState, Codec, Count, HEARTBEAT, JPEG, Message as _, Stream, Subject,
    subject::Topic,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::clock::now_us;

/// Changes and queries within this time after an announcement are told by one at its end.
const SHORTEST_GAP: Duration = Duration::from_millis(100);

/// A publisher with more cameras than this spreads their answers to a query over [`SPREAD`].
const MANY_CAMERAS: usize = 8;
const SPREAD: Duration = Duration::from_millis(100);

/// Announces until `shutdown`: at once, every two seconds, on change, on query, and when the bus comes back.
pub(super) async fn run(
    shared: &Shared,
    bus: &Bus,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let announcing = announce(shared, bus);
    tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(()),
        result = announcing => result,
    }
}

async fn announce(shared: &Shared, bus: &Bus) -> Result<(), Error> {
    let subject = Topic::Announce(shared.camera.name.clone()).subject();
    let mut queries = bus
        .subscribe(&Topic::QueryAnnounce.subject().into())
        .await?;
    let (mut status, mut size) = (shared.status.subscribe(), shared.size.subscribe());
    let (mut rivals, mut link) = (shared.rivals.subscribe(), bus.link());
    loop {
        send(shared, bus, &subject, false).await;
        let sent = Instant::now();
        let mut next = sent + HEARTBEAT;
        loop {
            let at_once = sent + SHORTEST_GAP;
            // The senders of what is watched live as long as this loop.
            next = next.min(tokio::select! {
                () = sleep_until(next) => break,
                _ = status.changed() => at_once,
                _ = size.changed() => at_once,
                _ = rivals.changed() => at_once,
                _ = link.changed() => match *link.borrow_and_update() {
                    Link::Up => at_once,
                    Link::Down(_) => next,
                },
                query = queries.next() => match query {
                    Some(Delivery::Message(_) | Delivery::Lost(_)) => {
                        at_once.max(Instant::now() + spread(shared.publisher.cameras))
                    }
                    None => return Err(Error::Closed),
                },
            });
        }
    }
}

fn spread(cameras: usize) -> Duration {
    if cameras > MANY_CAMERAS {
        SPREAD.mul_f64(rand::random())
    } else {
        Duration::ZERO
    }
}

/// The last announcement of this camera.
pub(super) async fn goodbye(shared: &Shared, bus: &Bus) {
    let subject = Topic::Announce(shared.camera.name.clone()).subject();
    send(shared, bus, &subject, true).await;
}

async fn send(shared: &Shared, bus: &Bus, subject: &Subject, goodbye: bool) {
    let payload = message(shared, goodbye).encode_to_vec().into();
    if let Err(error) = bus.publish(subject, payload).await {
        // Repeated soon.
        tracing::debug!(camera = %shared.camera.name, %error, "not announced");
    }
}

fn message(shared: &Shared, goodbye: bool) -> Announce {
    let status = shared.status.borrow().clone();
    let rival = shared.rivals.borrow().newer(shared.epoch, Instant::now());
    let reason: Vec<_> = [status.reason]
        .into_iter()
        .filter(|r| !r.is_empty())
        .chain(rival)
        .collect();
    Announce {
        epoch: shared.epoch,
        time_us: now_us(),
        state: status.state.into(),
        reason: reason.join("; "),
        goodbye,
        streams: vec![jpeg_stream(shared, status.state)],
        title: shared.camera.title.clone(),
        source: shared.camera.scheme.clone(),
        version: shared.publisher.version.to_owned(),
        instance: shared.publisher.instance.clone(),
        dropped: shared
            .output
            .dropped()
            .map(|(reason, count)| Count {
                reason: reason.word().into(),
                count,
            })
            .collect(),
    }
}

fn jpeg_stream(shared: &Shared, state: CameraState) -> Stream {
    let rates = shared
        .meter()
        .rates()
        .filter(|_| state == CameraState::Live);
    let (fps, bits_per_second) = rates.unwrap_or_else(|| (expected_fps(shared), 0));
    let size = *shared.size.borrow();
    Stream {
        name: JPEG.into(),
        codec: Codec::Jpeg.into(),
        width: size.map_or(0, |size| size.width),
        height: size.map_or(0, |size| size.height),
        fps,
        bits_per_second,
        ..Stream::default()
    }
}

/// What the source says of itself, or less if the rate is limited.
fn expected_fps(shared: &Shared) -> f32 {
    let (hint, limit) = (
        shared.camera.source.hint().fps,
        shared.settings().max_fps as f32,
    );
    if limit > 0.0 && (hint > limit || hint <= 0.0) {
        limit
    } else {
        hint
    }
}
