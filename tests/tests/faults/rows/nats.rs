//! nats-servers that die, freeze, and are not there.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    nats::{Server, Version},
    port,
};
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    glass,
    measured::Measured,
    stage::{
        Before, CAMERA, FPS, SOURCE, STEADY, Stage, launch, publisher_launch, start_relays, steady,
    },
    viewer::Viewer,
    witness::Readiness,
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "nats-kill",
            fault: "nats-server `kill -9`, restarted after 3 s",
            target: "frames within 250 ms of its port being open, no stale burst",
            figure: "back after",
            slow: false,
            once: false,
            run: || Box::pin(kill()),
        },
        Row {
            name: "nats-frozen",
            fault: "nats-server frozen for 10 s",
            target: "noticed within 5 s, nothing stale on thaw",
            figure: "noticed after",
            slow: true,
            once: false,
            run: || Box::pin(frozen()),
        },
        Row {
            name: "nats-node",
            fault: "each of three nodes killed in turn",
            target: "gap at most 150 ms",
            figure: "longest gap",
            slow: true,
            once: false,
            run: || Box::pin(node()),
        },
        Row {
            name: "nats-late",
            fault: "NATS not there at the start, of either",
            target: "healthy, not ready; working within 500 ms of its coming",
            figure: "working after",
            slow: false,
            once: false,
            run: || Box::pin(late()),
        },
    ]
}

const AWAY: Duration = Duration::from_secs(3);

async fn kill() -> Result<Measured> {
    let mut stage = Stage::start(1).await;
    let viewer = stage.steady_viewer().await;
    let before = Before::of(&stage.ours())?;
    let killed = Instant::now();
    stage.server.kill();
    sleep(AWAY).await;
    let mut measured = Measured::default();
    measured.must(
        stage.readiness[0].unready_after(killed).is_some(),
        "the relay said it was ready without NATS",
    );
    stage.server.restart().await;
    let open = Instant::now();
    let back = viewer.until_live(open, LONG, |_| true).await;
    sleep(STEADY).await;

    measured.recovery(back.at - open, Duration::from_millis(250));
    // What was missed while it was away is no fault of ours.
    measured.glass(&glass::between(&viewer.seen(), open, Instant::now()), FPS);
    measured.must(
        stage.readiness[0].held(Instant::now()),
        "the relay does not say it is ready again",
    );
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

const FROZEN: Duration = Duration::from_secs(10);

async fn frozen() -> Result<Measured> {
    let mut stage = Stage::start(1).await;
    let viewer = stage.steady_viewer().await;
    let before = Before::of(&stage.ours())?;
    let frozen = Instant::now();
    stage.server.freeze();
    sleep(FROZEN).await;
    let thawed = Instant::now();
    stage.server.thaw();
    let back = viewer.until_live(thawed, LONG, |_| true).await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    let noticed = stage.readiness[0].unready_after(frozen);
    measured.must(
        noticed.is_some_and(|after| after < FROZEN),
        "nobody noticed",
    );
    measured.recovery(noticed.unwrap_or(FROZEN), Duration::from_secs(5));
    measured.figure("back after thaw ms", (back.at - thawed).as_secs_f64() * 1e3);
    measured.glass(&glass::between(&viewer.seen(), thawed, Instant::now()), FPS);
    measured.must(
        stage.readiness[0].held(Instant::now()),
        "the relay does not say it is ready again",
    );
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

/// Three servers that know each other.
async fn cluster() -> Vec<Server> {
    let ports = [port::free(), port::free(), port::free()];
    let routes: Vec<_> = ports
        .iter()
        .map(|p| format!("\"nats://127.0.0.1:{p}\""))
        .collect();
    let mut nodes = Vec::new();
    for own in ports {
        let config = format!(
            "{}\ncluster {{ name: sightline, listen: \"127.0.0.1:{own}\", compression: off, routes: [{}] }}\n",
            Version::Current.shipped(),
            routes.join(", "),
        );
        nodes.push(Server::start(Version::Current, &config).await);
    }
    nodes
}

/// Until a node that was started again and the others know each other: until then it has no pictures to give.
const MEETING: Duration = Duration::from_secs(5);

async fn node() -> Result<Measured> {
    let mut nodes = cluster().await;
    let url = nodes.iter().map(Server::url).collect::<Vec<_>>().join(",");
    let cameras = [("gate", SOURCE)];
    let publisher = Publisher::launch(&url, "farm", &cameras, publisher_launch());
    let relays = start_relays(&url, 1).await;
    let readiness = vec![Readiness::watch(relays[0].address())];
    let viewer = Viewer::reading(&[relays[0].address()], CAMERA);
    steady(&viewer).await;
    let mut measured = Measured::default();
    let first = Instant::now();
    // One of them is the publisher's, and one is the relay's.
    for node in &mut nodes {
        let killed = Instant::now();
        node.kill();
        viewer
            .until_live(killed + Duration::from_millis(500), LONG, |_| true)
            .await;
        sleep(STEADY).await;
        measured.recovery(
            glass::gap(&viewer.seen(), killed),
            Duration::from_millis(150),
        );
        node.restart().await;
        sleep(MEETING).await;
    }
    measured.glass(&glass::between(&viewer.seen(), first, Instant::now()), FPS);
    drop((publisher, readiness));
    Ok(measured)
}

async fn late() -> Result<Measured> {
    let mut server = Server::start(Version::Current, &Version::Current.shipped()).await;
    server.kill();
    let url = server.url();
    let cameras = [("gate", SOURCE)];
    let _publisher = Publisher::launch(&url, "farm", &cameras, publisher_launch());
    let relay = Relay::launch(&url, launch());
    let status = async |path: &str| anyhow::Ok(relay.get(path).await?.status.as_u16());
    eventually("the relay answers", SOON, async || status("/healthz").await).await;
    let mut measured = Measured::default();
    measured.must(
        status("/healthz").await? == 200,
        "the relay says it is not well",
    );
    measured.must(
        status("/readyz").await? == 503,
        "the relay says it is ready",
    );
    let viewer = Viewer::reading(&[relay.address()], CAMERA);
    sleep(AWAY).await;
    server.restart().await;
    let open = Instant::now();
    let first = viewer.until_live(open, LONG, |_| true).await;
    measured.recovery(first.at - open, Duration::from_millis(500));
    sleep(STEADY).await;
    measured.glass(&viewer.seen(), FPS);
    eventually("the relay is ready", SOON, async || {
        let status = status("/readyz").await?;
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await;
    Ok(measured)
}
