//! What serving costs as one quantity grows: curves of the relay and of the floor.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use crate::{
    fanout::{measure, measure_floor},
    fleet::Fleet,
    report::{self, Sample, Spread},
    shape::{Route, Shape},
    svg::{self, Curve},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What grows.
    #[arg(value_enum)]
    axis: Axis,
    #[arg(long, value_enum, default_value_t = Route::Multipart)]
    route: Route,
    /// The numbers to measure at, instead of the usual ones.
    #[arg(long, value_delimiter = ',')]
    at: Vec<usize>,
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write `<name>.json` and `<name>.svg` too: a path without its ending.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Axis {
    /// Viewers of one camera, 30 KB x 30 fps.
    Viewers,
    /// Cameras with one viewer each, 30 KB x 30 fps.
    Cameras,
    /// Size of a frame in bytes, 20 viewers x 30 fps.
    Frame,
    /// Relays that share 1000 viewers of one camera, 10 KB x 30 fps.
    Relays,
}

impl Axis {
    fn usual(self) -> &'static [usize] {
        match self {
            Self::Viewers => &[1, 10, 50, 200, 500, 1_000, 2_000],
            Self::Cameras => &[1, 20, 50, 100, 200, 500],
            Self::Frame => &[10_000, 30_000, 100_000, 300_000, 1_000_000],
            Self::Relays => &[1, 2, 4],
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Viewers => "viewers of one camera, 30 KB x 30 fps",
            Self::Cameras => "cameras with a viewer each, 30 KB x 30 fps",
            Self::Frame => "bytes of a frame, 20 viewers x 30 fps",
            Self::Relays => "relays that share 1000 viewers, 10 KB x 30 fps",
        }
    }

    /// What is measured at `value`, and how many relays share it.
    fn at(self, value: usize, route: Route) -> (Shape, usize) {
        let shape = Shape::of(route);
        match self {
            Self::Viewers => {
                let shape = Shape {
                    viewers: value,
                    frame_bytes: 30_000,
                    ..shape
                };
                (shape, 1)
            }
            Self::Cameras => {
                let shape = Shape {
                    viewers: value,
                    cameras: value,
                    frame_bytes: 30_000,
                    ..shape
                };
                (shape, 1)
            }
            Self::Frame => {
                let shape = Shape {
                    viewers: 20,
                    frame_bytes: value,
                    ..shape
                };
                (shape, 1)
            }
            Self::Relays => {
                let shape = Shape {
                    viewers: 1_000,
                    frame_bytes: 10_000,
                    ..shape
                };
                (shape, value)
            }
        }
    }
}

/// What was measured at one value.
#[derive(Serialize)]
struct Point {
    value: usize,
    floor: Vec<Sample>,
    relay: Vec<Sample>,
}

/// Measures at each value in turn, and prints the medians.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(arguments.rounds > 0, "--rounds must be at least 1");
    let axis = arguments.axis;
    let values = match &arguments.at[..] {
        [] => axis.usual().to_vec(),
        at => at.to_vec(),
    };
    anyhow::ensure!(
        values.iter().all(|value| *value > 0),
        "--at must be above 0"
    );
    let mut points = Vec::new();
    for value in values {
        eprintln!("{value} {}", axis.label());
        points.push(point(arguments, value)?);
    }
    let title = format!("{}: {}", arguments.route.name(), axis.label());
    let json = serde_json::json!({"title": title, "points": points}).to_string();
    if let Some(path) = &arguments.out {
        report::write(&path.with_extension("json"), &json)?;
        report::write(&path.with_extension("svg"), &plot(&title, axis, &points))?;
    }
    if arguments.json {
        println!("{json}");
        return Ok(());
    }
    println!("{title}\n");
    println!(
        "| | relay: us per frame | of a core | fps, fewest | MiB | floor: us per frame | fps, fewest |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for Point {
        value,
        floor,
        relay,
    } in &points
    {
        println!(
            "| {value} | {:.1} | {:.2} | {:.1}, {:.1} | {:.1} | {:.1} | {:.1}, {:.1} |",
            median(relay, |it| it.us_per_frame),
            median(relay, |it| it.cores),
            median(relay, |it| it.fps),
            median(relay, |it| it.fewest_fps),
            median(relay, |it| it.rss_kib as f64 / 1024.0),
            median(floor, |it| it.us_per_frame),
            median(floor, |it| it.fps),
            median(floor, |it| it.fewest_fps),
        );
    }
    println!();
    Ok(())
}

fn point(arguments: &Arguments, value: usize) -> anyhow::Result<Point> {
    let (shape, relays) = arguments.axis.at(value, arguments.route);
    let fleet = Fleet::start(&shape, relays)?;
    let mut point = Point {
        value,
        floor: Vec::new(),
        relay: Vec::new(),
    };
    for _ in 0..arguments.rounds {
        point.floor.push(measure_floor(&shape, arguments.seconds)?);
        point.relay.push(measure(
            &shape,
            arguments.seconds,
            &fleet.relay_processes(),
            &fleet.addresses(),
            None,
        )?);
    }
    Ok(point)
}

fn plot(title: &str, axis: Axis, points: &[Point]) -> String {
    let curve = |name: &str, samples: fn(&Point) -> &[Sample]| Curve {
        name: name.into(),
        points: points
            .iter()
            .map(|it| (it.value as f64, median(samples(it), |it| it.us_per_frame)))
            .collect(),
    };
    let both = [
        curve("sightline-relay", |it| &it.relay),
        curve("floor", |it| &it.floor),
    ];
    svg::curves(
        title,
        axis.label(),
        "CPU per frame and viewer, microseconds",
        &both,
    )
}

fn median(samples: &[Sample], value: fn(&Sample) -> f64) -> f64 {
    Spread::of(samples.iter().map(value)).median
}
