//! What those who look after a fleet see of it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use sightline_tests::{
    eventually,
    fleet::{Relay, SOON},
    http,
    mjpeg::Stream,
    nats::{Server, Version},
    port,
    process::{self, Process, binary},
};

/// The sum of all series of a metric, labels or not.
fn total(text: &str, metric: &str) -> f64 {
    let lines = text.lines().filter_map(|line| line.strip_prefix(metric));
    lines
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

async fn metric(address: &str, metric: &str) -> anyhow::Result<f64> {
    let answer = http::get(address, "/metrics").await?;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(total(std::str::from_utf8(&answer.body)?, metric))
}

#[tokio::test]
async fn publisher_relay_and_terminal_tell_how_the_fleet_is() {
    let mut server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let metrics = format!("127.0.0.1:{}", port::free());
    let arguments = [
        "--nats",
        &server.url(),
        "--camera",
        "gate=test://?size=160x90&fps=20",
    ];
    let publisher = Process::start_with(
        "sightline-publisher",
        &binary("sightline-publisher"),
        &arguments.map(str::to_owned),
        &[("SIGHTLINE_METRICS__LISTEN", &metrics)],
    )
    .unwrap();
    relay.until_online("local/gate").await;
    assert_eq!(
        metric(&metrics, "sightline_publisher_frames_published_total")
            .await
            .unwrap(),
        0.0
    );
    let mut viewer = Stream::open(relay.address(), "local/gate").await.unwrap();
    for _ in 0..20 {
        viewer.next_fresh().await.unwrap();
    }
    for name in [
        "sightline_publisher_frames_captured_total",
        "sightline_publisher_frames_encoded_total",
        "sightline_publisher_frames_published_total",
        "sightline_publisher_frame_age_at_publish_seconds_count",
    ] {
        let count = metric(&metrics, name).await.unwrap();
        assert!(count >= 20.0, "{name}: {count}");
    }
    let transit = metric(
        relay.address(),
        "sightline_relay_frame_transit_seconds_count",
    )
    .await;
    assert!(transit.unwrap() >= 20.0);

    eventually("the relay shows the fleet", SOON, async || {
        let status = relay.get("/api/status").await?.json()?;
        let gate = &status["cameras"][0];
        ensure!(
            gate["viewers_of_all"] == 1 && gate["age_ms"].is_u64(),
            "{gate}"
        );
        anyhow::Ok(())
    })
    .await;
    let arguments = ["top", "--once", "--listen", relay.address()];
    let (code, text) = process::run(
        &binary("sightline-relay"),
        &arguments,
        Duration::from_secs(10),
    )
    .await;
    assert_eq!(code, 0, "{text}");
    let gate = text.lines().find(|line| line.starts_with("local/gate"));
    assert!(gate.is_some_and(|line| line.contains("live")), "{text}");

    // Healthy, and not ready.
    server.kill();
    eventually("the publisher is not ready", SOON, async || {
        let answer = http::get(&metrics, "/readyz").await?;
        ensure!(answer.status == 503, "{}", answer.status);
        anyhow::Ok(())
    })
    .await;
    assert_eq!(http::get(&metrics, "/healthz").await.unwrap().status, 200);
    server.restart().await;
    eventually("it is ready again, and says so", SOON, async || {
        let count = metric(&metrics, "sightline_publisher_bus_reconnects_total").await?;
        let ready = http::get(&metrics, "/readyz").await.context("no answer")?;
        ensure!(
            count == 1.0 && ready.status == 200,
            "{count} {}",
            ready.status
        );
        anyhow::Ok(())
    })
    .await;
    assert!(publisher.logged("metrics are at"));

    // Nobody there to ask.
    let nobody = format!("127.0.0.1:{}", port::free());
    let arguments = ["top", "--once", "--listen", &nobody];
    let (code, text) = process::run(
        &binary("sightline-relay"),
        &arguments,
        Duration::from_secs(10),
    )
    .await;
    assert!(
        code == 3 && text.contains("does not answer"),
        "{code} {text}"
    );
}
