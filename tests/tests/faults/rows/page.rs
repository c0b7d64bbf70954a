//! What the page in Chromium shows while relays leave and die behind a load balancer.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use sightline_tests::{
    browser::{Chromium, INSECURE_HOST, Page, Record, SOON},
    haproxy,
    process::Process,
};
use tempfile::TempDir;
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    measured::Measured,
    stage::{Before, CAMERA, STEADY, Stage},
};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "page-term",
            fault: "relay SIGTERM behind haproxy, a page on it: JPEG on the wall, H.264 by WebCodecs, by Media Source",
            target: "gap on the screen at most 200 ms, always live",
            figure: "longest gap",
            slow: true,
            once: false,
            run: || Box::pin(faults(Fault::Term)),
        },
        Row {
            name: "page-kill",
            fault: "the same, relay `kill -9`",
            target: "another picture within 2 s; no reload, no blank picture",
            figure: "longest gap",
            slow: true,
            once: false,
            run: || Box::pin(faults(Fault::Kill)),
        },
        Row {
            name: "page-rolling",
            fault: "the same, all relays restarted, one after the other",
            target: "no gap of more than 2 s; no reload, no blank picture",
            figure: "longest gap",
            slow: true,
            once: false,
            run: || Box::pin(faults(Fault::Rolling)),
        },
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Term,
    Kill,
    Rolling,
}

impl Fault {
    fn longest_gap(self) -> Duration {
        match self {
            Fault::Term => Duration::from_millis(200),
            Fault::Kill | Fault::Rolling => Duration::from_secs(2),
        }
    }
}

/// How a page gets its pictures: name, host, path.
const WAYS: [(&str, &str, &str); 3] = [
    ("wall ms", "127.0.0.1", "/"),
    ("WebCodecs ms", "127.0.0.1", "/watch/farm/gate"),
    ("Media Source ms", INSECURE_HOST, "/watch/farm/gate"),
];

const RELAYS: usize = 2;

/// How exactly gaps are measured.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Until haproxy, which asks every second, passes viewers on to a relay that was started again.
const KNOWN_AGAIN: Duration = Duration::from_secs(4);

async fn faults(fault: Fault) -> Result<Measured> {
    let mut stage = Stage::start(RELAYS).await;
    let folder = TempDir::new()?;
    let (_balancer, address) =
        haproxy::start(&stage.relays.iter().collect::<Vec<_>>(), folder.path()).await;
    let (_, port) = address.split_once(':').context("no port")?;
    let chromium = Chromium::start().await;
    let mut measured = Measured::default();
    for (way, host, path) in WAYS {
        let page = chromium.open(&format!("http://{host}:{port}{path}")).await;
        page.until_moving(&[CAMERA], SOON).await;
        page.mark().await;
        sleep(STEADY).await;
        let before = Before::of(&stage.ours_after_takeover())?;
        page.record_every(LOOK_EVERY).await;
        match fault {
            Fault::Rolling => {
                for relay in 0..RELAYS {
                    leave_and_return(&mut stage, relay, Fault::Term, &mut measured).await;
                }
            }
            Fault::Term | Fault::Kill => {
                let relay = watched(&stage).await?;
                leave_and_return(&mut stage, relay, fault, &mut measured).await;
            }
        }
        page.until_moving(&[CAMERA], SOON).await;
        judge(&page, fault, way, &mut measured).await;
        before.compare(&stage.ours(), &mut measured).await?;
        page.tab().clone().close().await?;
    }
    Ok(measured)
}

/// The relay that has the page's viewer.
async fn watched(stage: &Stage) -> Result<usize> {
    let start = Instant::now();
    while start.elapsed() < SOON {
        for (n, relay) in stage.relays.iter().enumerate() {
            if relay.camera(CAMERA).await?["viewers"] == 1 {
                return Ok(n);
            }
        }
        sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("no relay has a viewer")
}

async fn leave_and_return(stage: &mut Stage, relay: usize, fault: Fault, measured: &mut Measured) {
    let relay = &mut stage.relays[relay];
    if fault == Fault::Kill {
        relay.kill();
        sleep(STEADY).await;
    } else {
        let code = end(relay.process()).await;
        measured.must(code == Some(0), format!("the relay ended with {code:?}"));
    }
    relay.restart();
    relay.until_ready().await;
    sleep(KNOWN_AGAIN).await;
}

async fn end(relay: &mut Process) -> Option<i32> {
    relay.signal(Signal::TERM).ok()?;
    relay.until_ended(LONG).await.code()
}

async fn judge(page: &Page, fault: Fault, way: &str, measured: &mut Measured) {
    page.assert_kept().await;
    let seen: HashMap<String, Record> = page.recorded().await;
    measured.must(seen.len() == 1, format!("{} players", seen.len()));
    for seen in seen.values() {
        let Record {
            blanks, backwards, ..
        } = seen;
        measured.must(*blanks == 0, format!("{way}: {blanks} looks at no picture"));
        measured.must(
            *backwards == 0,
            format!("{way}: {backwards} pictures went back"),
        );
        measured.figure(way, seen.longest_ms);
        measured.lost = measured.lost.max(seen.lost);
        let longest = Duration::from_secs_f64(seen.longest_ms / 1e3);
        measured.recovery(longest, fault.longest_gap());
        // A picture that does not move for longer must say so.
        measured.stale_shown += u64::from(seen.frozen_live_ms > 1_000.0);
        if fault == Fault::Term {
            let kinds = &seen.kinds;
            measured.must(kinds == &["live"], format!("{way}: it was {kinds:?}"));
        }
    }
}
