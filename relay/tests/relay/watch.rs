use std::time::{Duration, Instant};

use sightline_proto::{CameraState, Codec, Ping, Subscribe, to_relay, to_viewer};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Camera, Client, Relay, Socket, eventually, jpeg, jpeg_with, known, within};

async fn gate(relay: &Relay) -> Camera {
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(relay, "farm/gate").await;
    camera
}

#[tokio::test]
async fn frames_come_whole_and_in_order() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    for number in 0..20 {
        let sequence = camera.send(&jpeg(number)).await;
        let frame = socket.frame().await;
        assert_eq!(frame.camera, "farm/gate");
        assert_eq!(frame.stream, "jpeg");
        assert_eq!((frame.epoch, frame.sequence), (7, sequence));
        assert_eq!(frame.codec(), Codec::Jpeg);
        assert_eq!((frame.width, frame.height), (64, 48));
        assert!(frame.key && !frame.stale);
        assert!(frame.arrival_time_us >= frame.capture_time_us);
        assert_eq!(frame.data, jpeg(number));
    }
}

#[tokio::test]
async fn the_last_picture_comes_at_once_and_is_marked_if_it_is_old() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut first = Socket::open(relay.address).await;
    first.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    camera.send(&jpeg(1)).await;
    assert!(!first.frame().await.stale);
    let mut second = Socket::open(relay.address).await;
    second.subscribe("farm/gate", 0.0).await;
    assert!(!second.frame().await.stale);
    camera.say_goodbye().await;
    eventually("the camera is offline", async || {
        let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
        json["online"] == false
    })
    .await;
    let mut third = within("the picture is stale", async {
        loop {
            let mut socket = Socket::open(relay.address).await;
            socket.subscribe("farm/gate", 0.0).await;
            let frame = socket.frame().await;
            assert_eq!(frame.data, jpeg(1));
            if frame.stale {
                return socket;
            }
        }
    })
    .await;
    // It stays, and goes on when the camera is back.
    camera.change(|announce| announce.goodbye = false).await;
    camera.send(&jpeg(2)).await;
    assert_eq!(third.frame().await.data, jpeg(2));
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_and_the_rest_goes_on() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut socket = Socket::open(relay.address).await;
    for (camera, stream, max_fps, code) in [
        ("farm/none", "", 0.0, "unknown_camera"),
        ("farm/gate", "h264", 0.0, "unknown_stream"),
        ("farm", "", 0.0, "bad_request"),
        ("farm/gate", "A B", 0.0, "bad_request"),
        ("farm/gate", "", -1.0, "bad_request"),
        ("farm/gate", "", f32::NAN, "bad_request"),
    ] {
        socket
            .say(to_relay::Message::Subscribe(Subscribe {
                camera: camera.into(),
                stream: stream.into(),
                max_fps,
                ..Subscribe::default()
            }))
            .await;
        match socket.next().await {
            to_viewer::Message::Refused(refused) => {
                assert_eq!(refused.camera, camera);
                assert_eq!(refused.stream, stream);
                assert_eq!(refused.code, code);
                assert!(!refused.message.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
    socket.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    camera.send(&jpeg(1)).await;
    socket.frame().await;
}

#[tokio::test]
async fn one_connection_watches_256_streams_and_no_more() {
    let relay = Relay::start().await;
    let mut cameras = Vec::new();
    for n in 0..257 {
        cameras.push(Camera::start(&relay.bus, &format!("farm/c{n}")).await);
        // In steps that the bus's queues hold.
        known(&relay, &format!("farm/c{n}")).await;
    }
    let mut socket = Socket::open(relay.address).await;
    for camera in &cameras {
        socket.subscribe(&camera.name.to_string(), 0.0).await;
    }
    match socket.next().await {
        to_viewer::Message::Refused(refused) => {
            assert_eq!(refused.camera, "farm/c256");
            assert_eq!(refused.code, "too_many_subscriptions");
        }
        other => panic!("{other:?}"),
    }
    socket.unsubscribe("farm/c0").await;
    socket.subscribe("farm/c256", 0.0).await;
    cameras[256].demanded(1).await;
    for camera in [&cameras[256], &cameras[7]] {
        camera.send(&jpeg(1)).await;
        assert_eq!(socket.frame().await.camera, camera.name.to_string());
    }
}

#[tokio::test]
async fn after_unsubscribing_nothing_comes() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    camera.send(&jpeg(1)).await;
    socket.frame().await;
    socket.unsubscribe("farm/gate").await;
    eventually("nobody watches", async || {
        let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
        json["viewers"] == 0
    })
    .await;
    camera.send(&jpeg(2)).await;
    socket
        .say(to_relay::Message::Ping(Ping { viewer_time_us: 99 }))
        .await;
    match socket.next().await {
        to_viewer::Message::Pong(pong) => assert_eq!(pong.viewer_time_us, 99),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn subscribing_again_changes_the_limit() {
    let relay = Relay::start().await;
    let mut camera = gate(&relay).await;
    camera.stream(30, vec![jpeg(1), jpeg(2)]);
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    socket.frame().await;
    socket.subscribe("farm/gate", 10.0).await;
    for _ in 0..3 {
        socket.frame().await;
    }
    let start = Instant::now();
    for _ in 0..10 {
        socket.frame().await;
    }
    let took = start.elapsed().as_secs_f64();
    assert!((0.9..1.2).contains(&took), "{took}");
    let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
    assert_eq!(json["viewers"], 1);
}

#[tokio::test]
async fn a_follower_gets_the_list_and_then_each_change() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut socket = Socket::open(relay.address).await;
    socket.follow().await;
    match socket.next().await {
        to_viewer::Message::Cameras(list) => {
            assert_eq!(list.cameras.len(), 1);
            let info = &list.cameras[0];
            assert_eq!(info.camera, "farm/gate");
            assert!(info.online);
            assert_eq!(info.streams[0].width, 64);
        }
        other => panic!("{other:?}"),
    }
    camera
        .change(|announce| {
            announce.state = CameraState::Failed.into();
            announce.reason = "unplugged".into();
        })
        .await;
    match socket.next().await {
        to_viewer::Message::CameraChanged(info) => {
            assert_eq!(info.state(), CameraState::Failed);
            assert_eq!(info.reason, "unplugged");
        }
        other => panic!("{other:?}"),
    }
    // An announcement without news is none.
    camera.announce().await;
    camera.say_goodbye().await;
    match socket.next().await {
        to_viewer::Message::CameraChanged(info) => assert!(!info.online),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_viewer_that_was_away_gets_the_newest_frame_and_is_told_what_it_missed() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let client = Client::connect_small(relay.address).await;
    let mut socket = Socket::over(client.stream, relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    let picture = jpeg_with(&[0x55; 100_000]);
    let series = r#"sightline_relay_frames_received_total{camera="farm/gate"}"#;
    for sent in 1..=100 {
        camera.send(&picture).await;
        relay.metric_reaches(series, f64::from(sent)).await;
    }
    let (mut sent, mut frames, mut skipped, mut last) = (100, 0, 0, 0);
    // It is told once a second at most: the last count comes with a later frame.
    while frames + skipped < sent {
        match socket.next().await {
            to_viewer::Message::Frame(frame) => {
                assert!(frame.sequence > last || frames == 0);
                last = frame.sequence;
                frames += 1;
            }
            to_viewer::Message::Skipped(told) => skipped += told.frames,
            other => panic!("{other:?}"),
        }
        if last == sent - 1 && frames + skipped < sent {
            tokio::time::sleep(Duration::from_millis(50)).await;
            camera.send(&jpeg(1)).await;
            sent += 1;
        }
    }
    assert_eq!(frames + skipped, sent);
    assert!(skipped > 70, "{skipped}");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let relay = Relay::with(|c| c.http.allowed_origins = vec!["https://wall.example".into()]).await;
    let own = format!("http://{}", relay.address);
    for (origin, status) in [
        (&*own, 101),
        ("https://wall.example", 101),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        assert_eq!(
            Socket::status_for(relay.address, origin).await,
            status,
            "{origin}"
        );
    }
    assert!(
        relay
            .metric(r#"sightline_relay_connections_refused_total{reason="origin"}"#)
            .await
            > 1.5
    );
}

#[tokio::test]
async fn what_breaks_the_rules_is_told_which() {
    let relay = Relay::start().await;
    for (message, code) in [
        (Message::Binary(vec![0xff; 20].into()), 1008),
        (Message::Text("subscribe".into()), 1008),
        (Message::Binary(vec![0; 17 << 10].into()), 1009),
    ] {
        let mut socket = Socket::open(relay.address).await;
        socket.send(message).await;
        assert_eq!(socket.close_code().await, code);
    }
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_left() {
    let relay = Relay::with(|config| config.http.ping_interval_ms = 50).await;
    let connections = "sightline_relay_connections";
    // Never polled again: it answers nothing.
    let _socket = Socket::open(relay.address).await;
    relay.metric_reaches(connections, 2.0).await;
    let start = Instant::now();
    eventually("the connection is closed", async || {
        relay.metric(connections).await < 1.5
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_plain_request_is_no_websocket() {
    let relay = Relay::start().await;
    let (head, json) = relay.get_json("/api/watch").await;
    assert_eq!(head.status, 400);
    assert_eq!(json["error"]["code"], "bad_request");
}
