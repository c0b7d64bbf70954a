//! Somebody who watches cameras: says so, and counts the messages that come of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sightline_bus::{Bus, Delivery, Options};
use sightline_proto::{CameraName, Demand, HEARTBEAT, JPEG, Message as _, Subject, subject::Topic};
use tokio::{
    runtime::{Builder, Runtime},
    time::interval,
};

/// Watches until it is dropped.
pub(crate) struct Audience {
    counts: Counts,
    _runtime: Runtime,
}

/// Messages by subject.
type Counts = Arc<Mutex<BTreeMap<String, u64>>>;

/// The subject of a camera's JPEGs.
pub(crate) fn subject(camera: &str) -> anyhow::Result<Subject> {
    let camera: CameraName = camera.parse()?;
    Ok(Topic::Frame(camera, JPEG.parse()?).subject())
}

impl Audience {
    /// Watches the JPEGs of `cameras`.
    pub(crate) fn watch(url: &str, cameras: &[String]) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let bus = runtime.block_on(Bus::connect(&Options {
            url: url.to_owned(),
            ..Options::default()
        }))?;
        let counts = Counts::default();
        for camera in cameras {
            runtime.spawn(demand(bus.clone(), camera.parse()?));
            runtime.spawn(count(bus.clone(), subject(camera)?, counts.clone()));
        }
        Ok(Self {
            counts,
            _runtime: runtime,
        })
    }

    /// Messages of each camera so far. Those that have none yet are not in it.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.counts).clone()
    }

    /// Waits until so many cameras send.
    pub(crate) fn wait_for(&self, cameras: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.counts().len() < cameras {
            anyhow::ensure!(Instant::now() < deadline, "not every camera sends");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

async fn demand(bus: Bus, camera: CameraName) {
    let subject = Topic::Demand(camera).subject();
    let demand = Demand {
        stream: JPEG.into(),
        relay: "bench".into(),
        ..Demand::default()
    };
    let mut heartbeat = interval(HEARTBEAT);
    loop {
        heartbeat.tick().await;
        // Not connected yet: it is said again.
        let _ = bus.publish(&subject, demand.encode_to_vec().into()).await;
    }
}

async fn count(bus: Bus, subject: Subject, counts: Counts) {
    let Ok(mut messages) = bus.subscribe(&subject.clone().into()).await else {
        return;
    };
    while let Some(delivery) = messages.next().await {
        if let Delivery::Message(message) = delivery {
            *lock(&counts).entry(message.subject).or_default() += 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
