//! Many viewers of one relay, some of which do not read.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use sightline_tests::{fleet::SOON, watch::Watch};
use tokio::{net::TcpSocket, time::sleep};

use super::Row;
use crate::{
    glass,
    measured::Measured,
    stage::{Before, CAMERA, STEADY, Stage},
    viewer::{Viewer, Wish},
    witness::Memory,
};

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        name: "viewers-slow",
        fault: "10 % slow viewers of 200: they take nothing for 15 s",
        target: "the others lose nothing; at most two frames and 256 KiB held per slow one",
        figure: "longest gap of the others",
        slow: true,
        once: false,
        run: || Box::pin(slow()),
    }]
}

const OTHERS: usize = 180;
const SLOW: usize = 20;
const SLOW_FOR: Duration = Duration::from_secs(15);
const CROWD_FPS: f64 = 10.0;
const CROWD_SOURCE: &str = "test://?size=320x180&fps=10";
const HELD_BYTES: f64 = 256.0 * 1024.0;

/// Little of what is sent waits on a slow viewer's side.
const RECEIVE_BUFFER_BYTES: u32 = 16 << 10;

async fn slow() -> Result<Measured> {
    let mut stage = Stage::start_with(1, CROWD_SOURCE).await;
    let address = stage.relays[0].address().to_owned();
    let others: Vec<_> = (0..OTHERS)
        .map(|n| {
            Viewer::start(Wish {
                relays: vec![address.clone()],
                camera: CAMERA.into(),
                reads: n == 0,
            })
        })
        .collect();
    for viewer in &others {
        viewer.until_live(Instant::now(), SOON, |_| true).await;
    }
    sleep(2 * STEADY).await;
    let frame_bytes = frame_bytes(&stage).await?;
    let before = Before::of(&stage.ours())?;
    let memory = Memory::before(stage.relays[0].process())?;
    let from = Instant::now();
    let mut silent = Vec::new();
    let mut ports = HashSet::new();
    for _ in 0..SLOW {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        let stream = socket.connect(address.parse()?).await?;
        ports.insert(stream.local_addr()?.port());
        let mut watch = Watch::over(stream, &address).await?;
        watch.subscribe(CAMERA).await?;
        silent.push(watch);
    }
    let mut queued = 0;
    while from.elapsed() < SLOW_FOR {
        sleep(Duration::from_millis(500)).await;
        queued = queued.max(send_queues(&ports)?);
    }
    let growth = memory.growth_now(stage.relays[0].process())?.max(0);
    let until = Instant::now();
    drop(silent);
    sleep(STEADY).await;

    let mut measured = Measured::default();
    for viewer in &others {
        let seen = glass::between(&viewer.seen(), from, until);
        measured.glass(&seen, CROWD_FPS);
        measured.recovery(glass::gap(&seen, from), Duration::from_secs(1));
        let missing = glass::missing(&seen);
        measured.figure("frames that one of the others lacks", missing as f64);
        measured.must(
            missing == 0,
            format!("one of the others lacks {missing} frames"),
        );
    }
    measured.figure("of it in the kernel kB", queued as f64 / SLOW as f64 / 1e3);
    measured.at_most(
        "held per slow one kB",
        (growth as f64 + queued as f64) / SLOW as f64 / 1e3,
        (HELD_BYTES + 2.0 * frame_bytes) / 1e3,
    );
    measured.must(
        stage.readiness[0].held(from),
        "the relay said it was not ready",
    );
    before.compare(&stage.ours(), &mut measured).await?;
    Ok(measured)
}

async fn frame_bytes(stage: &Stage) -> Result<f64> {
    let path = format!("/api/cameras/{CAMERA}/snapshot.jpg");
    Ok(stage.relays[0].get(&path).await?.body.len() as f64)
}

/// Bytes that the kernel holds for these viewers, on the relay's side.
fn send_queues(viewers: &HashSet<u16>) -> Result<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let mut sum = 0;
    for line in table.lines().skip(1) {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (remote, queues) = (fields.get(2), fields.get(4));
        let (remote, queues) = remote
            .zip(queues)
            .context("another form of /proc/net/tcp")?;
        let (_, port) = remote.rsplit_once(':').context("no port")?;
        if viewers.contains(&u16::from_str_radix(port, 16)?) {
            let (send, _) = queues.split_once(':').context("no queue")?;
            sum += u64::from_str_radix(send, 16)?;
        }
    }
    Ok(sum)
}
