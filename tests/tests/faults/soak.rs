//! Hours of a fleet in which something dies every half minute: what the programs that live through it hold at its end.

use std::{
    thread::available_parallelism,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rand::seq::IndexedRandom as _;
use serde::Serialize;
use sightline_tests::{
    fleet::{Publisher, Relay},
    http,
    nats::{Server, Version},
    port,
    process::{Process, root},
};
use tokio::time::sleep;

use crate::{
    glass,
    stage::{launch, publisher_launch},
    viewer::{Viewer, Wish},
};

const SITES: usize = 4;
const CAMERAS_PER_SITE: usize = 5;
const RELAYS: usize = 3;
const VIEWERS: usize = 50;
const SOURCE: &str = "test://?size=160x90&fps=5";
const KILL_EVERY: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const MOST_GROWTH_MB_PER_HOUR: f64 = 0.5;
/// Beside one that runs tasks and one that makes pictures for each core: the first one, and those that ask for names.
const MOST_OTHER_THREADS: usize = 4;
/// Fewer than one for each viewer that came back: the kills are 120 an hour.
const MOST_TASKS_PER_HOUR: f64 = 10.0;
/// A shorter soak says nothing about growth by the hour.
const TELLS: Duration = Duration::from_secs(30 * 60);
/// The part of it after which programs hold what they will hold.
const WARM: f64 = 0.25;

/// What a program held at one time.
#[derive(Debug, Serialize)]
struct Sample {
    seconds: f64,
    rss_bytes: u64,
    open_files: usize,
    threads: usize,
    tasks: u64,
}

#[derive(Debug, Serialize)]
struct Survivor {
    name: String,
    rss_mb_per_hour: f64,
    open_files_per_hour: f64,
    threads_per_hour: f64,
    tasks_per_hour: f64,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
struct Soak {
    seconds: f64,
    kills: usize,
    stale_shown: u64,
    longest_gap_s: f64,
    survivors: Vec<Survivor>,
}

struct Fleet {
    server: Server,
    relays: Vec<Relay>,
    publishers: Vec<Publisher>,
    /// Where the first publisher serves its metrics.
    metrics: String,
}

/// Runs for `time` and writes `target/soak.json`.
///
/// The first relay and the first publisher are never killed: they live through the death of all others, and what they
/// hold must not grow. Fails if it does, or if an old picture passed for live.
pub(crate) async fn run(time: Duration) -> Result<()> {
    let mut fleet = Fleet::start().await;
    let mut viewers = fleet.viewers();
    let (start, mut next_kill) = (Instant::now(), Instant::now() + KILL_EVERY);
    let mut samples = (Vec::new(), Vec::new());
    let (mut kills, mut stale_shown, mut longest_gap) = (0, 0, Duration::ZERO);
    while start.elapsed() < time {
        sleep(LOOK_EVERY).await;
        let seconds = start.elapsed().as_secs_f64();
        let relay = fleet.relays[0].address().to_owned();
        let relay = sample(fleet.relays[0].process(), &relay, "relay", seconds).await?;
        let publisher = fleet.publishers[0].process();
        let publisher = sample(publisher, &fleet.metrics, "publisher", seconds).await?;
        samples.0.push(relay);
        samples.1.push(publisher);
        if Instant::now() >= next_kill {
            next_kill += KILL_EVERY;
            kills += 1;
            println!("{seconds:.0} s: {}", fleet.kill_one(kills).await);
        }
        for viewer in &mut viewers {
            let (seen, from) = viewer.take();
            stale_shown += glass::stale_shown(&seen);
            longest_gap = longest_gap.max(glass::gap(&seen, from));
        }
    }
    let soak = Soak {
        seconds: start.elapsed().as_secs_f64(),
        kills,
        stale_shown,
        longest_gap_s: longest_gap.as_secs_f64(),
        survivors: vec![
            survivor("relay", samples.0),
            survivor("publisher", samples.1),
        ],
    };
    let path = root().join("target/soak.json");
    std::fs::write(&path, serde_json::to_string_pretty(&soak)? + "\n")
        .with_context(|| format!("{}", path.display()))?;
    soak.judge()
}

impl Fleet {
    async fn start() -> Self {
        let version = Version::Current;
        let server = Server::start(version, &version.shipped()).await;
        let url = server.url();
        let names: Vec<_> = (0..CAMERAS_PER_SITE)
            .map(|n| format!("camera-{n}"))
            .collect();
        let cameras: Vec<_> = names.iter().map(|name| (name.as_str(), SOURCE)).collect();
        let metrics = format!("127.0.0.1:{}", port::free());
        let publishers = (0..SITES)
            .map(|site| {
                let mut launch = publisher_launch();
                if site == 0 {
                    launch = launch.with("SIGHTLINE_METRICS__LISTEN", &metrics);
                }
                Publisher::launch(&url, &format!("site-{site}"), &cameras, launch)
            })
            .collect();
        let mut relays = Vec::new();
        for _ in 0..RELAYS {
            let relay = Relay::launch(&url, launch());
            relay.until_ready().await;
            relays.push(relay);
        }
        for site in 0..SITES {
            relays[0]
                .until_online(&format!("site-{site}/camera-0"))
                .await;
        }
        Self {
            server,
            relays,
            publishers,
            metrics,
        }
    }

    /// Spread over relays and cameras.
    fn viewers(&self) -> Vec<Viewer> {
        let addresses: Vec<_> = self.relays.iter().map(|r| r.address().to_owned()).collect();
        let viewer = |n: usize| {
            let mut relays = addresses.clone();
            relays.rotate_left(n % RELAYS);
            Viewer::start(Wish {
                relays,
                camera: format!("site-{}/camera-{}", n % SITES, n / SITES % CAMERAS_PER_SITE),
                reads: false,
            })
        };
        (0..VIEWERS).map(viewer).collect()
    }

    /// Kills something and starts it again; says what. This is the first one, the second one, ...: first go the relays, so
    /// that all viewers are on the one that lives before it is judged by what it holds.
    async fn kill_one(&mut self, nth: usize) -> String {
        let relays = (1..self.relays.len()).map(|n| ("relay", n));
        let publishers = (1..self.publishers.len()).map(|n| ("publisher", n));
        let all: Vec<_> = relays
            .chain(publishers)
            .chain([("nats-server", 0)])
            .collect();
        let (what, n) = match nth {
            1..RELAYS => ("relay", nth),
            _ => *all.choose(&mut rand::rng()).expect("there is something"),
        };
        match what {
            "relay" => {
                self.relays[n].kill();
                self.relays[n].restart();
                self.relays[n].until_ready().await;
            }
            "publisher" => {
                self.publishers[n].kill();
                self.publishers[n].restart();
            }
            _ => {
                self.server.kill();
                self.server.restart().await;
            }
        }
        format!("killed {what} {n}")
    }
}

impl Soak {
    fn judge(&self) -> Result<()> {
        for survivor in &self.survivors {
            println!(
                "{}: {:+.2} MB, {:+.1} files, {:+.1} threads, {:+.1} tasks an hour",
                survivor.name,
                survivor.rss_mb_per_hour,
                survivor.open_files_per_hour,
                survivor.threads_per_hour,
                survivor.tasks_per_hour
            );
        }
        println!(
            "{} kills; the longest gap was {:.1} s",
            self.kills, self.longest_gap_s
        );
        ensure!(
            self.stale_shown == 0,
            "{} old pictures passed for live",
            self.stale_shown
        );
        if self.seconds < TELLS.as_secs_f64() {
            println!("too short to tell what grows by the hour");
            return Ok(());
        }
        for survivor in &self.survivors {
            let Survivor { name, .. } = survivor;
            ensure!(
                survivor.rss_mb_per_hour <= MOST_GROWTH_MB_PER_HOUR,
                "the memory of the {name} grows"
            );
            ensure!(
                survivor.open_files_per_hour < 2.0 && survivor.threads_per_hour < 2.0,
                "the {name} leaks files or threads"
            );
            let threads = survivor.samples.iter().map(|sample| sample.threads).max();
            let most = 2 * available_parallelism()?.get() + MOST_OTHER_THREADS;
            ensure!(
                threads.is_some_and(|threads| threads <= most),
                "the {name} had {threads:?} threads"
            );
            ensure!(
                survivor.tasks_per_hour < MOST_TASKS_PER_HOUR,
                "the {name} leaks tasks"
            );
        }
        Ok(())
    }
}

async fn sample(process: &Process, metrics: &str, what: &str, seconds: f64) -> Result<Sample> {
    Ok(Sample {
        seconds,
        rss_bytes: process.memory_bytes()?,
        open_files: process.open_files()?,
        threads: process.threads()?,
        tasks: tasks(metrics, what).await?,
    })
}

/// What a program says of itself.
async fn tasks(address: &str, what: &str) -> Result<u64> {
    let name = format!("sightline_{what}_tasks ");
    let answer = http::get(address, "/metrics").await?;
    let text = String::from_utf8_lossy(&answer.body);
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    Ok(line.with_context(|| format!("no {name}"))?.parse()?)
}

fn survivor(name: &str, samples: Vec<Sample>) -> Survivor {
    let per_hour = |value: fn(&Sample) -> f64| {
        let warm = (samples.len() as f64 * WARM) as usize;
        let points = samples[warm..]
            .iter()
            .map(|s| (s.seconds / 3_600.0, value(s)));
        slope(&points.collect::<Vec<_>>())
    };
    Survivor {
        name: name.to_owned(),
        rss_mb_per_hour: per_hour(|sample| sample.rss_bytes as f64 / 1e6),
        open_files_per_hour: per_hour(|sample| sample.open_files as f64),
        threads_per_hour: per_hour(|sample| sample.threads as f64),
        tasks_per_hour: per_hour(|sample| sample.tasks as f64),
        samples,
    }
}

/// Of the line that fits the points best; 0 of fewer than two.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    let both: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    if spread > 0.0 { both / spread } else { 0.0 }
}
