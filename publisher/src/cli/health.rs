//! Whether a publisher announces all its cameras.

use std::time::Duration;

use futures_util::future::join_all;
use sightline_bus::{Bus, Delivery, Link, Subscription};
use sightline_cli::Exit;
use sightline_proto::{Announce, CameraName, Message as _, subject::Topic};
use tokio::time::{Instant, timeout_at};

use crate::Config;

/// Time for everything: to connect, and to hear every camera, which announces itself every two seconds.
const LIMIT: Duration = Duration::from_secs(4);

/// Listens on `bus`; fails with [`Exit::Unhealthy`] and a reason.
///
/// Does nothing that the credentials of a site do not allow: it hears the cameras one by one, and asks none.
pub(super) async fn check(config: &Config, bus: Bus) -> anyhow::Result<()> {
    let cameras = config
        .cameras()
        .map_err(|error| Exit::Settings.because(error))?;
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
    let mut subscriptions = Vec::new();
    for camera in cameras {
        let subject = Topic::Announce(camera.name.clone()).subject();
        subscriptions.push((camera.name, bus.subscribe(&subject.into()).await?));
    }
    let heard = subscriptions
        .into_iter()
        .map(|(name, mut announcements)| async move {
            let heard = timeout_at(until, announced(&mut announcements)).await;
            (name, heard == Ok(true))
        });
    let missing: Vec<_> = join_all(heard)
        .await
        .into_iter()
        .filter_map(|(name, heard): (CameraName, bool)| (!heard).then(|| name.to_string()))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Exit::Unhealthy.because(format!(
        "not announced within {} s: {}",
        LIMIT.as_secs(),
        missing.join(", ")
    )))
}

/// Returns once the camera is announced, and false if the bus was closed before.
async fn announced(announcements: &mut Subscription) -> bool {
    loop {
        match announcements.next().await {
            Some(Delivery::Message(message)) => {
                if Announce::decode(message.payload).is_ok_and(|announce| !announce.goodbye) {
                    return true;
                }
            }
            Some(Delivery::Lost(_)) => {}
            None => return false,
        }
    }
}
