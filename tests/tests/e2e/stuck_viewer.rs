//! A viewer that does not read harms nobody but itself.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use sightline_tests::{
    fleet::{Publisher, Relay},
    http, mjpeg,
    mjpeg::Stream,
    nats::{Server, Version},
    watch::Watch,
};

use crate::quiet::alone;

const BASELINE: Duration = Duration::from_secs(15);
const STUCK: Duration = Duration::from_secs(60);
const OTHERS: usize = 3;
/// Of the rate before.
const WITHIN: f64 = 0.02;
const MORE_MEMORY_BYTES: u64 = 8 << 20;

#[tokio::test]
async fn a_viewer_that_stops_reading_costs_the_others_nothing_and_the_relay_no_memory() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    // They would be sent away after half a minute: here they stay to the end.
    let stay = [
        ("SIGHTLINE_HTTP__STALL_TIMEOUT_MS", "120000"),
        ("SIGHTLINE_HTTP__PING_INTERVAL_MS", "60000"),
    ];
    let mut relay = Relay::start_with(&server.url(), &stay).await;
    let source = "test://?size=1280x720&fps=20";
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", source)]);
    relay.until_online("farm/gate").await;
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        others.push(Stream::open(relay.address(), "farm/gate").await.unwrap());
    }
    let before = rates(&mut others, BASELINE).await;
    let memory_before = relay.process().memory_bytes().unwrap();

    let path = mjpeg::path("farm/gate");
    let _silent_stream = http::open(relay.address(), &path).await.unwrap();
    let mut silent_watch = Watch::open(relay.address()).await.unwrap();
    silent_watch.subscribe("farm/gate").await.unwrap();
    let during = rates(&mut others, STUCK).await;
    let memory_after = relay.process().memory_bytes().unwrap();

    println!("{before:?} frames per second before, {during:?} during");
    println!("{memory_before} bytes before, {memory_after} after");
    for (before, during) in before.iter().zip(&during) {
        assert!(
            (during / before - 1.0).abs() < WITHIN,
            "{before} frames per second before, {during} during"
        );
    }
    assert!(
        memory_after < memory_before + MORE_MEMORY_BYTES,
        "{memory_before} bytes before, {memory_after} after"
    );
    let camera = relay.camera("farm/gate").await.unwrap();
    assert_eq!(
        camera["viewers"],
        OTHERS + 2,
        "the silent ones are still there"
    );
}

/// Frames per second of each viewer in the next `time`, from the first frame to the last.
async fn rates(viewers: &mut [Stream], time: Duration) -> Vec<f64> {
    let end = Instant::now() + time;
    // What came meanwhile, and waits to be read, does not count.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let counting = viewers.iter_mut().map(|viewer| async move {
        let (mut first, mut last, mut intervals) = (None, Duration::ZERO, -1);
        while Instant::now() < end {
            let part = viewer.next().await.unwrap();
            assert_eq!(part.stale, None);
            if part.capture >= now {
                first.get_or_insert(part.capture);
                last = part.capture;
                intervals += 1;
            }
        }
        f64::from(intervals) / (last - first.unwrap()).as_secs_f64()
    });
    join_all(counting).await
}
