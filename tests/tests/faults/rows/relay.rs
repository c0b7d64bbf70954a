//! Relays that die, leave, stand still, and run out of file descriptors.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use sightline_tests::{
    fleet::SOON,
    nats::{Server, Version},
};
use tokio::{net::TcpStream, time::sleep};

use super::{LONG, Row};
use crate::{
    glass::{self, quantile},
    measured::Measured,
    stage::{Before, CAMERA, FPS, STEADY, Stage, steady},
    viewer::{Viewer, Wish},
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "relay-kill",
            fault: "relay `kill -9`, two relays, 8 viewers",
            target: "viewers on the other: 1 s median, 2 s at p95, at the live edge, no repeats",
            figure: "p95 of viewers",
            slow: false,
            once: false,
            run: || Box::pin(kill()),
        },
        Row {
            name: "relay-term",
            fault: "relay SIGTERM with 100 viewers, two relays",
            target: "gap at most 200 ms; exit within 5 s",
            figure: "longest gap",
            slow: false,
            once: false,
            run: || Box::pin(term()),
        },
        Row {
            name: "relay-stopped",
            fault: "one of two relays stopped (SIGSTOP) for 10 s, nats-server 2.15",
            target: "the other's p99 of age grows by at most 5 ms",
            figure: "p99 grew by",
            slow: true,
            once: false,
            run: || Box::pin(stopped(Version::Current, 5.0)),
        },
        Row {
            name: "relay-stopped-2.9",
            fault: "the same, nats-server 2.9 with our settings",
            target: "the other's p99 of age grows by at most 10 ms",
            figure: "p99 grew by",
            slow: true,
            once: false,
            run: || Box::pin(stopped(Version::Debian, 10.0)),
        },
        Row {
            name: "relay-files",
            fault: "file descriptors of a relay exhausted",
            target: "existing streams lose nothing, accepting resumes",
            figure: "accepts again after",
            slow: false,
            once: false,
            run: || Box::pin(files()),
        },
    ]
}

const VIEWERS: usize = 8;

