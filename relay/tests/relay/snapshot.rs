use std::time::{Duration, Instant};

use crate::support::{Camera, Client, Relay, eventually, jpeg, known};
use sightline_proto::CameraState;

const SNAPSHOT: &str = "/api/cameras/farm/gate/snapshot.jpg";
const STREAM: &str = "/api/cameras/farm/gate/stream.mjpeg";

async fn offline(relay: &Relay) {
    eventually("the camera is offline", async || {
        let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
        json["online"] == false
    })
    .await;
}

#[tokio::test]
async fn a_camera_that_nobody_watches_is_asked_for_one_frame() {
    let relay = Relay::start().await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.answer_singles(jpeg(1));
    let (head, picture) = relay.get(SNAPSHOT).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("image/jpeg"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.header("age"), Some("0"));
    assert_eq!(head.header("x-sightline-stale"), None);
    let age: u64 = head.header("x-sightline-age-ms").unwrap().parse().unwrap();
    assert!(age < 1_000, "{age}");
    assert!(head.header("x-timestamp").unwrap().contains('.'));
    assert_eq!(picture, jpeg(1));
    let demands = camera.demands();
    assert_eq!(demands.len(), 1);
    assert!(demands[0].single);
}

#[tokio::test]
async fn an_old_picture_is_not_passed_off_as_a_new_one() {
    let relay = Relay::start().await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.answer_singles(jpeg(1));
    relay.get(SNAPSHOT).await;
    // Each asks anew once the last picture is not new any more.
    let start = Instant::now();
    eventually("the camera is asked again", async || {
        relay.get(SNAPSHOT).await;
        camera.demands().len() == 2
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn one_demand_answers_all_who_ask_at_once() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::get(relay.address, SNAPSHOT).await);
    }
    camera.demanded(1).await;
    relay
        .metric_reaches("sightline_relay_connections", 21.0)
        .await;
    camera.send(&jpeg(3)).await;
    for client in &mut clients {
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.rest().await, jpeg(3));
    }
    assert!(camera.demands().len() < 5, "{}", camera.demands().len());
}

#[tokio::test]
async fn while_others_watch_the_newest_frame_answers() {
    let relay = Relay::start().await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut viewer = Client::get(relay.address, STREAM).await;
    viewer.head().await;
    camera.demanded(1).await;
    camera.stream(20, vec![jpeg(1)]);
    viewer.until(b"\r\n").await;
    viewer.part().await;
    let start = Instant::now();
    let (head, _) = relay.get(SNAPSHOT).await;
    assert_eq!(head.status, 200);
    assert!(start.elapsed() < Duration::from_millis(500));
    assert!(camera.demands().iter().all(|demand| !demand.single));
}

#[tokio::test]
async fn an_offline_camera_shows_its_last_picture_and_says_so() {
    let relay = Relay::with(|config| config.streams.linger_ms = 10).await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.answer_singles(jpeg(1));
    relay.get(SNAPSHOT).await;
    camera.say_goodbye().await;
    offline(&relay).await;
    relay
        .metric_reaches("sightline_relay_last_pictures_bytes", 1.0)
        .await;
    let (head, picture) = relay.get(SNAPSHOT).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("x-sightline-stale"), Some("1"));
    assert_eq!(picture, jpeg(1));
}

#[tokio::test]
async fn an_offline_camera_without_a_picture_says_since_when() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera
        .change(|announce| {
            announce.goodbye = true;
            announce.reason = "unplugged".into();
        })
        .await;
    offline(&relay).await;
    for path in [SNAPSHOT, STREAM] {
        let (head, json) = relay.get_json(path).await;
        assert_eq!(head.status, 503, "{path}");
        assert_eq!(json["error"]["code"], "camera_offline");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains("unplugged"), "{message}");
        assert!(head.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn a_camera_that_gives_nothing_is_reported_with_its_reason() {
    let relay = Relay::with(|config| config.http.snapshot_timeout_ms = 200).await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera
        .change(|announce| {
            announce.state = CameraState::Failed.into();
            announce.reason = "the camera refuses the password".into();
        })
        .await;
    let (head, json) = relay.get_json(SNAPSHOT).await;
    assert_eq!(head.status, 503);
    assert_eq!(json["error"]["code"], "no_picture");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.contains("refuses the password"), "{message}");
}

#[tokio::test]
async fn an_unknown_camera_or_stream_is_404() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    camera
        .change(|announce| announce.streams[0].name = "h264".into())
        .await;
    eventually("the change is known", async || {
        let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
        json["streams"][0]["name"] == "h264"
    })
    .await;
    for (path, code) in [
        ("/api/cameras/farm/none/snapshot.jpg", "unknown_camera"),
        ("/api/cameras/farm/none/stream.mjpeg", "unknown_camera"),
        ("/api/cameras/FARM/..%2f/snapshot.jpg", "unknown_camera"),
        ("/api/cameras/farm/none", "unknown_camera"),
        (SNAPSHOT, "unknown_stream"),
        (STREAM, "unknown_stream"),
    ] {
        let (head, json) = relay.get_json(path).await;
        assert_eq!(head.status, 404, "{path}");
        assert_eq!(json["error"]["code"], code, "{path}");
    }
}
