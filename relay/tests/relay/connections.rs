use std::time::{Duration, Instant};

use crate::support::{Camera, Client, Relay, eventually, jpeg, jpeg_with, known};

const CONNECTIONS: &str = "sightline_relay_connections";

async fn impatient() -> Relay {
    Relay::with(|config| config.http.request_timeout_ms = 300).await
}

#[tokio::test]
async fn whoever_sends_nothing_or_half_a_head_is_left() {
    let relay = impatient().await;
    for start in ["", "G", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half:"] {
        let mut client = Client::connect(relay.address).await;
        client.send(start).await;
        let began = Instant::now();
        client.rest().await;
        let took = began.elapsed();
        assert!(
            took > Duration::from_millis(200) && took < Duration::from_secs(2),
            "{start:?}: {took:?}"
        );
    }
}

#[tokio::test]
async fn whoever_dribbles_is_left() {
    let relay = impatient().await;
    let mut client = Client::connect(relay.address).await;
    let began = Instant::now();
    let text =
        "GET /healthz HTTP/1.1\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for byte in text.chars().cycle() {
        use tokio::io::AsyncWriteExt as _;
        let sent = client.stream.write_all(&[byte as u8]).await;
        if sent.is_err() || began.elapsed() > Duration::from_secs(3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn whoever_sends_no_second_request_is_left() {
    let relay = impatient().await;
    let mut client = Client::connect(relay.address).await;
    for _ in 0..2 {
        client
            .send("GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
            .await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.bytes(2).await, b"ok");
    }
    let began = Instant::now();
    assert!(client.rest().await.is_empty());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_stream_outlives_the_time_limit_for_requests() {
    let relay = impatient().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut client = Client::get(relay.address, "/stream").await;
    client.head().await;
    client.until(b"\r\n").await;
    camera.demanded(1).await;
    camera.send(&jpeg(1)).await;
    for _ in 0..3 {
        // The repeated picture, each second.
        assert_eq!(client.part().await.1, jpeg(1));
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let relay = Relay::start().await;
    let mut client = Client::connect(relay.address).await;
    let long = "a".repeat(20 << 10);
    client
        .send(&format!("GET /healthz HTTP/1.1\r\nX-Long: {long}\r\n\r\n"))
        .await;
    assert_eq!(client.head().await.status, 431);
}

#[tokio::test]
async fn connections_above_the_cap_are_told_so_and_closed() {
    let relay = Relay::with(|config| config.http.max_connections = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Client::connect(relay.address).await);
    }
    // Accepted in order: the fourth is the one too many.
    let mut fourth = Client::get(relay.address, "/healthz").await;
    let head = fourth.head().await;
    assert_eq!(head.status, 429);
    assert_eq!(head.header("connection"), Some("close"));
    let json: serde_json::Value = serde_json::from_slice(&fourth.rest().await).unwrap();
    assert_eq!(json["error"]["code"], "too_many_connections");
    held.pop();
    eventually("there is room again", async || {
        let mut client = Client::get(relay.address, "/healthz").await;
        client.head().await.status == 200
    })
    .await;
    assert!(
        relay
            .metric(r#"sightline_relay_connections_refused_total{reason="total"}"#)
            .await
            > 0.5
    );
}

#[tokio::test]
async fn one_address_has_a_cap_of_its_own() {
    let relay = Relay::with(|config| config.http.max_connections_per_address = 2).await;
    let _one = Client::connect(relay.address).await;
    let _two = Client::connect(relay.address).await;
    let mut third = Client::get(relay.address, "/healthz").await;
    assert_eq!(third.head().await.status, 429);
    let text = String::from_utf8(third.rest().await).unwrap();
    assert!(text.contains("your address"), "{text}");
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_is_disconnected() {
    let relay = Relay::with(|config| config.http.stall_timeout_ms = 400).await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let picture = jpeg_with(&[0x55; 200_000]);
    camera.stream(30, vec![picture]);
    let mut client = Client::connect_small(relay.address).await;
    client.ask("GET", "/stream").await;
    client.head().await;
    relay
        .metric_reaches(
            r#"sightline_relay_connections_refused_total{reason="stalled"}"#,
            1.0,
        )
        .await;
    eventually("its connection is gone", async || {
        relay.metric(CONNECTIONS).await < 1.5
    })
    .await;
}

#[tokio::test]
async fn a_viewer_that_leaves_is_noticed_at_once() {
    let relay = Relay::start().await;
    let _camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let viewers = r#"sightline_relay_viewers{route="multipart"}"#;
    let mut client = Client::get(relay.address, "/stream").await;
    client.head().await;
    relay.metric_reaches(viewers, 1.0).await;
    drop(client);
    eventually("nobody watches", async || relay.metric(viewers).await < 0.5).await;
}
