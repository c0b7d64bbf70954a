//! What only many of something show: a site's uplink, four relays behind a load balancer, a hundred cameras.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    haproxy,
    namespace::Namespace,
    nats::{Server, Version},
    port,
    process::{Launch, Process, root},
};
use tempfile::TempDir;
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    glass,
    measured::Measured,
    stage::{CAMERA, FPS, SOURCE, STEADY, publisher_launch, start_relays},
    viewer::{Viewer, Wish},
    witness::Memory,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "site-uplink",
            fault: "a site with 10 cameras: nobody watches; then one camera is watched on three relays",
            target: "under 2 kB/s; one stream crosses",
            figure: "first picture after",
            slow: true,
            once: false,
            run: || Box::pin(uplink()),
        },
        Row {
            name: "four-relays",
            fault: "two of four relays behind haproxy killed, 200 viewers",
            target: "spread; all 200 moving again within 3 s",
            figure: "longest gap",
            slow: true,
            once: false,
            run: || Box::pin(four()),
        },
        Row {
            name: "hundred-cameras",
            fault: "a page goes through 100 cameras of one publisher, 12 at a time, for 10 minutes",
            target: "each page is live within 1 s; memory flat",
            figure: "slowest page live after",
            slow: true,
            once: true,
            run: || Box::pin(hundred()),
        },
    ]
}

const CAMERAS: usize = 10;
const MEASURED_FOR: Duration = Duration::from_secs(10);
const MOST_IDLE: f64 = 2_000.0;

/// More than the packets of one stream may vary from one time to the next.
const ONE_STREAM: f64 = 1.2;

async fn uplink() -> Result<Measured> {
    let host = Namespace::create()?;
    let (version, outside) = (Version::Current, host.outside());
    let server = Server::start_at(version, &outside, &version.shipped(), Launch::default()).await;
    let names: Vec<_> = (1..CAMERAS).map(|n| format!("camera-{n}")).collect();
    let mut cameras = vec![("gate", SOURCE)];
    cameras.extend(names.iter().map(|name| (name.as_str(), SOURCE)));
    let inside = host.enter(publisher_launch());
    let _publisher = Publisher::launch(&server.url(), "farm", &cameras, inside);
    let relays = start_relays(&server.url(), 3).await;
    sleep(STEADY).await;
    let idle = rate(&host).await?;
    let asked = Instant::now();
    let first = Viewer::reading(&[relays[0].address()], CAMERA);
    let shown = first.until_live(asked, SOON, |_| true).await;
    sleep(STEADY).await;
    let one = rate(&host).await?;
    let more: Vec<_> = relays[1..]
        .iter()
        .map(|relay| Viewer::reading(&[relay.address()], CAMERA))
        .collect();
    for viewer in &more {
        viewer.until_live(Instant::now(), SOON, |_| true).await;
    }
    sleep(STEADY).await;
    let three = rate(&host).await?;

    let mut measured = Measured::default();
    measured.recovery(shown.at - asked, Duration::from_secs(1));
    measured.at_most("nobody watches, bytes/s", idle, MOST_IDLE);
    measured.figure("one relay, kB/s", one / 1e3);
    measured.figure("three relays, kB/s", three / 1e3);
    measured.must(three < one * ONE_STREAM, "more than one stream crosses");
    measured.glass(&first.seen(), FPS);
    Ok(measured)
}

/// Bytes a second out of the host.
async fn rate(host: &Namespace) -> Result<f64> {
    let (before, from) = (host.traffic_bytes()?.0, Instant::now());
    sleep(MEASURED_FOR).await;
    let sent = host.traffic_bytes()?.0 - before;
    Ok(sent as f64 / from.elapsed().as_secs_f64())
}

const CROWD: usize = 200;

