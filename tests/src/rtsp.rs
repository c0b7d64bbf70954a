//! A network camera: a real RTSP server, from Debian's packages.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::{
    eventually, port,
    process::{Process, root},
};

/// Python as the packages are for; there may be another one in front of it.
const PYTHON: &str = "/usr/bin/python3";

/// How long it may take to start: it loads all of GStreamer.
const START: Duration = Duration::from_secs(20);

/// A running camera. See `tests/rtsp/server.py` for its options.
#[derive(Debug)]
pub struct Camera {
    arguments: Vec<String>,
    port: u16,
    process: Process,
}

impl Camera {
    /// Starts a camera, and waits until it accepts connections.
    ///
    /// # Panics
    /// If it does not start: `make install` brings what it needs.
    pub async fn start(options: &[&str]) -> Self {
        let port = port::free();
        let arguments: Vec<_> = [script().display().to_string(), format!("--port={port}")]
            .into_iter()
            .chain(options.iter().map(|&option| option.to_owned()))
            .collect();
        let process = spawn(&arguments);
        let camera = Self {
            arguments,
            port,
            process,
        };
        camera.until_listening().await;
        camera
    }

    /// Its address, with `login` (`user:password@`, or nothing) in front.
    pub fn url(&self, login: &str) -> String {
        format!("rtsp://{login}127.0.0.1:{}/live", self.port)
    }

    /// Stops it in the middle of whatever it does; it keeps its connections.
    pub fn freeze(&self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again at the same address.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.arguments);
        self.until_listening().await;
    }

    async fn until_listening(&self) {
        eventually("the RTSP server listens", START, async || {
            let listens = self.process.logged("port ");
            listens
                .then_some(())
                .context("it does not, see make install")
        })
        .await;
    }
}

fn script() -> PathBuf {
    root().join("tests/rtsp/server.py")
}

fn spawn(arguments: &[String]) -> Process {
    Process::start("rtsp server", PYTHON.as_ref(), arguments).expect("it starts")
}
