//! A broker, cameras and relays, each a process of its own.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    process::{Process, free_address, sibling, this_program, wait_for},
    shape::{Shape, camera},
};

pub(crate) struct Fleet {
    pub(crate) relays: Vec<Relay>,
    _cameras: Process,
    _nats: Process,
}

pub(crate) struct Relay {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

/// How long the relays have to see all cameras.
const START: Duration = Duration::from_secs(20);

impl Fleet {
    /// Starts all parts with synthetic cameras, and waits until the relays know them.
    pub(crate) fn start(shape: &Shape, relays: usize) -> anyhow::Result<Self> {
        shape.check()?;
        let source = |nats_url: &str| {
            let mut command = this_program("source")?;
            command.args(["--nats", nats_url]).args(shape.flags());
            Process::start(&mut command)
        };
        Self::start_with(source, shape.cameras, relays)
    }

    /// The same with so many cameras of a process that is given the broker's address.
    pub(crate) fn start_with(
        process: impl FnOnce(&str) -> anyhow::Result<Process>,
        cameras: usize,
        relays: usize,
    ) -> anyhow::Result<Self> {
        let nats_address = free_address()?;
        let server = std::env::var("NATS_SERVER").unwrap_or("nats-server".into());
        let nats = Process::start(Command::new(server).args([
            "--addr",
            "127.0.0.1",
            "--port",
            &nats_address.port().to_string(),
        ]))?;
        wait_for(nats_address)?;
        let nats_url = format!("nats://{nats_address}");
        let process = process(&nats_url)?;
        let relays = (0..relays).map(|_| Relay::start(&nats_url));
        let relays: Vec<Relay> = relays.collect::<anyhow::Result<_>>()?;
        for relay in &relays {
            for number in 0..cameras {
                relay.wait_for_camera(&camera(number))?;
            }
        }
        Ok(Self {
            relays,
            _cameras: process,
            _nats: nats,
        })
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.relays.iter().map(|relay| relay.address).collect()
    }

    pub(crate) fn relay_processes(&self) -> Vec<&Process> {
        self.relays.iter().map(|relay| &relay.process).collect()
    }
}

impl Relay {
    fn start(nats_url: &str) -> anyhow::Result<Self> {
        let address = free_address()?;
        let process = Process::start_measured(
            Command::new(sibling("sightline-relay")?)
                .args(["--nats", nats_url, "--listen", &address.to_string()])
                .env("SIGHTLINE_HTTP__MAX_CONNECTIONS", "20000")
                .env("SIGHTLINE_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "0"),
        )?;
        wait_for(address)?;
        Ok(Self { process, address })
    }

    fn wait_for_camera(&self, camera: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        let address = self.address;
        loop {
            let mut socket = TcpStream::connect(address)?;
            write!(
                socket,
                "GET /api/cameras/{camera} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            )?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer)?;
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "the relay never saw {camera}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
