//! Tells relays what the camera offers and how it is.

use std::{future::pending, sync::atomic::Ordering, time::Duration};

use sightline_bus::{Bus, Delivery, Error, Link};
use sightline_proto::{Announce, Count, HEARTBEAT, Message as _, Subject, subject::Topic};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
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
    let mut main = shared.main.status.subscribe();
    let mut second = shared.second.as_ref().map(|input| input.status.subscribe());
    let mut news = shared.news.subscribe();
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
                _ = main.changed() => at_once,
                () = changed(&mut second) => at_once,
                _ = news.changed() => at_once,
                _ = rivals.changed() => at_once,
                _ = link.changed() => match *link.borrow_and_update() {
                    Link::Up => at_once,
                    Link::Down(_) => next,
                },
                query = queries.next() => match query {
                    Some(Delivery::Message(_) | Delivery::Lost(_)) => {
                        at_once.max(Instant::now() + spread(shared.publisher.cameras.load(Ordering::Relaxed)))
                    }
                    None => return Err(Error::Closed),
                },
            });
        }
    }
}

/// Never, without anything to watch.
async fn changed<T>(watched: &mut Option<watch::Receiver<T>>) {
    match watched {
        Some(watched) => drop(watched.changed().await),
        None => pending().await,
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
    let status = shared.status();
    let rival = shared.rivals.borrow().newer(shared.epoch, Instant::now());
    let streams: Vec<_> = shared
        .offered()
        .map(|stream| shared.announced(stream))
        .collect();
    let nothing = streams.is_empty().then(|| {
        format!(
            "it gives nothing of which a stream could be made that cameras.{}.streams allows",
            shared.camera.name.camera()
        )
    });
    let reason: Vec<_> = [status.reason]
        .into_iter()
        .filter(|r| !r.is_empty())
        .chain(nothing)
        .chain(rival)
        .collect();
    Announce {
        epoch: shared.epoch,
        time_us: now_us(),
        state: status.state.into(),
        reason: reason.join("; "),
        goodbye,
        streams,
        title: shared.camera.title.clone(),
        source: shared.camera.from.scheme.clone(),
        version: shared.publisher.version.to_owned(),
        instance: shared.publisher.instance.clone(),
        dropped: shared
            .dropped()
            .into_iter()
            .map(|(reason, count)| Count {
                reason: reason.word().into(),
                count,
            })
            .collect(),
    }
}
