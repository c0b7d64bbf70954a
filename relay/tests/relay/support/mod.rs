//! What the tests share: a relay, a camera, clients.

mod camera;
mod client;
pub(crate) mod film;
mod socket;

use std::{net::SocketAddr, time::Duration};

pub(crate) use camera::{Camera, jpeg, jpeg_with};
pub(crate) use client::{BOUNDARY, Client, Head};
use sightline_bus::Bus;
use sightline_relay::{Config, Error, serve};
pub(crate) use socket::Socket;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// What takes longer than this has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) bus: Bus,
    shutdown: CancellationToken,
    serving: Option<JoinHandle<Result<(), Error>>>,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(Bus::local(1 << 20), change).await
    }

    /// One of many on `bus`.
    pub(crate) async fn on(bus: Bus, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            name: "test-relay".into(),
            drain_ms: 2_000,
            ..Config::default()
        };
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(config, bus.clone(), listener, shutdown.clone()));
        let relay = Self {
            address,
            bus,
            shutdown,
            serving: Some(serving),
        };
        relay.get("/readyz").await;
        relay
    }

    /// The answer to a request on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> (Head, Vec<u8>) {
        let mut client = Client::get(self.address, path).await;
        let head = client.head().await;
        (head, client.rest().await)
    }

    pub(crate) async fn get_text(&self, path: &str) -> (Head, String) {
        let (head, body) = self.get(path).await;
        (head, String::from_utf8(body).unwrap())
    }

    pub(crate) async fn get_json(&self, path: &str) -> (Head, serde_json::Value) {
        let (head, body) = self.get(path).await;
        (head, serde_json::from_slice(&body).unwrap())
    }

    /// The value of a metric's series, 0 while there is none.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.get_text("/metrics").await;
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a metric's series has at least this value.
    pub(crate) async fn metric_reaches(&self, series: &str, wanted: f64) {
        eventually(&format!("{series} >= {wanted}"), async || {
            self.metric(series).await >= wanted
        })
        .await;
    }

    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Waits until the relay has ended by itself.
    pub(crate) async fn ended(&mut self) {
        let serving = self.serving.take().expect("it ends once");
        within("the relay ends", serving).await.unwrap().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Waits until the relay knows a camera.
pub(crate) async fn known(relay: &Relay, name: &str) {
    eventually("the camera is known", async || {
        let (head, _) = relay.get(&format!("/api/cameras/{name}")).await;
        head.status == 200
    })
    .await;
}

/// Looks until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
