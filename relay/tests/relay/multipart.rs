use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::support::{Camera, Client, Relay, eventually, jpeg, jpeg_with, known};

const STREAM: &str = "/api/cameras/farm/gate/stream.mjpeg";

async fn gate(relay: &Relay) -> Camera {
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(relay, "farm/gate").await;
    camera
}

#[tokio::test]
async fn every_byte_is_what_clients_expect() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut client = Client::get(relay.address, STREAM).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("content-type"),
        Some("multipart/x-mixed-replace;boundary=boundarydonotcross")
    );
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    // Before any picture is there.
    assert_eq!(client.bytes(22).await, b"--boundarydonotcross\r\n");

    camera.demanded(1).await;
    for sequence in 0..3 {
        let picture = jpeg(sequence);
        let mut frame = camera.frame(u64::from(sequence), &picture);
        frame.capture_time_us = frame.capture_time_us / 1_000_000 * 1_000_000 + 42;
        let seconds = frame.capture_time_us / 1_000_000;
        camera.send_frame(frame).await;
        let expected = [
            format!(
                "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {seconds}.000042\r\n\r\n",
                picture.len()
            )
            .as_bytes(),
            &picture,
            b"\r\n--boundarydonotcross\r\n",
        ]
        .concat();
        assert_eq!(client.bytes(expected.len()).await, expected);
    }
}

#[tokio::test]
async fn the_next_head_comes_at_once_if_asked_for() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut client = Client::get(relay.address, &format!("{STREAM}?advance_headers=1")).await;
    client.head().await;
    let opening = b"--boundarydonotcross\r\nContent-Type: image/jpeg\r\n\r\n";
    assert_eq!(client.bytes(opening.len()).await, opening);
    camera.demanded(1).await;
    for sequence in 0..2 {
        let picture = jpeg(sequence);
        camera.send(&picture).await;
        let expected = [&picture[..], b"\r\n", opening].concat();
        assert_eq!(client.bytes(expected.len()).await, expected);
    }
}

#[tokio::test]
async fn a_viewer_that_comes_later_starts_with_the_last_picture() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut first = Client::get(relay.address, STREAM).await;
    camera.demanded(1).await;
    camera.send(&jpeg(1)).await;
    first.head().await;
    first.until(b"\r\n").await;
    first.part().await;
    let mut second = Client::get(relay.address, STREAM).await;
    second.head().await;
    second.until(b"\r\n").await;
    let (_, picture) = second.part().await;
    assert_eq!(picture, jpeg(1));
}

#[tokio::test]
async fn the_last_picture_is_repeated_and_marked_once_it_is_old() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut client = Client::get(relay.address, STREAM).await;
    client.head().await;
    client.until(b"\r\n").await;
    camera.demanded(1).await;
    camera.send(&jpeg(1)).await;
    let (head, _) = client.part().await;
    assert_eq!(head.header("x-sightline-stale"), None);
    let start = Instant::now();
    let (head, picture) = client.part().await;
    assert!(start.elapsed() > Duration::from_millis(900));
    assert_eq!(head.header("x-sightline-stale"), Some("1"));
    assert_eq!(picture, jpeg(1));
    camera.say_goodbye().await;
    let (head, picture) = client.part().await;
    assert_eq!(head.header("x-sightline-stale"), Some("2"));
    assert_eq!(picture, jpeg(1));
}

#[tokio::test]
async fn a_limit_halves_the_rate_exactly() {
    let relay = Relay::start().await;
    let mut camera = gate(&relay).await;
    camera.stream(30, vec![jpeg(1), jpeg(2)]);
    let mut client = Client::get(relay.address, &format!("{STREAM}?fps=15")).await;
    client.head().await;
    client.until(b"\r\n").await;
    client.part().await;
    let start = Instant::now();
    for _ in 0..30 {
        client.part().await;
    }
    let took = start.elapsed().as_secs_f64();
    assert!((1.9..2.2).contains(&took), "{took}");
}

/// A picture of 60 KB with a number in it.
fn numbered(number: usize) -> Bytes {
    jpeg_with(&[&[b'.'; 60_000], format!("{number:03}").as_bytes()].concat())
}

fn number_of(picture: &[u8]) -> usize {
    let digits = &picture[picture.len() - 5..picture.len() - 2];
    std::str::from_utf8(digits).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_viewer_that_does_not_read_slows_nobody_and_gets_the_newest_picture() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    let mut slow = Client::connect_small(relay.address).await;
    slow.ask("GET", STREAM).await;
    slow.head().await;
    let mut quick = Client::get(relay.address, STREAM).await;
    quick.head().await;
    quick.until(b"\r\n").await;
    camera.demanded(1).await;
    // More than sockets hold.
    for number in 0..200 {
        let picture = numbered(number);
        camera.send(&picture).await;
        let (_, got) = quick.part().await;
        assert!(got == picture, "picture {number}");
    }
    slow.until(b"\r\n").await;
    let mut numbers = Vec::new();
    while numbers.last() != Some(&199) {
        let (_, picture) = slow.part().await;
        numbers.push(number_of(&picture));
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(numbers.len() < 40, "{numbers:?}");
    let skipped = relay
        .metric(r#"sightline_relay_frames_skipped_total{camera="farm/gate",route="multipart"}"#)
        .await;
    assert!(skipped > 150.0, "{skipped}");
}

#[tokio::test]
async fn head_answers_as_get_does_and_opens_no_camera() {
    let relay = Relay::start().await;
    let camera = gate(&relay).await;
    for path in [STREAM, "/?action=stream", "/stream", "/video_feed"] {
        let mut client = Client::connect(relay.address).await;
        client.ask("HEAD", path).await;
        let head = client.head().await;
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(head.header("content-length"), None, "{path}");
        assert!(client.rest().await.is_empty(), "{path}");
    }
    assert!(camera.demands().is_empty());
}

#[tokio::test]
async fn a_stream_opens_with_the_first_viewer_and_closes_after_the_last() {
    let relay = Relay::with(|config| config.streams.linger_ms = 50).await;
    let camera = gate(&relay).await;
    let open = "sightline_relay_streams_open";
    assert!(relay.metric(open).await < 0.5);
    let mut one = Client::get(relay.address, STREAM).await;
    let two = Client::get(relay.address, STREAM).await;
    one.head().await;
    relay.metric_reaches(open, 1.0).await;
    relay
        .metric_reaches(r#"sightline_relay_viewers{route="multipart"}"#, 2.0)
        .await;
    let (_, camera_json) = relay.get_json("/api/cameras/farm/gate").await;
    assert_eq!(camera_json["viewers"], 2);
    eventually("the camera is demanded", async || {
        !camera.demands().is_empty()
    })
    .await;
    assert_eq!(camera.demands().len(), 1, "one demand for both");
    assert!(!camera.demands()[0].single);
    drop((one, two));
    eventually("the stream is closed", async || {
        relay.metric(open).await < 0.5
    })
    .await;
}

#[tokio::test]
async fn a_malformed_parameter_is_named() {
    let relay = Relay::start().await;
    gate(&relay).await;
    let (head, json) = relay.get_json(&format!("{STREAM}?fps=fast")).await;
    assert_eq!(head.status, 400);
    assert_eq!(json["error"]["code"], "bad_request");
    assert!(json["error"]["message"].as_str().unwrap().contains("fps"));
}
