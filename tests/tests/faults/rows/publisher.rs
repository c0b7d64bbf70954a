//! Publishers that die.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{LONG, Row};
use crate::{
    glass,
    measured::Measured,
    stage::{Before, FPS, STEADY, Stage},
};

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        name: "publisher-kill",
        fault: "publisher `kill -9`, restarted at once",
        target: "picture back within 1 s and the camera's own opening time; no frame of the old epoch after the new",
        figure: "back after",
        slow: false,
        once: false,
        run: || Box::pin(kill()),
    }]
}

async fn kill() -> Result<Measured> {
    let mut stage = Stage::start(1).await;
    let viewer = stage.steady_viewer().await;
    let before = Before::of(&stage.ours())?;
    let old = viewer.seen().last().map(|seen| seen.epoch);
    let killed = Instant::now();
    stage.publisher.kill();
    stage.publisher.restart();
    let back = viewer
        .until_live(killed, LONG, |seen| Some(seen.epoch) != old)
        .await;
    sleep(STEADY).await;

    let mut measured = Measured::default();
    // The test card opens at once.
    measured.recovery(back.at - killed, Duration::from_secs(1));
    measured.glass(&viewer.seen(), FPS);
    measured.figure(
        "gap ms",
        glass::gap(&viewer.seen(), killed).as_secs_f64() * 1e3,
    );
    measured.must(
        stage.readiness[0].held(killed),
        "the relay said it was not ready",
    );
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}
