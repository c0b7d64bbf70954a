//! The wall in a browser: what a page of many live cameras costs the machine that looks at it.

mod browser;
mod table;

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::{runtime, time::sleep};

use self::{
    browser::{Chromium, Tab},
    table::{Report, Row},
};
use crate::{
    fleet::Fleet,
    process::{Process, sibling},
    report,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure this alone.
    #[arg(long, value_enum)]
    only: Option<Case>,
    #[arg(long, default_value_t = 20)]
    cameras: usize,
    /// Of the cameras' pictures: about that of a tile.
    #[arg(long, default_value = "640x360")]
    size: String,
    #[arg(long, default_value_t = 15)]
    fps: u32,
    /// What the cameras send: `jpeg`, or `h264` alone.
    #[arg(long, default_value = "jpeg")]
    stream: String,
    /// How long the whole wall is watched. The other cases take 20 s each.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write `<name>.json` too: a path without its ending.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Case {
    /// Every tile can be seen.
    Whole,
    /// A small window: most tiles are scrolled away.
    Part,
    /// Another tab is in front.
    Hidden,
}

const CASES: [Case; 3] = [Case::Whole, Case::Part, Case::Hidden];

impl Case {
    /// Inside of the window, CSS pixels.
    fn window(self) -> (u32, u32) {
        match self {
            Self::Whole | Self::Hidden => (1920, 1080),
            Self::Part => (640, 480),
        }
    }
}

/// Until caches and buffers have their size.
const WARM_UP: Duration = Duration::from_secs(10);
const OTHER_CASES: Duration = Duration::from_secs(20);
/// How often memory is looked at. It is not counted as the page's work.
const MEMORY_EVERY: Duration = Duration::from_secs(60);
/// How long a page may take to show, or to stop, all that it should.
const SETTLE: Duration = Duration::from_secs(60);

/// A player, as the page tells.
#[derive(Debug, Deserialize, Serialize)]
struct Player {
    camera: String,
    seen: bool,
    live: bool,
    route: String,
    received: u64,
    shown: u64,
    dropped: std::collections::BTreeMap<String, u64>,
}

const PLAYERS: &str = include_str!("players.js");
/// Streams that the relay sends, to all its viewers.
const VIEWERS: &str = "fetch('/api/cameras').then((answer) => answer.json())\
    .then(({ cameras }) => cameras.reduce((sum, { viewers }) => sum + viewers, 0))";

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(arguments.cameras > 0, "--cameras must be at least 1");
    let fleet = Fleet::start_with(|nats| publisher(arguments, nats), arguments.cameras, 1)?;
    let url = format!("http://{}/", fleet.relays[0].address);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut rows = Vec::new();
    for case in CASES {
        if arguments.only.is_none_or(|only| only == case) {
            eprintln!("{case:?}");
            rows.push(runtime.block_on(measure(case, &url, arguments))?);
        }
    }
    let Arguments {
        cameras,
        size,
        fps,
        stream,
        ..
    } = arguments;
    let title = format!("Wall in Chromium: {cameras} cameras x {size} x {fps} fps, {stream}");
    let report = Report::new(title, rows);
    let json = serde_json::to_string(&report)?;
    if let Some(path) = &arguments.out {
        report::write(&path.with_extension("json"), &json)?;
    }
    if arguments.json {
        println!("{json}");
    } else {
        report.print();
    }
    Ok(())
}

fn publisher(arguments: &Arguments, nats: &str) -> anyhow::Result<Process> {
    let mut command = Command::new(sibling("sightline-publisher")?);
    command.args(["--nats", nats, "--site", "bench"]);
    for number in 0..arguments.cameras {
        let Arguments { size, fps, .. } = arguments;
        let source = format!("camera-{number}=test://?size={size}&fps={fps}");
        let streams = format!("SIGHTLINE_CAMERAS__CAMERA-{number}__STREAMS");
        command
            .args(["--camera", &source])
            .env(streams, &arguments.stream);
    }
    Process::start(&mut command)
}

async fn measure(case: Case, url: &str, arguments: &Arguments) -> anyhow::Result<Row> {
    let chromium = Chromium::start().await?;
    let tab = chromium.open(url, case.window()).await?;
    until_live(&tab, arguments.cameras).await?;
    let front = match case {
        Case::Hidden => Some(chromium.open("about:blank", case.window()).await?),
        Case::Whole | Case::Part => None,
    };
    let (seen, streams) = until_settled(&tab).await?;
    sleep(WARM_UP).await;

    let length = match case {
        Case::Whole => Duration::from_secs_f64(arguments.minutes * 60.0),
        Case::Part | Case::Hidden => OTHER_CASES,
    };
    let mut row = Row::new(case, seen, streams);
    row.memory.push(chromium.memory(&tab).await?);
    let start = Instant::now();
    while start.elapsed() < length {
        let rest = length.saturating_sub(start.elapsed()).min(MEMORY_EVERY);
        let (cpu, players, began) = (
            chromium.cpu(&tab).await?,
            players(&tab).await?,
            Instant::now(),
        );
        sleep(rest).await;
        row.add(&chromium.cpu(&tab).await?.since(cpu), began.elapsed());
        row.count(&players, &self::players(&tab).await?);
        row.memory.push(chromium.memory(&tab).await?);
    }
    drop((tab, front));
    chromium.close().await?;
    Ok(row)
}

async fn players(tab: &Tab) -> anyhow::Result<Vec<Player>> {
    tab.eval(PLAYERS).await
}

/// Waits until the page has all cameras, and shows those that can be seen.
async fn until_live(tab: &Tab, cameras: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let players = players(tab).await.unwrap_or_default();
        let ready = players.iter().all(|player| player.live || !player.seen);
        if ready && players.len() == cameras {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "not every tile is live: {players:?}"
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the relay has sent the same number of streams for a while. Gives tiles that are seen, and streams.
async fn until_settled(tab: &Tab) -> anyhow::Result<(usize, u64)> {
    let deadline = Instant::now() + SETTLE;
    let (mut streams, mut since) = (u64::MAX, Instant::now());
    while since.elapsed() < Duration::from_secs(3) {
        let now = tab.eval(VIEWERS).await?;
        if now != streams {
            (streams, since) = (now, Instant::now());
        }
        anyhow::ensure!(Instant::now() < deadline, "streams come and go");
        sleep(Duration::from_millis(200)).await;
    }
    let seen = players(tab)
        .await?
        .iter()
        .filter(|player| player.seen)
        .count();
    Ok((seen, streams))
}
