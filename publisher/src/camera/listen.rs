//! Hears the demand for a camera and says whether its source is to be open.

use std::future::pending;

use sightline_bus::{Bus, Delivery, Error};
use sightline_proto::{Demand, Message as _, subject::Topic};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    demand::Outcome,
    shared::{STREAMS, Shared},
};

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
        let until = shared.demands().open_until(Instant::now());
        set_open(shared, until.is_some() || shared.camera.always);
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
        Ok(demand) => match shared.demands().hear(&demand, &STREAMS, Instant::now()) {
            Outcome::Joined => shared.joined.notify_one(),
            Outcome::Repeated => {}
            Outcome::Ignored => {
                tracing::debug!(%camera, stream = %head(&demand.stream), "demand for what there is not");
            }
        },
        Err(error) => tracing::debug!(%camera, %error, "malformed demand"),
    }
}

/// The start of what a stranger sent.
fn head(text: &str) -> String {
    text.chars().take(32).collect()
}

fn set_open(shared: &Shared, open: bool) {
    shared
        .open
        .send_if_modified(|current| std::mem::replace(current, open) != open);
}
