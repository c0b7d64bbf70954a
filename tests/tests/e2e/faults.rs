//! Each part crashes and comes back.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    mjpeg::{Part, Stream},
    nats::{Server, Version},
};

use crate::quiet::light;

/// From the restart to the picture.
const BACK_WITHIN: Duration = Duration::from_secs(3);

/// A picture that passes for live is no older: 1 s, and the shortest time that a picture takes to get here.
const LIVE: Duration = Duration::from_millis(1_100);

const CAMERA: &str = "farm/gate";

struct Fleet {
    server: Server,
    relay: Relay,
    publisher: Publisher,
    viewer: Stream,
}

impl Fleet {
    async fn start(version: Version) -> Self {
        let server = Server::start(version, "").await;
        let relay = Relay::start(&server.url()).await;
        let cameras = [("gate", "test://?size=320x180&fps=20")];
        let publisher = Publisher::start(&server.url(), "farm", &cameras);
        relay.until_online(CAMERA).await;
        let mut viewer = Stream::open(relay.address(), CAMERA).await.unwrap();
        live(&mut viewer).await.unwrap();
        Self {
            server,
            relay,
            publisher,
            viewer,
        }
    }

    /// Waits until the viewer is told that what it sees is old.
    async fn until_stale(&mut self) {
        let viewer = &mut self.viewer;
        eventually("the picture is marked as stale", SOON, async || {
            let part = honest(viewer).await?;
            ensure!(part.stale.is_some(), "it is not");
            Ok(())
        })
        .await;
    }

    /// Holds if the same viewer, on the same connection, sees the camera move again soon after `restarted`.
    async fn assert_back(&mut self, restarted: Instant) {
        live(&mut self.viewer).await.unwrap();
        let took = restarted.elapsed();
        println!("the picture is back after {took:?}");
        assert!(took < BACK_WITHIN, "{took:?}");
        // And it stays.
        for _ in 0..20 {
            live(&mut self.viewer).await.unwrap();
        }
    }
}

/// The next part, which must say so if it is old.
async fn honest(viewer: &mut Stream) -> Result<Part> {
    let part = viewer.next().await?;
    let age = part.age();
    ensure!(
        part.stale.is_some() || age < LIVE,
        "a picture that is {age:?} old passes for live"
    );
    Ok(part)
}

/// The next part that is live.
async fn live(viewer: &mut Stream) -> Result<Part> {
    loop {
        let part = honest(viewer).await?;
        if part.stale.is_none() {
            return Ok(part);
        }
    }
}

#[tokio::test]
async fn a_publisher_that_crashed_is_back() {
    let _machine = light().await;
    let mut fleet = Fleet::start(Version::Current).await;
    for _ in 0..2 {
        fleet.publisher.kill();
        fleet.until_stale().await;
        fleet.publisher.restart();
        fleet.assert_back(Instant::now()).await;
    }
    // Long enough away to be offline, too.
    fleet.publisher.kill();
    fleet
        .relay
        .until(CAMERA, "is offline", |camera| camera["online"] == false)
        .await;
    fleet.until_stale().await;
    fleet.publisher.restart();
    fleet.assert_back(Instant::now()).await;
}

#[tokio::test]
async fn a_publisher_that_is_stopped_says_goodbye() {
    let _machine = light().await;
    let mut fleet = Fleet::start(Version::Current).await;
    let start = Instant::now();
    assert_eq!(fleet.publisher.stop().await.unwrap(), 0);
    fleet
        .relay
        .until(CAMERA, "is offline", |camera| camera["online"] == false)
        .await;
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    fleet.until_stale().await;
    let snapshot = fleet
        .relay
        .get("/api/cameras/farm/gate/snapshot.jpg")
        .await
        .unwrap();
    assert_eq!(snapshot.status, 200);
    assert_eq!(snapshot.header("x-sightline-stale"), "1");
    fleet.publisher.restart();
    fleet.assert_back(Instant::now()).await;
}

#[tokio::test]
async fn a_relay_that_crashed_is_back() {
    let _machine = light().await;
    let mut fleet = Fleet::start(Version::Current).await;
    fleet.relay.kill();
    fleet.relay.restart();
    let restarted = Instant::now();
    let address = fleet.relay.address().to_owned();
    let took = eventually(
        "a viewer that tries again sees the picture",
        SOON,
        async || {
            let mut viewer = Stream::open(&address, CAMERA).await?;
            live(&mut viewer).await?;
            anyhow::Ok(restarted.elapsed())
        },
    )
    .await;
    println!("the picture is back after {took:?}");
    assert!(took < BACK_WITHIN, "{took:?}");
}

async fn a_server_that_crashed_is_back(version: Version) {
    let _machine = light().await;
    let mut fleet = Fleet::start(version).await;
    for _ in 0..2 {
        fleet.server.kill();
        fleet.until_stale().await;
        let readiness = fleet.relay.get("/readyz").await.unwrap();
        assert_eq!(readiness.status, 503);
        let reason = String::from_utf8_lossy(&readiness.body).into_owned();
        assert!(reason.contains(&fleet.server.address()), "{reason}");
        fleet.server.restart().await;
        fleet.assert_back(Instant::now()).await;
        fleet.relay.until_ready().await;
    }
}

#[tokio::test]
async fn an_old_server_that_crashed_is_back() {
    a_server_that_crashed_is_back(Version::Debian).await;
}

#[tokio::test]
async fn a_current_server_that_crashed_is_back() {
    a_server_that_crashed_is_back(Version::Current).await;
}

/// What was in its sockets comes out all at once when it goes on, and is seconds old.
#[tokio::test]
async fn a_server_that_froze_replays_nothing_as_live() {
    let _machine = light().await;
    let mut fleet = Fleet::start(Version::Current).await;
    fleet.server.freeze();
    fleet.until_stale().await;
    fleet.server.thaw();
    fleet.assert_back(Instant::now()).await;
}

#[tokio::test]
async fn parts_find_each_other_in_any_order() {
    let _machine = light().await;
    let mut server = Server::start(Version::Current, "").await;
    server.kill();
    let relay = Relay::start_unready(&server.url(), &[]);
    let _publisher = Publisher::start(
        &server.url(),
        "farm",
        &[("gate", "test://?size=320x180&fps=20")],
    );
    eventually("the relay says that it is not ready", SOON, async || {
        let answer = relay.get("/readyz").await?;
        ensure!(answer.status == 503, "{}", answer.status);
        Ok(())
    })
    .await;
    server.restart().await;
    relay.until_ready().await;
    relay.until_online(CAMERA).await;
    let mut viewer = Stream::open(relay.address(), CAMERA).await.unwrap();
    live(&mut viewer).await.unwrap();
}
