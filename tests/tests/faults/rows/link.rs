//! Sites whose uplink is cut, narrow, and lossy: hosts of their own, behind one link. These need root.

use std::time::{Duration, Instant};

use anyhow::Result;
use sightline_tests::{
    fleet::{Publisher, Relay, SOON},
    namespace::Namespace,
    nats::{Server, Version},
    port,
    process::{Launch, Process},
};
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    glass,
    measured::Measured,
    stage::{Before, CAMERA, FPS, SOURCE, STEADY, publisher_launch, start_relays, steady},
    viewer::Viewer,
    witness::{Memory, Readiness},
};

pub(super) fn rows() -> Vec<Row> {
    macro_rules! cut {
        ($name:literal, $seconds:literal) => {
            Row {
                name: $name,
                fault: concat!("publisher cut from NATS for ", $seconds, " s"),
                target: "back within 5 s, memory grows at most 2 MB",
                figure: "back after",
                // It needs root.
                slow: true,
                once: false,
                run: || Box::pin(cut(Duration::from_secs($seconds))),
            }
        };
    }
    vec![
        cut!("publisher-cut-3", 3),
        cut!("publisher-cut-10", 10),
        cut!("publisher-cut-60", 60),
        Row {
            name: "uplink-narrow",
            fault: "uplink of 2 Mbit/s for a stream of 8, for 20 s",
            target: "whole frames dropped at the publisher, age at p95 at most 500 ms",
            figure: "p95 of age",
            slow: true,
            once: false,
            run: || Box::pin(narrow()),
        },
        Row {
            name: "uplink-loss",
            fault: "2 % packet loss each way between publisher and NATS, for 30 s",
            target: "age at p95 at most 1 s",
            figure: "p95 of age",
            slow: true,
            once: false,
            run: || Box::pin(lossy()),
        },
        Row {
            name: "leaf-cut",
            fault: "leaf link cut for 60 s",
            target: "live again within 3 s of its return",
            figure: "back after",
            slow: true,
            once: false,
            run: || Box::pin(leaf()),
        },
    ]
}

/// A publisher on a host of its own; the server is here, with a relay.
struct Site {
    host: Namespace,
    publisher: Publisher,
    relay: Relay,
    readiness: Readiness,
    viewer: Viewer,
    _server: Server,
}

impl Site {
    async fn start(source: &str) -> Result<Self> {
        let host = Namespace::create()?;
        let (version, outside) = (Version::Current, host.outside());
        let server =
            Server::start_at(version, &outside, &version.shipped(), Launch::default()).await;
        let inside = host.enter(publisher_launch());
        let publisher = Publisher::launch(&server.url(), "farm", &[("gate", source)], inside);
        let relay = start_relays(&server.url(), 1).await.remove(0);
        let readiness = Readiness::watch(relay.address());
        let viewer = Viewer::reading(&[relay.address()], CAMERA);
        steady(&viewer).await;
        Ok(Self {
            host,
            publisher,
            relay,
            readiness,
            viewer,
            _server: server,
        })
    }

    fn ours(&mut self) -> Vec<(String, &Process)> {
        vec![
            ("relay".into(), &*self.relay.process()),
            ("publisher".into(), &*self.publisher.process()),
        ]
    }
}

const MOST_GROWTH_BYTES: f64 = 2e6;

async fn cut(time: Duration) -> Result<Measured> {
    let mut site = Site::start(SOURCE).await?;
    let before = Before::of(&site.ours())?;
    let memory = Memory::before(site.publisher.process())?;
    let cut = Instant::now();
    site.host.cut()?;
    let mut growth = 0;
    while cut.elapsed() < time {
        sleep(Duration::from_millis(200)).await;
        growth = growth.max(memory.growth_now(site.publisher.process())?);
    }
    let healed = Instant::now();
    site.host.heal()?;
    let back = site.viewer.until_live(healed, LONG, |_| true).await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    measured.recovery(back.at - healed, Duration::from_secs(5));
    measured.at_most(
        "publisher grew by kB",
        growth as f64 / 1e3,
        MOST_GROWTH_BYTES / 1e3,
    );
    measured.glass(
        &glass::between(&site.viewer.seen(), back.at, Instant::now()),
        FPS,
    );
    let all = site.viewer.seen();
    measured.stale_shown = glass::stale_shown(&all);
    measured.must(site.readiness.held(cut), "the relay said it was not ready");
    before.compare(&site.ours(), &mut measured).await?;
    Ok(measured)
}

/// About 8 Mbit/s: 24 pictures of 41 kB.
const WIDE: &str = "test://?size=960x540&fps=24";
const NARROW_KBIT: u32 = 2_000;
const NARROW_FOR: Duration = Duration::from_secs(20);

