//! CPU time of a server for each frame that reaches a viewer.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{
    frame::{self, CAMERA, Route},
    load::Outcome,
    process::{Process, free_address, sibling, this_program, wait_for},
    report::{Report, Sample},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_enum, default_value_t = Route::Multipart)]
    route: Route,
    #[arg(long, default_value_t = 50)]
    viewers: usize,
    /// Viewers, of those, that stop reading (of the relay alone).
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    #[arg(long, default_value_t = 100_000)]
    frame_bytes: usize,
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Length of one measurement.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print the samples as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

const SERVERS: [&str; 2] = ["floor", "sightline-relay"];

/// Runs all servers in turn, round by round, and prints medians and ratios to the floor.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let fleet = Fleet::start(arguments)?;
    let mut report = Report::new(&SERVERS);
    for round in 1..=arguments.rounds {
        for server in SERVERS {
            eprintln!("round {round} of {}: {server}", arguments.rounds);
            let sample = match server {
                "floor" => measure_floor(arguments)?,
                _ => measure(
                    arguments,
                    &fleet.relay,
                    fleet.relay_address,
                    arguments.stalled,
                )?,
            };
            report.add(server, sample);
        }
    }
    report.print(&title(arguments), arguments.json)
}

fn title(arguments: &Arguments) -> String {
    format!(
        "{:?}, {} viewers ({} stalled) x {} bytes x {} fps",
        arguments.route, arguments.viewers, arguments.stalled, arguments.frame_bytes, arguments.fps
    )
}

/// A broker, a camera and a relay.
struct Fleet {
    relay: Process,
    relay_address: SocketAddr,
    _source: Process,
    _nats: Process,
}

impl Fleet {
    fn start(arguments: &Arguments) -> anyhow::Result<Self> {
        let nats_address = free_address()?;
        let server = std::env::var("NATS_SERVER").unwrap_or("nats-server".into());
        let nats = Process::start(Command::new(server).args([
            "--addr",
            "127.0.0.1",
            "--port",
            &nats_address.port().to_string(),
        ]))?;
        wait_for(nats_address)?;
        let url = format!("nats://{nats_address}");
        let source = Process::start(
            this_program("source")?
                .args(["--nats", &url])
                .args(["--frame-bytes", &arguments.frame_bytes.to_string()])
                .args(["--fps", &arguments.fps.to_string()]),
        )?;
        let relay_address = free_address()?;
        let relay = Process::start(
            Command::new(sibling("sightline-relay")?)
                .args(["--nats", &url, "--listen", &relay_address.to_string()])
                .env("SIGHTLINE_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "0"),
        )?;
        wait_for(relay_address)?;
        wait_for_camera(relay_address)?;
        Ok(Self {
            relay,
            relay_address,
            _source: source,
            _nats: nats,
        })
    }
}

fn wait_for_camera(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut socket = TcpStream::connect(address)?;
        write!(
            socket,
            "GET /api/cameras/{CAMERA} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "the relay never saw {CAMERA}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn measure_floor(arguments: &Arguments) -> anyhow::Result<Sample> {
    let mut floor = Process::start(
        this_program("floor")?
            .args(["--viewers", &arguments.viewers.to_string()])
            .args(["--frame-bytes", &arguments.frame_bytes.to_string()])
            .args(["--fps", &arguments.fps.to_string()])
            .args(["--route", route_name(arguments.route)]),
    )?;
    let port: u16 = floor.line()?.parse().context("the floor's port")?;
    measure(arguments, &floor, ([127, 0, 0, 1], port).into(), 0)
}

fn measure(
    arguments: &Arguments,
    server: &Process,
    address: SocketAddr,
    stalled: usize,
) -> anyhow::Result<Sample> {
    let frame = frame::jpeg(arguments.frame_bytes)?;
    let frame_wire_bytes = frame::on_the_wire(arguments.route, &frame).len();
    let mut load = Process::start(
        this_program("load")?
            .args(["--address", &address.to_string()])
            .args(["--route", route_name(arguments.route)])
            .args(["--viewers", &arguments.viewers.to_string()])
            .args(["--stalled", &stalled.to_string()])
            .args(["--seconds", &arguments.seconds.to_string()])
            .args(["--frame-wire-bytes", &frame_wire_bytes.to_string()]),
    )?;
    while load.line()? != "counting" {}
    let before = server.cpu()?;
    let outcome: Outcome = serde_json::from_str(&load.line()?)?;
    let cpu = server.cpu()? - before;
    let reading = (arguments.viewers - stalled) as f64;
    Ok(Sample {
        us_per_frame: cpu.as_secs_f64() * 1e6 / outcome.frames,
        fps: outcome.frames / outcome.seconds / reading,
        fewest_fps: outcome.fewest / outcome.seconds,
        rss_kib: server.rss_kib()?,
    })
}

fn route_name(route: Route) -> &'static str {
    match route {
        Route::Multipart => "multipart",
        Route::Websocket => "websocket",
    }
}
