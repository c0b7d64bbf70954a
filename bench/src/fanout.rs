//! CPU time of a server for each frame that reaches a viewer.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;

use crate::{
    fleet::Fleet,
    load::Outcome,
    peers::Peer,
    process::{self, Process, tcp_kib, this_program},
    report::{Report, Sample},
    shape::{Route, Shape},
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
    /// Let servers, viewers and broker share all processor cores, instead of keeping one for the server that is measured.
    /// Several relays always share.
    #[arg(long)]
    together: bool,
    /// Print all samples as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure other servers too, those that are installed: mjpg-streamer, motion, nginx. For multipart alone.
    #[arg(long)]
    peers: bool,
    /// Write `<name>.json` and `<name>.svg` too: a path without its ending.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs all servers in turn, round by round, and prints medians and ratios to the floor.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(arguments.relays > 0, "--relays must be at least 1");
    let Arguments {
        shape,
        rounds,
        seconds,
        ..
    } = arguments;
    anyhow::ensure!(
        !arguments.peers || shape.route == Route::Multipart,
        "--peers is for --route multipart"
    );
    let peers = if arguments.peers {
        Peer::installed()
    } else {
        Vec::new()
    };
    let servers = [Server::Floor, Server::Relay]
        .into_iter()
        .chain(peers.into_iter().map(Server::Peer));
    let servers: Vec<Server> = servers.collect();
    if !arguments.together && arguments.relays == 1 {
        process::keep_apart()?;
    }
    let fleet = Fleet::start(shape, arguments.relays)?;
    let mut report = Report::new(shape.title(), servers.iter().map(Server::name));
    for round in 1..=*rounds {
        for server in &servers {
            eprintln!("round {round} of {rounds}: {}", server.name());
            let sample = match server {
                Server::Floor => measure_floor(shape, *seconds)?,
                Server::Relay => measure(
                    shape,
                    *seconds,
                    &fleet.relay_processes(),
                    &fleet.addresses(),
                    None,
                )?,
                Server::Peer(peer) => measure_peer(*peer, shape, *seconds)?,
            };
            report.add(server.name(), sample);
        }
    }
    report.write(arguments.out.as_deref())?;
    report.print(arguments.json)
}

enum Server {
    Floor,
    Relay,
    Peer(Peer),
}

impl Server {
    fn name(&self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Relay => "sightline-relay",
            Self::Peer(peer) => peer.name(),
        }
    }
}

fn measure_peer(peer: Peer, shape: &Shape, seconds: f64) -> anyhow::Result<Sample> {
    let running = peer.start(shape)?;
    let shape = Shape {
        route: running.route,
        ..shape.clone()
    };
    let path = Some(running.path);
    measure(
        &shape,
        seconds,
        &[&running.process],
        &[running.address],
        path,
    )
    .with_context(|| format!("measuring {}", peer.name()))
}

pub(crate) fn measure_floor(shape: &Shape, seconds: f64) -> anyhow::Result<Sample> {
    let mut floor = Process::start_measured(this_program("floor")?.args(shape.flags()))?;
    let port: u16 = floor.line()?.parse().context("the floor's port")?;
    let address = ([127, 0, 0, 1], port).into();
    measure(shape, seconds, &[&floor], &[address], None)
}

/// Lets viewers watch `servers`, all at `path` if that is not the relay's, and looks at what it takes.
pub(crate) fn measure(
    shape: &Shape,
    seconds: f64,
    servers: &[&Process],
    addresses: &[SocketAddr],
    path: Option<&str>,
) -> anyhow::Result<Sample> {
    let mut command = this_program("load")?;
    for address in addresses {
        command.args(["--address", &address.to_string()]);
    }
    if let Some(path) = path {
        command.args(["--path", path]);
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
        kb_per_frame: outcome.bytes as f64 / 1e3 / outcome.frames as f64,
        fewest_fps: outcome.fewest as f64 / outcome.seconds,
        rss_kib,
        rss_growth_kib: rss_kib.cast_signed() - rss_before.cast_signed(),
        tcp_kib,
        tcp_growth_kib: tcp_kib.cast_signed() - tcp_before.cast_signed(),
        outcome,
    })
}
