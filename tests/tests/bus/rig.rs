//! Two handles to one bus, as a publisher and a relay hold them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use sightline_bus::{Bus, Delivery, Link, Message, Options, Subscription};
use sightline_proto::{CameraName, Pattern, Subject, subject::Topic};
use sightline_tests::{
    eventually,
    nats::{Server, Version},
};

/// More than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// Long enough for a message that should not come to come after all.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

pub(crate) struct Rig {
    pub(crate) publisher: Bus,
    pub(crate) subscriber: Bus,
    /// Behind both, unless they are in-process.
    pub(crate) server: Option<Server>,
}

impl Rig {
    pub(crate) fn local() -> Self {
        let bus = Bus::local(1 << 20);
        Self {
            publisher: bus.clone(),
            subscriber: bus,
            server: None,
        }
    }

    pub(crate) async fn nats(version: Version) -> Self {
        let server = Server::start(version, "").await;
        Self {
            publisher: connected(&options(&server)).await,
            subscriber: connected(&options(&server)).await,
            server: Some(server),
        }
    }

    /// A subscription that the server knows of: what is published from now on reaches it.
    pub(crate) async fn subscribe(&self, pattern: &Pattern) -> Subscription {
        let subscription = self.subscriber.subscribe(pattern).await.unwrap();
        settle(&self.subscriber).await;
        subscription
    }
}

pub(crate) fn options(server: &Server) -> Options {
    Options {
        url: server.url(),
        ..Options::default()
    }
}

pub(crate) async fn connected(options: &Options) -> Bus {
    let bus = Bus::connect(options).await.unwrap();
    until_up(&bus).await;
    bus
}

pub(crate) async fn until_up(bus: &Bus) {
    let mut link = bus.link();
    let up = tokio::time::timeout(SOON, link.wait_for(|link| *link == Link::Up)).await;
    up.expect("connects in time").expect("the bus is open");
}

/// Waits until the connection is down, and gives the reason.
pub(crate) async fn until_down(bus: &Bus) -> String {
    let mut link = bus.link();
    let down = tokio::time::timeout(SOON, link.wait_for(|link| *link != Link::Up)).await;
    match &*down.expect("notices in time").expect("the bus is open") {
        Link::Down(reason) => reason.clone(),
        Link::Up => unreachable!("waited for the opposite"),
    }
}

/// Waits until the server did everything that `bus` asked of it so far: it works in order.
pub(crate) async fn settle(bus: &Bus) {
    let probe = subject("settle", "probe");
    let mut echo = bus.subscribe(&probe.clone().into()).await.unwrap();
    eventually("a message to oneself arrives", SOON, async || {
        bus.publish(&probe, Bytes::new()).await?;
        tokio::time::timeout(A_WHILE, echo.next()).await?;
        anyhow::Ok(())
    })
    .await;
}

/// The subject of the frames of a camera.
pub(crate) fn subject(site: &str, camera: &str) -> Subject {
    Topic::Frame(name(site, camera), "jpeg".parse().unwrap()).subject()
}

pub(crate) fn name(site: &str, camera: &str) -> CameraName {
    CameraName::new(site.parse().unwrap(), camera.parse().unwrap())
}

pub(crate) fn number(n: u32) -> Bytes {
    n.to_be_bytes().to_vec().into()
}

pub(crate) fn number_in(message: &Message) -> u32 {
    u32::from_be_bytes(message.payload[..].try_into().unwrap())
}

/// The next delivery, which must be there soon.
pub(crate) async fn next(subscription: &mut Subscription) -> Delivery {
    let delivery = tokio::time::timeout(SOON, subscription.next()).await;
    delivery
        .expect("something arrives")
        .expect("the bus is open")
}

/// The next delivery, which must be a message.
pub(crate) async fn next_message(subscription: &mut Subscription) -> Message {
    match next(subscription).await {
        Delivery::Message(message) => message,
        Delivery::Lost(lost) => panic!("{lost} messages were lost"),
    }
}

/// Holds if nothing more arrives.
pub(crate) async fn assert_silent(subscription: &mut Subscription) {
    if let Ok(delivery) = tokio::time::timeout(A_WHILE, subscription.next()).await {
        panic!("this should not have come: {delivery:?}");
    }
}

/// What this process logs on this thread, where all tasks of a test run, while `work` is done.
pub(crate) async fn logs_of(work: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);
    work.await;
    drop(logging);
    let bytes = log.0.lock().unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
