//! What a publisher puts on the bus, as a relay would get it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sightline_bus::{Bus, Delivery, Options, Subscription};
use sightline_proto::{
    Announce, CameraName, Demand, Frame, Message as _, Pattern,
    assemble::{Assembler, Progress},
    subject::Topic,
};
use tokio::{task::JoinHandle, time::timeout};

use crate::{eventually, fleet::SOON};

/// Demands one stream of a camera, and receives its frames.
#[derive(Debug)]
pub struct Frames {
    frames: Subscription,
    assembler: Assembler,
    demand: JoinHandle<()>,
}

/// Connects to the nats-server at `url`.
pub async fn connect(url: &str) -> Bus {
    let options = Options {
        url: url.to_owned(),
        ..Options::default()
    };
    let bus = Bus::connect(&options).await.expect("good options");
    eventually("the bus is up", SOON, async || {
        let query = Topic::QueryAnnounce.subject();
        bus.publish(&query, bytes::Bytes::new()).await
    })
    .await;
    bus
}

impl Frames {
    /// Demands `stream` of `camera` until it is dropped.
    pub async fn watch(bus: &Bus, camera: &str, stream: &str) -> Result<Self> {
        let camera: CameraName = camera.parse()?;
        let pattern = Pattern::from(Topic::Frame(camera.clone(), stream.parse()?).subject());
        let frames = bus.subscribe(&pattern).await?;
        let demand = Demand {
            stream: stream.to_owned(),
            relay: "test".into(),
            ..Demand::default()
        };
        let (bus, subject) = (bus.clone(), Topic::Demand(camera).subject());
        let demand = tokio::spawn(async move {
            loop {
                // It is repeated: one that is lost does no harm.
                let _ = bus.publish(&subject, demand.encode_to_vec().into()).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        Ok(Self {
            frames,
            assembler: Assembler::default(),
            demand,
        })
    }

    /// The next frame, within `wait`.
    pub async fn next(&mut self, wait: Duration) -> Result<Frame> {
        timeout(wait, async {
            loop {
                let Delivery::Message(message) = self.frames.next().await.context("closed")? else {
                    continue;
                };
                if let (Progress::Complete(frame), _) =
                    self.assembler.push(Frame::decode(message.payload)?)
                {
                    return Ok(frame);
                }
            }
        })
        .await
        .with_context(|| format!("no frame within {wait:?}"))?
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.demand.abort();
    }
}

/// Waits for an announcement of `camera` that fits.
pub async fn announced(
    bus: &Bus,
    camera: &str,
    wait: Duration,
    fits: impl Fn(&Announce) -> bool,
) -> Result<Announce> {
    let pattern = Pattern::from(Topic::Announce(camera.parse()?).subject());
    let mut announcements = bus.subscribe(&pattern).await?;
    let query = Topic::QueryAnnounce.subject();
    bus.publish(&query, bytes::Bytes::new()).await?;
    let mut last = None;
    let found = timeout(wait, async {
        loop {
            if let Delivery::Message(message) = announcements.next().await.context("closed")? {
                let announce = Announce::decode(message.payload)?;
                if fits(&announce) {
                    return anyhow::Ok(announce);
                }
                last = Some(announce);
            }
        }
    })
    .await;
    found.with_context(|| format!("not within {wait:?}, the last was {last:?}"))?
}
