//! Hears the demand for a camera and says whether its source is to be open.

use std::future::pending;

use sightline_bus::{Bus, Delivery, Error};
use sightline_proto::{Demand, Message as _, subject::Topic};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{demand::Outcome, input::Input, shared::Shared};

pub(super) async fn run(
    shared: &Shared,
    bus: &Bus,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let pattern = Topic::Demand(shared.camera.name.clone()).subject().into();
    let mut messages = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Ok(()),
        messages = bus.subscribe(&pattern) => messages?,
    };
    loop {
        let until = open(shared);
        let expiry = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            delivery = messages.next() => match delivery {
                Some(Delivery::Message(message)) => hear(shared, message.payload),
                // Relays repeat their demand.
                Some(Delivery::Lost(_)) => {}
                None => return Err(Error::Closed),
            },
            () = expiry => {}
        }
    }
}

fn hear(shared: &Shared, payload: bytes::Bytes) {
    let camera = &shared.camera.name;
    match Demand::decode(payload) {
        Ok(demand) => {
            let offered: Vec<_> = shared.offered().map(|stream| stream.name).collect();
            let now = Instant::now();
            let outcome = shared.demands().hear(&demand, &offered, now);
            if outcome != Outcome::Ignored && demand.late_ms > 0 {
                slow_down(shared, &demand, now);
            }
            match outcome {
                Outcome::Joined => {
                    shared.asked.send_replace(());
                }
                Outcome::Repeated => {}
                Outcome::Ignored => {
                    tracing::debug!(%camera, stream = %head(&demand.stream), "demand for what there is not");
                }
            }
        }
        Err(error) => tracing::debug!(%camera, %error, "malformed demand"),
    }
}

/// Pictures pile up on their way to a relay.
fn slow_down(shared: &Shared, demand: &Demand, now: Instant) {
    if demand.epoch == shared.epoch && shared.demands().all_late(&demand.stream, now) {
        let mut offered = shared.offered();
        if let Some(stream) = offered.find(|stream| stream.name == demand.stream) {
            stream.pace().late(demand, now);
        }
    }
}

/// The start of what a stranger sent.
fn head(text: &str) -> String {
    text.chars().take(32).collect()
}

/// Says of each source whether it is to be open, and when that is to be looked at again.
fn open(shared: &Shared) -> Option<Instant> {
    let now = Instant::now();
    let until = |input: &Input| {
        let of_input = |stream: &str| std::ptr::eq(shared.input_of(stream), input);
        shared.demands().open_until(of_input, now)
    };
    let main = until(&shared.main);
    set_open(&shared.main, main.is_some() || shared.camera.always);
    let second = shared.second.as_ref().and_then(|input| {
        let until = until(input);
        set_open(input, until.is_some());
        until
    });
    main.into_iter().chain(second).min()
}

fn set_open(input: &Input, open: bool) {
    input
        .open
        .send_if_modified(|current| std::mem::replace(current, open) != open);
}
