//! What a publisher costs: passing JPEGs through, encoding pixels, waiting for viewers, many cameras at once.

mod audience;
pub(crate) mod feed;
pub(crate) mod floor;
pub(crate) mod path;
mod table;

use std::{
    net::SocketAddr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use sightline_publisher::cost::webcam_jpeg;

use self::{
    audience::Audience,
    table::{Against, Sample, Table},
};
use crate::process::{Process, free_address, sibling, this_program, wait_for};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measure this alone.
    #[arg(long, value_enum)]
    only: Option<Case>,
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Length of one measurement, after a warm-up.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print the samples as JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// A camera's JPEGs, from a program's pipe to the broker.
    Pass,
    /// YUYV at 1080p to JPEG: the whole way, and the encoder alone.
    Encode,
    /// Cameras that nobody watches.
    Idle,
    /// Four cameras that are encoded at once.
    Spread,
}

const CASES: [Case; 4] = [Case::Pass, Case::Encode, Case::Idle, Case::Spread];

/// Until everything has its size and buffers are warm.
const WARM_UP: Duration = Duration::from_secs(2);

/// Runs the cases one after the other, the parts of each in turn, round by round, and prints medians.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let bench = Bench::start(arguments)?;
    for case in CASES {
        if arguments.only.is_some_and(|only| only != case) {
            continue;
        }
        let mut table = match case {
            Case::Pass => Table::new(
                format!(
                    "Motion JPEG at 1080p passed through: {} bytes x {} fps",
                    webcam_jpeg()?.len(),
                    arguments.fps
                ),
                Against::Difference,
                &["floor", "sightline-publisher"],
            ),
            Case::Encode => Table::new(
                format!("YUYV 1920x1080 to JPEG at {} fps", arguments.fps),
                Against::Ratio,
                &["encoder alone", "driver's buffer to broker"],
            ),
            Case::Idle => Table::new(
                "Cameras that nobody watches".into(),
                Against::Nothing,
                &["1 camera", "20 cameras"],
            ),
            Case::Spread => Table::new(
                format!("YUYV 1280x720 to JPEG at {} fps", arguments.fps),
                Against::Nothing,
                &["1 camera", "4 cameras"],
            ),
        };
        for round in 1..=arguments.rounds {
            for part in table.parts() {
                eprintln!("{case:?}, round {round} of {}: {part}", arguments.rounds);
                table.add(part, bench.measure(case, part)?);
            }
        }
        table.print(arguments.json)?;
    }
    Ok(())
}

/// A broker, and what is measured on it.
struct Bench<'a> {
    arguments: &'a Arguments,
    broker: SocketAddr,
    _broker: Process,
}

impl<'a> Bench<'a> {
    fn start(arguments: &'a Arguments) -> anyhow::Result<Self> {
        let broker = free_address()?;
        let server = std::env::var("NATS_SERVER").unwrap_or("nats-server".into());
        let port = broker.port().to_string();
        let process =
            Process::start(Command::new(server).args(["--addr", "127.0.0.1", "--port", &port]))?;
        wait_for(broker)?;
        Ok(Self {
            arguments,
            broker,
            _broker: process,
        })
    }

    fn url(&self) -> String {
        format!("nats://{}", self.broker)
    }

    fn measure(&self, case: Case, part: &str) -> anyhow::Result<Sample> {
        match (case, part) {
            (Case::Pass, "floor") => {
                let subject = audience::subject("bench/camera")?;
                let floor = Process::start(
                    this_program("publisher-floor")?
                        .args(["--nats", &self.broker.to_string()])
                        .args(["--subject", subject.as_str()])
                        .args(["--fps", &self.arguments.fps.to_string()]),
                )?;
                self.watched(&floor, &["bench/camera".into()])
            }
            (Case::Pass, _) => {
                let feed = format!(
                    "camera=exec:{} publisher-feed --fps {}",
                    std::env::current_exe()?.display(),
                    self.arguments.fps
                );
                let publisher = self.publisher(&[feed])?;
                self.watched(&publisher, &["bench/camera".into()])
            }
            (Case::Encode, "encoder alone") => {
                let command = &mut self.path("encoder", 1920, 1080, &[])?;
                self.alone(Process::start(command)?)
            }
            (Case::Encode, _) => self.encoding(1920, 1080, 1),
            (Case::Idle, "1 camera") => self.idle(1),
            (Case::Idle, _) => self.idle(20),
            (Case::Spread, "1 camera") => self.encoding(1280, 720, 1),
            (Case::Spread, _) => self.encoding(1280, 720, 4),
        }
    }

    fn publisher(&self, cameras: &[String]) -> anyhow::Result<Process> {
        let mut command = Command::new(sibling("sightline-publisher")?);
        command.args(["--nats", &self.url(), "--site", "bench"]);
        for camera in cameras {
            command.args(["--camera", camera]);
        }
        Process::start(&mut command)
    }

    fn path(
        &self,
        part: &str,
        width: u32,
        height: u32,
        cameras: &[String],
    ) -> anyhow::Result<Command> {
        let mut command = this_program("publisher-path")?;
        command
            .args(["--part", part, "--nats", &self.url()])
            .args(["--width", &width.to_string()])
            .args(["--height", &height.to_string()])
            .args(["--fps", &self.arguments.fps.to_string()]);
        for camera in cameras {
            command.args(["--camera", camera]);
        }
        Ok(command)
    }

    fn idle(&self, cameras: usize) -> anyhow::Result<Sample> {
        let cameras: Vec<_> = (0..cameras)
            .map(|number| format!("camera-{number}=test://"))
            .collect();
        let publisher = self.publisher(&cameras)?;
        thread::sleep(WARM_UP);
        Sample::over(self.length(), || Ok((publisher.cpu()?, 0)), 1)
    }

    fn encoding(&self, width: u32, height: u32, cameras: usize) -> anyhow::Result<Sample> {
        let cameras: Vec<_> = (0..cameras)
            .map(|number| format!("bench/camera-{number}"))
            .collect();
        let process = Process::start(&mut self.path("whole", width, height, &cameras)?)?;
        self.watched(&process, &cameras)
    }

    /// What a process costs while somebody watches all of its cameras.
    fn watched(&self, process: &Process, cameras: &[String]) -> anyhow::Result<Sample> {
        let audience = Audience::watch(&self.url(), cameras)?;
        audience.wait_for(cameras.len())?;
        thread::sleep(WARM_UP);
        let now = || Ok((process.cpu()?, audience.counts().values().sum()));
        Sample::over(self.length(), now, cameras.len())
    }

    /// What a process costs that says once a second how many frames it made.
    fn alone(&self, mut process: Process) -> anyhow::Result<Sample> {
        for _ in 0..WARM_UP.as_secs() {
            process.line()?;
        }
        let mut now = || {
            let frames = process.line()?.parse()?;
            Ok::<_, anyhow::Error>((process.cpu()?, frames))
        };
        let (before, start) = (now()?, Instant::now());
        let mut after = now()?;
        while start.elapsed() < self.length() {
            after = now()?;
        }
        Ok(Sample::between(before, after, start.elapsed(), 1))
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.arguments.seconds)
    }
}
