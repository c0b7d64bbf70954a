//! Publishers and relays as people start them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    eventually,
    http::{self, Answer},
    port,
    process::{Launch, Process, binary},
};

/// How long anything in a healthy fleet may take.
pub const SOON: Duration = Duration::from_secs(10);

/// A running `sightline-relay`.
#[derive(Debug)]
pub struct Relay {
    arguments: Vec<String>,
    launch: Launch,
    address: String,
    process: Process,
}

impl Relay {
    /// Starts a relay and waits until it is ready.
    pub async fn start(nats_url: &str) -> Self {
        Self::start_with(nats_url, &[]).await
    }

    /// The same with settings in the environment.
    pub async fn start_with(nats_url: &str, environment: &[(&'static str, &str)]) -> Self {
        let relay = Self::start_unready(nats_url, environment);
        relay.until_ready().await;
        relay
    }

    /// Starts a relay, and does not wait for NATS.
    pub fn start_unready(nats_url: &str, environment: &[(&'static str, &str)]) -> Self {
        let launch = environment
            .iter()
            .fold(Launch::default(), |launch, (key, value)| {
                launch.with(key, value)
            });
        Self::launch(nats_url, launch)
    }

    /// The same, in the way that `launch` says.
    pub fn launch(nats_url: &str, launch: Launch) -> Self {
        let address = format!("127.0.0.1:{}", port::free());
        let arguments = ["--nats", nats_url, "--listen", &address]
            .map(str::to_owned)
            .to_vec();
        let process = spawn("sightline-relay", &arguments, &launch);
        Self {
            arguments,
            launch,
            address,
            process,
        }
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        http::get(&self.address, path).await
    }

    /// What the relay tells of a camera, named `site/camera`.
    pub async fn camera(&self, name: &str) -> Result<Value> {
        let answer = self.get(&format!("/api/cameras/{name}")).await?;
        ensure!(answer.status == 200, "{name}: {}", answer.status);
        answer.json()
    }

    /// Waits until the relay lists the camera as online.
    pub async fn until_online(&self, name: &str) {
        self.until(name, "is online", |camera| camera["online"] == true)
            .await;
    }

    /// Waits until what the relay tells of the camera fits, and gives that.
    pub async fn until(&self, name: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{name} {what}"), SOON, async || {
            let camera = self.camera(name).await?;
            ensure!(fits(&camera), "{camera}");
            anyhow::Ok(camera)
        })
        .await
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Another way for [`Relay::restart`] to start it.
    pub fn relaunch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// Starts it again at the same address.
    pub fn restart(&mut self) {
        self.process = spawn("sightline-relay", &self.arguments, &self.launch);
    }

    /// Waits until it answers that it is ready.
    pub async fn until_ready(&self) {
        eventually("the relay is ready", SOON, async || {
            let answer = self.get("/readyz").await?;
            ensure!(
                answer.status == 200,
                "{}",
                String::from_utf8_lossy(&answer.body)
            );
            Ok(())
        })
        .await;
    }
}

/// A running `sightline-publisher`.
#[derive(Debug)]
pub struct Publisher {
    arguments: Vec<String>,
    launch: Launch,
    process: Process,
}

impl Publisher {
    /// Starts a publisher of cameras, each with name and source.
    pub fn start(nats_url: &str, site: &str, cameras: &[(&str, &str)]) -> Self {
        Self::launch(nats_url, site, cameras, Launch::default())
    }

    /// The same, in the way that `launch` says.
    pub fn launch(nats_url: &str, site: &str, cameras: &[(&str, &str)], launch: Launch) -> Self {
        let mut arguments = ["--nats", nats_url, "--site", site]
            .map(str::to_owned)
            .to_vec();
        for (name, source) in cameras {
            arguments.extend(["--camera".to_owned(), format!("{name}={source}")]);
        }
        let process = spawn("sightline-publisher", &arguments, &launch);
        Self {
            arguments,
            launch,
            process,
        }
    }

    /// Another way for [`Publisher::restart`] to start it.
    pub fn relaunch(&mut self, launch: Launch) {
        self.launch = launch;
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it as a crash does: without a goodbye.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again.
    pub fn restart(&mut self) {
        self.process = spawn("sightline-publisher", &self.arguments, &self.launch);
    }

    /// Asks it to end, waits until it did, and gives its exit code.
    pub async fn stop(&mut self) -> Result<i32> {
        self.process.signal(Signal::TERM)?;
        self.process
            .until_ended(SOON)
            .await
            .code()
            .context("ended by a signal")
    }
}

fn spawn(program: &str, arguments: &[String], launch: &Launch) -> Process {
    Process::launch(program, &binary(program), arguments, launch).expect("it starts")
}
