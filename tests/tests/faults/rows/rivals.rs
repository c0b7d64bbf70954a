//! Two publishers with one camera's name.

use std::time::{Duration, Instant};

use anyhow::Result;
use sightline_tests::fleet::Publisher;
use tokio::time::sleep;

use super::Row;
use crate::{
    glass,
    measured::Measured,
    stage::{FPS, SOURCE, Stage, publisher_launch},
};

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        name: "two-publishers",
        fault: "two publishers with one camera's name, for 20 s; the winner then stands still for 2 s, twice, and is killed",
        target: "the one that started last wins; at most one switch a minute until it is gone, the other one then within 6 s; both say so",
        figure: "longest gap",
        slow: true,
        once: false,
        run: || Box::pin(rivals()),
    }]
}

const TOGETHER: Duration = Duration::from_secs(20);
const STILL: Duration = Duration::from_secs(2);
/// By when the other one is shown: relays wait for 5 s.
const GONE: Duration = Duration::from_secs(6);
const SAYS: &str = "another publisher sends a camera of this name";

async fn rivals() -> Result<Measured> {
    let mut stage = Stage::start(1).await;
    let viewer = stage.steady_viewer().await;
    let from = Instant::now();
    let cameras = [("gate", SOURCE)];
    let mut rival = Publisher::launch(&stage.server.url(), "farm", &cameras, publisher_launch());
    sleep(TOGETHER).await;
    let mut measured = Measured::default();
    let seen = glass::between(&viewer.seen(), from, Instant::now());
    measured.must(
        switches(&seen) == 1,
        format!("{} switches", switches(&seen)),
    );
    measured.must(
        seen.last().map(|seen| seen.epoch) > seen.first().map(|seen| seen.epoch),
        "the one that started first is shown",
    );
    measured.recovery(glass::gap(&seen, from), Duration::from_secs(1));
    measured.glass(&seen, FPS);
    for (name, process) in [
        ("first", stage.publisher.process()),
        ("second", rival.process()),
    ] {
        let lines = process.log();
        let said = lines.iter().filter(|line| line.contains(SAYS)).count();
        measured.must(said == 1, format!("the {name} says so {said} times"));
    }
    // A winner whose host stumbles is kept.
    for _ in 0..2 {
        rival.process().signal(rustix::process::Signal::STOP)?;
        sleep(STILL).await;
        rival.process().signal(rustix::process::Signal::CONT)?;
        sleep(2 * STILL).await;
    }
    let seen = viewer.seen();
    let all = switches(&glass::between(&seen, from, Instant::now()));
    measured.figure("switches in 32 s", all as f64);
    measured.must(all == 1, format!("{all} switches while both are there"));
    measured.stale_shown += glass::stale_shown(&seen);
    // One that is gone is not.
    let killed = Instant::now();
    rival.kill();
    sleep(GONE + STILL).await;
    let seen = viewer.seen();
    let last = seen.partition_point(|seen| seen.at < killed);
    let seen = &seen[last.saturating_sub(1)..];
    measured.must(switches(seen) == 1, "the other one is not shown");
    let gap = glass::gap(seen, killed);
    measured.at_most(
        "killed: gap ms",
        gap.as_secs_f64() * 1e3,
        GONE.as_secs_f64() * 1e3,
    );
    measured.stale_shown += glass::stale_shown(seen);
    Ok(measured)
}

fn switches(seen: &[crate::viewer::Seen]) -> usize {
    let pairs = seen.windows(2);
    pairs.filter(|pair| pair[0].epoch != pair[1].epoch).count()
}
