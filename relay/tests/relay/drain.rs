use std::time::{Duration, Instant};

use sightline_proto::to_viewer;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{BOUNDARY, Camera, Client, Relay, Socket, eventually, jpeg, jpeg_with, known};

#[tokio::test]
async fn everyone_is_told_and_the_relay_ends_before_its_grace_is_over() {
    let mut relay = Relay::with(|config| config.drain_ms = 5_000).await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.stream(20, vec![jpeg(1)]);
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    socket.frame().await;
    let mut events = Client::get(relay.address, "/api/events").await;
    events.head().await;
    let mut multipart = Client::connect(relay.address).await;
    multipart
        .send("GET /stream HTTP/1.1\r\nHost: relay\r\n\r\n")
        .await;
    multipart.head().await;
    multipart.until(b"\xff\xd9").await;
    let mut idle = Client::connect(relay.address).await;
    idle.send("GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
        .await;
    idle.head().await;

    relay.stop();
    let start = Instant::now();
    assert_eq!(socket.close_code().await, 1012);
    // The last part is complete.
    let rest = multipart.rest().await;
    assert!(rest.ends_with(BOUNDARY.as_bytes()), "{rest:?}");
    events.rest().await;
    idle.rest().await;
    relay.ended().await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(relay.address).await.is_err());
}

#[tokio::test]
async fn a_viewer_is_told_early_and_served_until_it_has_left() {
    // Half of it is for those who stay.
    let mut relay = Relay::with(|config| config.drain_ms = 600_000).await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.stream(20, vec![jpeg(1)]);
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    socket.frame().await;

    relay.stop();
    while !matches!(socket.next().await, to_viewer::Message::Leaving(_)) {}
    // The other relay is opened meanwhile.
    assert!(TcpStream::connect(relay.address).await.is_err());
    let told = socket.frame().await.sequence;
    let mut shown = told;
    while shown < told + 5 {
        let next = socket.frame().await.sequence;
        assert!(next > shown);
        shown = next;
    }
    socket.send(Message::Close(None)).await;
    relay.ended().await;
}

#[tokio::test]
async fn whoever_does_not_leave_is_ended_after_the_grace() {
    let mut relay = Relay::with(|config| config.drain_ms = 300).await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let picture = jpeg_with(&[0x55; 400_000]);
    camera.stream(20, vec![picture]);
    // Neither reads.
    let mut client = Client::connect_small(relay.address).await;
    client.ask("GET", "/stream").await;
    client.head().await;
    let small = Client::connect_small(relay.address).await;
    let mut socket = Socket::over(small.stream, relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    let skipped = |route| {
        format!(r#"sightline_relay_frames_skipped_total{{camera="farm/gate",route="{route}"}}"#)
    };
    for route in ["multipart", "websocket"] {
        eventually("both are stuck", async || {
            let series = skipped(route);
            let sent = series.replace("skipped", "sent");
            relay.metric(&sent).await > 0.5
                && relay
                    .metric(r#"sightline_relay_frames_received_total{camera="farm/gate"}"#)
                    .await
                    > relay.metric(&sent).await + 5.0
        })
        .await;
    }
    relay.stop();
    let start = Instant::now();
    relay.ended().await;
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(250) && took < Duration::from_secs(3),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_connection_that_is_still_open_learns_that_the_relay_is_leaving() {
    let relay = Relay::start().await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.stream(20, vec![jpeg(1)]);
    // Two requests at once: the second is answered after the stream has ended.
    let mut client = Client::connect(relay.address).await;
    client
        .send("GET /stream HTTP/1.1\r\nHost: relay\r\n\r\n")
        .await;
    client.head().await;
    client.until(b"\xff\xd9").await;
    relay.stop();
    let rest = client.rest().await;
    assert!(rest.ends_with(BOUNDARY.as_bytes()), "{rest:?}");
}
