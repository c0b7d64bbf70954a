//! A viewer that does not read harms nobody but itself.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use sightline_bus::{Bus, Delivery, Options, Subscription};
use sightline_proto::{CameraName, Frame, JPEG, Message as _, subject::Topic};
use sightline_tests::{
    fleet::{Publisher, Relay},
    http, mjpeg,
    mjpeg::Stream,
    nats::{Server, Version},
    watch::Watch,
};

use crate::quiet::steady;

const BASELINE: Duration = Duration::from_secs(15);
const STUCK: Duration = Duration::from_secs(60);
const OTHERS: usize = 3;
const MORE_MEMORY_BYTES: u64 = 8 << 20;

#[tokio::test]
async fn a_viewer_that_stops_reading_costs_the_others_nothing_and_the_relay_no_memory() {
    let _machine = steady().await;
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
    let mut published = published(&server).await;
    let before = shares(&mut others, &mut published, BASELINE).await;
    let memory_before = relay.process().memory_bytes().unwrap();

    let path = mjpeg::path("farm/gate");
    let _silent_stream = http::open(relay.address(), &path).await.unwrap();
    let mut silent_watch = Watch::open(relay.address()).await.unwrap();
    silent_watch.subscribe("farm/gate").await.unwrap();
    let during = shares(&mut others, &mut published, STUCK).await;
    let memory_after = relay.process().memory_bytes().unwrap();

    println!("{before:?} of the camera's frames before, {during:?} during");
    println!("{memory_before} bytes before, {memory_after} after");
    for (before, during) in before.iter().zip(&during) {
        assert!(
            *before > 0.98 && *during > 0.98,
            "{before} before, {during} during"
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

/// The camera's frames on the bus: the machine may be too busy for the camera itself.
async fn published(server: &Server) -> Subscription {
    let options = Options {
        url: server.url(),
        ..Options::default()
    };
    let bus = Bus::connect(&options).await.unwrap();
    let camera: CameraName = "farm/gate".parse().unwrap();
    let subject = Topic::Frame(camera, JPEG.parse().unwrap()).subject();
    bus.subscribe(&subject.into()).await.unwrap()
}

/// How many of the frames that were published in `time` each viewer got: 1 for all of them.
async fn shares(viewers: &mut [Stream], published: &mut Subscription, time: Duration) -> Vec<f64> {
    let end = Instant::now() + time;
    // Of what came meanwhile, and waits to be read, nothing counts.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let counting = viewers.iter_mut().map(|viewer| async move {
        let mut frames = 0;
        while Instant::now() < end {
            let part = viewer.next().await.unwrap();
            assert_eq!(part.stale, None);
            frames += u32::from(part.capture >= now);
        }
        f64::from(frames)
    });
    let publishing = async {
        let start = i64::try_from(now.as_micros()).unwrap();
        let mut frames = 0;
        while Instant::now() < end {
            let Some(Delivery::Message(message)) = published.next().await else {
                panic!("the control lost frames");
            };
            let frame = Frame::decode(message.payload).unwrap();
            frames += u32::from(frame.part == 0 && frame.capture_time_us >= start);
        }
        f64::from(frames)
    };
    let (frames, published) = tokio::join!(join_all(counting), publishing);
    frames.iter().map(|frames| frames / published).collect()
}