async fn narrow() -> Result<Measured> {
    let mut site = Site::start(WIDE).await?;
    let (sent_before, start) = (site.host.traffic_bytes()?.0, Instant::now());
    sleep(STEADY).await;
    let sent = site.host.traffic_bytes()?.0 - sent_before;
    let offered = sent as f64 * 8.0 / start.elapsed().as_secs_f64();
    let before = Before::of(&site.ours())?;
    let from = Instant::now();
    site.host.limit_uplink(NARROW_KBIT)?;
    sleep(NARROW_FOR).await;

    let mut measured = Measured::default();
    let seen = glass::between(&site.viewer.seen(), from, Instant::now());
    let p95 = Duration::from_secs_f64(glass::age_ms(&seen, 0.95) / 1e3);
    measured.recovery(p95, Duration::from_millis(500));
    measured.figure("offered kbit/s", offered / 1e3);
    measured.figure("shown/s", seen.len() as f64 / NARROW_FOR.as_secs_f64());
    measured.glass(&seen, 24.0);
    measured.must(!seen.is_empty(), "nothing was shown");
    let camera = site.relay.camera(CAMERA).await?;
    let dropped = camera["dropped"]["congested"].as_u64().unwrap_or_default();
    measured.must(
        dropped > 0,
        format!("the publisher says it dropped nothing: {camera}"),
    );
    let metrics = site.relay.get("/metrics").await?;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let incomplete = metrics
        .lines()
        .find(|line| line.contains("frames_dropped_total") && line.contains("incomplete"));
    measured.must(
        incomplete.is_none(),
        format!("parts of frames came: {incomplete:?}"),
    );
    before.compare(&site.ours(), &mut measured).await?;
    Ok(measured)
}

const LOSS: f64 = 0.02;
const LOSSY_FOR: Duration = Duration::from_secs(30);

async fn lossy() -> Result<Measured> {
    let mut site = Site::start("test://?size=640x360&fps=20").await?;
    let before = Before::of(&site.ours())?;
    let from = Instant::now();
    site.host.lose(LOSS)?;
    sleep(LOSSY_FOR).await;

    let mut measured = Measured::default();
    let seen = glass::between(&site.viewer.seen(), from, Instant::now());
    let p95 = Duration::from_secs_f64(glass::age_ms(&seen, 0.95) / 1e3);
    measured.recovery(p95, Duration::from_secs(1));
    measured.glass(&seen, FPS);
    measured.must(!seen.is_empty(), "nothing was shown");
    measured.must(site.readiness.held(from), "the relay said it was not ready");
    before.compare(&site.ours(), &mut measured).await?;
    Ok(measured)
}

const LEAF_CUT_FOR: Duration = Duration::from_secs(60);

async fn leaf() -> Result<Measured> {
    let host = Namespace::create()?;
    let (version, leaf_port) = (Version::Current, port::free());
    let shipped = version.shipped();
    let hub = format!(
        "{shipped}\nleafnodes {{ listen: \"{}:{leaf_port}\", compression: off }}\n",
        host.outside()
    );
    let hub = Server::start(version, &hub).await;
    // As in deploy/nats/leaf.conf, without its TLS.
    let leaf = format!(
        "{shipped}\nleafnodes {{ reconnect: \"250ms\", remotes: [{{ url: \"nats://{}:{leaf_port}\", compression: off }}] }}\n",
        host.outside()
    );
    let inside = host.enter(Launch::default());
    let leaf = Server::start_at(version, &host.inside(), &leaf, inside).await;
    let inside = host.enter(publisher_launch());
    let mut publisher = Publisher::launch(&leaf.url(), "farm", &[("gate", SOURCE)], inside);
    let mut relay = start_relays(&hub.url(), 1).await.remove(0);
    let viewer = Viewer::reading(&[relay.address()], CAMERA);
    viewer.until_live(Instant::now(), SOON, |_| true).await;
    sleep(STEADY).await;
    let programs = vec![
        ("relay".to_owned(), &*relay.process()),
        ("publisher".to_owned(), &*publisher.process()),
    ];
    let before = Before::of(&programs)?;
    host.cut()?;
    sleep(LEAF_CUT_FOR).await;
    let healed = Instant::now();
    host.heal()?;
    let wait = Duration::from_secs(90);
    let back = viewer.until_live(healed, wait, |_| true).await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    measured.recovery(back.at - healed, Duration::from_secs(3));
    measured.glass(
        &glass::between(&viewer.seen(), back.at, Instant::now()),
        FPS,
    );
    measured.stale_shown = glass::stale_shown(&viewer.seen());
    before.compare(&programs, &mut measured).await?;
    Ok(measured)
}
