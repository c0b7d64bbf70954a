//! What a viewer sees of a camera that is well.

use std::time::{Duration, Instant};

use sightline_tests::{
    fleet::{Publisher, Relay},
    mjpeg::Stream,
    nats::{Server, Version},
    watch::Watch,
};

use crate::quiet::alone;

const FPS: u32 = 30;
const SECONDS: u32 = 60;

/// Every frame number comes once, in order, on both routes.
#[tokio::test]
async fn no_frame_is_lost_or_repeated_in_a_minute() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let source = format!("test://?size=320x180&fps={FPS}");
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", &source)]);
    relay.until_online("farm/gate").await;
    let wanted = FPS * SECONDS;
    let start = Instant::now();
    let (multipart, websocket) = tokio::join!(
        multipart(relay.address(), wanted),
        websocket(relay.address(), wanted)
    );
    let elapsed = start.elapsed();
    for numbers in [multipart, websocket] {
        for pair in numbers.windows(2) {
            assert_eq!(
                pair[1],
                pair[0] + 1,
                "after {} frames",
                pair[0] - numbers[0]
            );
        }
    }
    let due = Duration::from_secs(SECONDS.into());
    assert!(
        elapsed.abs_diff(due) < due / 50,
        "{wanted} frames took {elapsed:?}"
    );
}

async fn multipart(address: &str, wanted: u32) -> Vec<u32> {
    let mut stream = Stream::open(address, "farm/gate").await.unwrap();
    let mut numbers = Vec::new();
    for _ in 0..wanted {
        let part = stream.next().await.unwrap();
        assert_eq!(part.stale, None);
        numbers.push(part.number().unwrap());
    }
    numbers
}

async fn websocket(address: &str, wanted: u32) -> Vec<u32> {
    let mut watch = Watch::open(address).await.unwrap();
    watch.subscribe("farm/gate").await.unwrap();
    let mut numbers = Vec::new();
    for _ in 0..wanted {
        let frame = watch.next_frame().await.unwrap();
        assert!(!frame.stale);
        numbers.push(sightline_tests::picture::number(&frame.data).unwrap());
    }
    numbers
}
