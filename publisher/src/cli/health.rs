//! Whether a publisher announces all its cameras.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use sightline_bus::{Bus, Delivery, Link};
use sightline_cli::Exit;
use sightline_proto::{Announce, CameraName, Message as _, Pattern, subject::Topic};
use tokio::time::{Instant, timeout_at};

use crate::Config;

/// Time for everything: to connect, to ask, to hear every camera.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks over `bus`; fails with [`Exit::Unhealthy`] and a reason.
pub(super) async fn check(config: &Config, bus: Bus) -> anyhow::Result<()> {
    let cameras = config
        .cameras()
        .map_err(|error| Exit::Settings.because(error))?;
    let mut missing: BTreeSet<_> = cameras.into_iter().map(|camera| camera.name).collect();
    let until = Instant::now() + LIMIT;
    let mut link = bus.link();
    let connected = timeout_at(until, link.wait_for(|link| *link == Link::Up)).await;
    if !matches!(connected, Ok(Ok(_))) {
        let why = match &*bus.link().borrow() {
            Link::Down(reason) => reason.clone(),
            Link::Up => "the connection came too late".into(),
        };
        return Err(Exit::Unhealthy.because(why));
    }
    match timeout_at(until, hear(&bus, &mut missing)).await {
        Ok(result) => result,
        Err(_) => {
            let names: Vec<_> = missing.iter().map(CameraName::to_string).collect();
            Err(Exit::Unhealthy.because(format!(
                "not announced within {} s: {}",
                LIMIT.as_secs(),
                names.join(", ")
            )))
        }
    }
}

/// Returns once every camera was announced.
async fn hear(bus: &Bus, missing: &mut BTreeSet<CameraName>) -> anyhow::Result<()> {
    let mut announcements = bus.subscribe(&Pattern::every_announce()).await?;
    // The server must know of the subscription before it knows of the question.
    bus.flush(LIMIT).await;
    bus.publish(&Topic::QueryAnnounce.subject(), Bytes::new())
        .await?;
    while !missing.is_empty() {
        match announcements.next().await {
            Some(Delivery::Message(message)) => {
                let goodbye = Announce::decode(message.payload).is_ok_and(|a| a.goodbye);
                if let (Some(Topic::Announce(camera)), false) =
                    (Topic::parse(&message.subject), goodbye)
                {
                    missing.remove(&camera);
                }
            }
            // They are repeated every two seconds.
            Some(Delivery::Lost(_)) => {}
            None => anyhow::bail!("the bus was closed"),
        }
    }
    Ok(())
}