async fn kill() -> Result<Measured> {
    let mut stage = Stage::start(2).await;
    let viewers: Vec<_> = (0..VIEWERS).map(|_| stage.viewer(0)).collect();
    for viewer in &viewers {
        viewer.until_live(Instant::now(), SOON, |_| true).await;
    }
    sleep(STEADY).await;
    let before = Before::of(&stage.ours_after_takeover())?;
    let killed = Instant::now();
    stage.relays[0].kill();
    let mut gaps = Vec::new();
    for viewer in &viewers {
        // What was read before does not count.
        let after = killed + Duration::from_millis(100);
        viewer.until_live(after, LONG, |_| true).await;
    }
    sleep(STEADY).await;
    let mut measured = Measured::default();
    for viewer in &viewers {
        let seen = viewer.seen();
        gaps.push(glass::gap(&seen, killed).as_secs_f64());
        measured.glass(&seen, FPS);
        let repeats = glass::repeats(&glass::between(&seen, killed, Instant::now()));
        measured.must(repeats == 0, format!("{repeats} pictures came twice"));
    }
    measured.at_most("median ms", quantile(gaps.clone(), 0.5) * 1e3, 1_000.0);
    let p95 = Duration::from_secs_f64(quantile(gaps, 0.95));
    measured.recovery(p95, Duration::from_secs(2));
    measured.must(
        stage.readiness[1].held(killed),
        "the other relay said it was not ready",
    );
    stage.relays[0].restart();
    stage.relays[0].until_ready().await;
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

const LEAVING: usize = 100;

async fn term() -> Result<Measured> {
    let mut stage = Stage::start(2).await;
    let relays: Vec<_> = stage
        .relays
        .iter()
        .map(|r| r.address().to_owned())
        .collect();
    let viewers: Vec<_> = (0..LEAVING)
        .map(|n| {
            Viewer::start(Wish {
                relays: relays.clone(),
                camera: CAMERA.into(),
                reads: n < VIEWERS,
            })
        })
        .collect();
    for viewer in &viewers {
        viewer.until_live(Instant::now(), SOON, |_| true).await;
    }
    sleep(STEADY).await;
    let before = Before::of(&stage.ours_after_takeover())?;
    let told = Instant::now();
    let leaving = stage.relays[0].process();
    leaving.signal(Signal::TERM)?;
    let status = leaving.until_ended(LONG).await;
    let exit = told.elapsed();
    sleep(STEADY).await;

    let mut measured = Measured::default();
    for viewer in &viewers {
        let seen = viewer.seen();
        measured.recovery(glass::gap(&seen, told), Duration::from_millis(200));
        measured.glass(&seen, FPS);
        measured.must(
            seen.last()
                .is_some_and(|seen| seen.at > told + Duration::from_secs(1)),
            "a viewer was left without pictures",
        );
    }
    measured.at_most("exit ms", exit.as_secs_f64() * 1e3, 5_000.0);
    measured.must(status.code() == Some(0), format!("it ended with {status}"));
    stage.relays[0].restart();
    stage.relays[0].until_ready().await;
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

const STOPPED_FOR: Duration = Duration::from_secs(10);

/// Enough that a relay that takes nothing fills buffers within seconds.
const LARGE: &str = "test://?size=1280x720&fps=15";

async fn stopped(version: Version, limit_ms: f64) -> Result<Measured> {
    let server = Server::start(version, &version.shipped()).await;
    let mut stage = Stage::around(server, 2, LARGE).await;
    let (one, other) = (stage.viewer(0), stage.viewer(1));
    let from = Instant::now();
    steady(&one).await;
    steady(&other).await;
    // As long as with the fault.
    let healthy_from = Instant::now();
    sleep(STOPPED_FOR).await;
    let before = Before::of(&stage.ours())?;
    let stopped = Instant::now();
    stage.relays[0].process().signal(Signal::STOP)?;
    sleep(STOPPED_FOR).await;
    let resumed = Instant::now();
    stage.relays[0].process().signal(Signal::CONT)?;
    let back = one.until_live(resumed, LONG, |_| true).await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    let seen = other.seen();
    let healthy = glass::age_ms(&glass::between(&seen, healthy_from, stopped), 0.99);
    let during = glass::age_ms(&glass::between(&seen, stopped, resumed), 0.99);
    measured.figure("p99 before ms", healthy);
    let grew = Duration::from_secs_f64((during - healthy).max(0.0) / 1e3);
    measured.recovery(grew, Duration::from_secs_f64(limit_ms / 1e3));
    measured.figure(
        "stopped one back ms",
        (back.at - resumed).as_secs_f64() * 1e3,
    );
    measured.glass(&glass::between(&seen, from + STEADY, resumed), 15.0);
    let mut own = Measured::default();
    own.glass(&one.seen(), 15.0);
    measured.stale_shown += own.stale_shown;
    measured.broken.extend(own.broken);
    measured.must(
        stage.readiness[1].held(stopped),
        "the other relay said it was not ready",
    );
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

/// Descriptors that are left to it, and connections that come at once.
const SPARE: u64 = 5;
const RUSH: usize = 50;

/// How many files a process may open.
fn open_files_limit(pid: Option<Pid>) -> Result<Rlimit> {
    let text = std::fs::read_to_string(format!(
        "/proc/{}/limits",
        pid.context("no process")?.as_raw_nonzero()
    ))?;
    let line = text.lines().find(|line| line.starts_with("Max open files"));
    let mut words = line.context("no limit")?.split_whitespace().skip(3);
    let mut next = || words.next().and_then(|word| word.parse().ok());
    Ok(Rlimit {
        current: next(),
        maximum: next(),
    })
}

async fn files() -> Result<Measured> {
    let mut stage = Stage::start(1).await;
    let viewer = stage.steady_viewer().await;
    let before = Before::of(&stage.ours())?;
    let address = stage.relays[0].address().to_owned();
    let process = stage.relays[0].process();
    let pid = Some(process.pid());
    let most = process.open_files()? as u64 + SPARE;
    let old = open_files_limit(pid)?;
    let tight = Rlimit {
        current: Some(most),
        maximum: old.maximum,
    };
    prlimit(pid, Resource::Nofile, tight)?;
    let exhausted = Instant::now();
    let mut rush = Vec::new();
    for _ in 0..RUSH {
        rush.push(TcpStream::connect(&address).await?);
    }
    stage.relays[0]
        .process()
        .until_logged("cannot accept connections")
        .await;
    sleep(STEADY).await;
    let freed = Instant::now();
    drop(rush);
    let accepted = sightline_tests::eventually("a new viewer is accepted", LONG, async || {
        let late = Viewer::reading(&[&address], CAMERA);
        let wait = Duration::from_secs(10);
        anyhow::Ok(late.until_live(freed, wait, |_| true).await.at)
    })
    .await;
    prlimit(pid, Resource::Nofile, old).context("cannot give the descriptors back")?;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    measured.recovery(accepted - freed, Duration::from_secs(1));
    let seen = viewer.seen();
    measured.glass(&seen, FPS);
    let missing = glass::missing(&glass::between(&seen, exhausted, accepted));
    measured.must(
        missing == 0,
        format!("the existing stream lost {missing} frames"),
    );
    measured.figure("gap ms", glass::gap(&seen, exhausted).as_secs_f64() * 1e3);
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}
