//! A camera that nobody watches costs nothing, and one that somebody wants is there at once.

use std::time::{Duration, Instant};

use sightline_bus::{Bus, Options};
use sightline_proto::{CameraName, JPEG, subject::Topic};
use sightline_tests::{
    fleet::{Publisher, Relay},
    mjpeg::Stream,
    nats::{Server, Version},
};

use crate::quiet::alone;

const WATCHED_FOR: Duration = Duration::from_secs(10);
const FIRST_PICTURE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn an_unwatched_camera_costs_no_processor_time_and_no_uplink() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let mut publisher = Publisher::start(
        &server.url(),
        "farm",
        &[("gate", "test://?size=1280x720&fps=30")],
    );
    relay.until_online("farm/gate").await;
    let options = Options {
        url: server.url(),
        ..Options::default()
    };
    let bus = Bus::connect(&options).await.unwrap();
    let camera: CameraName = "farm/gate".parse().unwrap();
    let frames = Topic::Frame(camera, JPEG.parse().unwrap()).subject();
    let mut frames = bus.subscribe(&frames.into()).await.unwrap();

    let before = publisher.process().cpu().unwrap();
    let frame = tokio::time::timeout(WATCHED_FOR, frames.next()).await;
    let used = publisher.process().cpu().unwrap().saturating_sub(before);
    assert!(frame.is_err(), "there is a frame on the bus: {frame:?}");
    assert!(
        used < WATCHED_FOR / 100,
        "it used {used:?} in {WATCHED_FOR:?}"
    );
    assert_eq!(relay.camera("farm/gate").await.unwrap()["state"], "idle");

    // The subscription was a good one.
    let mut viewer = Stream::open(relay.address(), "farm/gate").await.unwrap();
    viewer.next_fresh().await.unwrap();
    let frame = tokio::time::timeout(WATCHED_FOR, frames.next()).await;
    assert!(frame.unwrap().is_some());

    // And when the last viewer is gone, the camera becomes idle again.
    drop(viewer);
    tokio::time::sleep(Duration::from_secs(10)).await;
    relay
        .until("farm/gate", "is idle", |camera| camera["state"] == "idle")
        .await;
}

#[tokio::test]
async fn the_first_viewer_sees_a_picture_within_300_ms() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let names = ["a", "b", "c", "d", "e"];
    let cameras = names.map(|name| (name, "test://?size=1280x720&fps=30"));
    let _publisher = Publisher::start(&server.url(), "farm", &cameras);
    let mut times = Vec::new();
    for name in names {
        let camera = format!("farm/{name}");
        relay.until_online(&camera).await;
        let start = Instant::now();
        let mut viewer = Stream::open(relay.address(), &camera).await.unwrap();
        viewer.next_fresh().await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    println!("first pictures after {times:?}");
    assert!(times[times.len() / 2] < FIRST_PICTURE, "{times:?}");
}