async fn four() -> Result<Measured> {
    let version = Version::Current;
    let server = Server::start(version, &version.shipped()).await;
    let source = "test://?size=320x180&fps=10";
    let cameras = [("gate", source)];
    let _publisher = Publisher::launch(&server.url(), "farm", &cameras, publisher_launch());
    let mut relays = start_relays(&server.url(), 4).await;
    let folder = TempDir::new()?;
    let (_balancer, address) =
        haproxy::start(&relays.iter().collect::<Vec<_>>(), folder.path()).await;
    let viewers: Vec<_> = (0..CROWD)
        .map(|n| {
            Viewer::start(Wish {
                relays: vec![address.clone()],
                camera: CAMERA.into(),
                reads: n < 4,
            })
        })
        .collect();
    for viewer in &viewers {
        viewer.until_live(Instant::now(), LONG, |_| true).await;
    }
    sleep(STEADY).await;
    let mut measured = Measured::default();
    for relay in &relays {
        let has = relay.camera(CAMERA).await?["viewers"]
            .as_u64()
            .unwrap_or_default();
        measured.must(
            (30..=70).contains(&has),
            format!("a relay has {has} viewers of {CROWD}"),
        );
    }
    let killed = Instant::now();
    for relay in &mut relays[..2] {
        relay.kill();
    }
    for viewer in &viewers {
        let after = killed + Duration::from_millis(200);
        viewer.until_live(after, LONG, |_| true).await;
    }
    sleep(STEADY).await;
    for viewer in &viewers {
        let seen = viewer.seen();
        measured.recovery(glass::gap(&seen, killed), Duration::from_secs(3));
        measured.glass(&seen, 10.0);
    }
    Ok(measured)
}

const HUNDRED: usize = 100;
const PAGE: usize = 12;
const PAGED_FOR: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(2_500);
/// Rounds until programs hold what they will hold.
const WARM: Duration = Duration::from_secs(30);

async fn hundred() -> Result<Measured> {
    let version = Version::Current;
    let server = Server::start(version, &version.shipped()).await;
    let names: Vec<_> = (1..HUNDRED).map(|n| format!("camera-{n}")).collect();
    let source = "test://?size=160x90&fps=5";
    let mut cameras = vec![("gate", source)];
    cameras.extend(names.iter().map(|name| (name.as_str(), source)));
    let mut publisher = Publisher::launch(&server.url(), "farm", &cameras, publisher_launch());
    let mut relay = start_relays(&server.url(), 1).await.remove(0);
    let names: Vec<_> = cameras
        .iter()
        .map(|(name, _)| format!("farm/{name}"))
        .collect();
    for name in &names {
        relay.until_online(name).await;
    }
    let mut measured = Measured::default();
    let start = Instant::now();
    let mut memory = None;
    let mut at = 0;
    while start.elapsed() < PAGED_FOR {
        let turned = Instant::now();
        let page: Vec<_> = (0..PAGE)
            .map(|n| Viewer::reading(&[relay.address()], &names[(at + n) % names.len()]))
            .collect();
        at += PAGE;
        for tile in &page {
            let live = tile.until_live(turned, SOON, |_| true).await;
            measured.recovery(live.at - turned, Duration::from_secs(1));
        }
        sleep(LOOK.saturating_sub(turned.elapsed())).await;
        for tile in &page {
            measured.glass(&tile.seen(), 5.0);
        }
        if memory.is_none() && start.elapsed() > WARM {
            let of = |process: &Process| Memory::before(process);
            memory = Some((of(relay.process())?, of(publisher.process())?));
        }
    }
    let (of_relay, of_publisher) = memory.context("it was too short")?;
    for (name, memory, process) in [
        ("relay", of_relay, relay.process()),
        ("publisher", of_publisher, publisher.process()),
    ] {
        let (growth, is_flat) = memory.after(process).await?;
        measured.rss_growth = measured.rss_growth.max(growth);
        measured.must(is_flat, format!("the {name} grew by {growth} bytes"));
    }
    Ok(measured)
}
