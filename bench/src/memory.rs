//! Memory of a relay for each viewer, idle and active: the slope over viewers.

use std::{path::PathBuf, time::Duration};

use crate::{
    fleet::Fleet,
    process::{Process, tcp_kib, this_program},
    report,
    shape::{Route, Shape},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 1_000)]
    viewers: usize,
    #[arg(long, default_value_t = 100_000)]
    frame_bytes: usize,
    /// Of active viewers: few, so that the machine is not saturated.
    #[arg(long, default_value_t = 2.0)]
    fps: f64,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write `<name>.json` too: a path without its ending.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Steps from no viewers to all of them.
const STEPS: usize = 4;

/// How long a step watches before memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures each route, with a camera that sends nothing and with one that sends.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.viewers >= STEPS,
        "--viewers must be at least {STEPS}"
    );
    let mut rows = Vec::new();
    for route in [Route::Multipart, Route::Websocket] {
        for fps in [0.0, arguments.fps] {
            eprintln!("{} at {fps} fps", route.name());
            let shape = Shape {
                fps,
                frame_bytes: arguments.frame_bytes,
                ..Shape::of(route)
            };
            rows.push((shape.clone(), slope(&shape, arguments.viewers)?));
        }
    }
    let json: Vec<_> = rows
        .iter()
        .map(|(shape, slope)| serde_json::json!({"shape": shape, "memory": slope}))
        .collect();
    let json = serde_json::to_string(&json)?;
    if let Some(path) = &arguments.out {
        report::write(&path.with_extension("json"), &json)?;
    }
    if arguments.json {
        println!("{json}");
        return Ok(());
    }
    println!("Memory of the relay, 0 to {} viewers\n", arguments.viewers);
    println!(
        "| route | viewers | KB of the process for each | KB of the kernel for each (both ends) |"
    );
    println!("| --- | --- | --- | --- |");
    for (shape, slope) in &rows {
        let kind = if shape.fps > 0.0 {
            format!("active, {} KB frames", shape.frame_bytes as f64 / 1e3)
        } else {
            "idle".into()
        };
        println!(
            "| {} | {kind} | {:.1} | {:.1} |",
            shape.route.name(),
            slope.process_kb,
            slope.kernel_kb
        );
    }
    println!();
    Ok(())
}

/// Of one kind of viewer.
#[derive(serde::Serialize)]
struct Slope {
    /// Viewers, memory of the process and of the kernel, KiB.
    points: Vec<(usize, u64, u64)>,
    /// Of each viewer, in units of 1000 bytes.
    process_kb: f64,
    kernel_kb: f64,
}

/// Every step has a relay of its own: what an allocator keeps of the one before would hide the next.
fn slope(shape: &Shape, most: usize) -> anyhow::Result<Slope> {
    let mut points = Vec::new();
    for step in 0..=STEPS {
        // One viewer rather than none: the stream itself is not a viewer's.
        let viewers = (most * step / STEPS).max(1);
        let shape = Shape {
            viewers,
            ..shape.clone()
        };
        let fleet = Fleet::start(&shape, 1)?;
        let relay = &fleet.relays[0];
        let tcp_before = tcp_kib()?;
        let mut load = Process::start(
            this_program("load")?
                .args(["--address", &relay.address.to_string()])
                .args(shape.flags())
                .args(["--seconds", "600"]),
        )?;
        while load.line()? != "counting" {}
        std::thread::sleep(SETTLE);
        let rss = relay.process.rss_kib()?;
        points.push((viewers, rss, tcp_kib()?.saturating_sub(tcp_before)));
    }
    let per_viewer = |value: fn(&(usize, u64, u64)) -> u64| {
        line_slope(
            points
                .iter()
                .map(|point| (point.0 as f64, value(point) as f64)),
        ) * 1.024
    };
    Ok(Slope {
        process_kb: per_viewer(|point| point.1),
        kernel_kb: per_viewer(|point| point.2),
        points,
    })
}

/// By least squares.
fn line_slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = points.clone().count() as f64;
    let (x_sum, y_sum) = points
        .clone()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (x_mean, y_mean) = (x_sum / count, y_sum / count);
    let (over, under) = points.fold((0.0, 0.0), |(over, under), (x, y)| {
        let dx = x - x_mean;
        (over + dx * (y - y_mean), under + dx * dx)
    });
    over / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_a_line_is_found() {
        let points = [(1.0, 12.0), (10.0, 30.0), (100.0, 210.0)];
        assert!((line_slope(points.into_iter()) - 2.0).abs() < 1e-9);
    }
}
