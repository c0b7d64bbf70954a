//! CPU time of a server for each frame that reaches a viewer.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;

use crate::{
    fleet::Fleet,
    load::Outcome,
    process::{Process, tcp_kib, this_program},
    report::{Report, Sample},
    shape::Shape,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    shape: Shape,
    /// Relays that share the viewers.
    #[arg(long, default_value_t = 1)]
    relays: usize,
    /// Length of one measurement.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print all samples as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write `<name>.json` too: a path without its ending.
    #[arg(long)]
    out: Option<PathBuf>,
}

const FLOOR: &str = "floor";
const RELAY: &str = "sightline-relay";

/// Runs all servers in turn, round by round, and prints medians and ratios to the floor.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(arguments.relays > 0, "--relays must be at least 1");
    let Arguments { shape, rounds, .. } = arguments;
    let fleet = Fleet::start(shape, arguments.relays)?;
    let mut report = Report::new(shape.title(), &[FLOOR, RELAY]);
    for round in 1..=*rounds {
        for server in [FLOOR, RELAY] {
            eprintln!("round {round} of {rounds}: {server}");
            let sample = match server {
                FLOOR => measure_floor(shape, arguments.seconds)?,
                _ => measure(
                    shape,
                    arguments.seconds,
                    &fleet.relay_processes(),
                    &fleet.addresses(),
                )?,
            };
            report.add(server, sample);
        }
    }
    report.write(arguments.out.as_deref())?;
    report.print(arguments.json)
}

pub(crate) fn measure_floor(shape: &Shape, seconds: f64) -> anyhow::Result<Sample> {
    let mut floor = Process::start(this_program("floor")?.args(shape.flags()))?;
    let port: u16 = floor.line()?.parse().context("the floor's port")?;
    measure(shape, seconds, &[&floor], &[([127, 0, 0, 1], port).into()])
}

/// Lets viewers watch `servers`, and looks at what that takes.
pub(crate) fn measure(
    shape: &Shape,
    seconds: f64,
    servers: &[&Process],
    addresses: &[SocketAddr],
) -> anyhow::Result<Sample> {
    let mut command = this_program("load")?;
    for address in addresses {
        command.args(["--address", &address.to_string()]);
    }
    let mut load = Process::start(
        command
            .args(shape.flags())
            .args(["--seconds", &seconds.to_string()]),
    )?;
    while load.line()? != "counting" {}
    let cpu = |servers: &[&Process]| {
        servers
            .iter()
            .map(|it| it.cpu())
            .sum::<anyhow::Result<Duration>>()
    };
    let rss = |servers: &[&Process]| {
        servers
            .iter()
            .map(|it| it.rss_kib())
            .sum::<anyhow::Result<u64>>()
    };
    let before = cpu(servers)?;
    let (rss_before, tcp_before) = (rss(servers)?, tcp_kib()?);
    // The load ends, and its connections with it, once it has counted.
    std::thread::sleep(Duration::from_secs_f64(seconds * 0.9));
    let (rss_kib, tcp_kib) = (rss(servers)?, tcp_kib()?);
    let outcome: Outcome = serde_json::from_str(&load.line()?)?;
    let cpu = cpu(servers)?.saturating_sub(before).as_secs_f64();
    Ok(Sample {
        us_per_frame: cpu * 1e6 / outcome.frames as f64,
        cores: cpu / outcome.seconds,
        fps: outcome.steady_frames as f64 / outcome.seconds / outcome.steady as f64,
        fewest_fps: outcome.fewest as f64 / outcome.seconds,
        rss_kib,
        rss_growth_kib: rss_kib.cast_signed() - rss_before.cast_signed(),
        tcp_kib,
        tcp_growth_kib: tcp_kib.cast_signed() - tcp_before.cast_signed(),
        outcome,
    })
}
