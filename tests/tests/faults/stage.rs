//! A small fleet, and what is noted of it before a fault.

use std::time::{Duration, Instant};

use anyhow::Result;
use sightline_tests::{
    fleet::{Publisher, Relay, SOON},
    nats::{Server, Version},
    process::{Launch, Process},
};
use tokio::time::sleep;

use crate::{
    measured::Measured,
    viewer::Viewer,
    witness::{Memory, Readiness, repeated},
};

pub(crate) const CAMERA: &str = "farm/gate";
pub(crate) const FPS: f64 = 20.0;
pub(crate) const SOURCE: &str = "test://?size=320x180&fps=20";

/// How long a fleet runs undisturbed before a fault, and after it.
pub(crate) const STEADY: Duration = Duration::from_secs(2);

/// How our programs are started here: their logs can be compared, and all viewers have one address.
pub(crate) fn launch() -> Launch {
    Launch::default()
        .with("SIGHTLINE_LOG__FORMAT", "json")
        .with("SIGHTLINE_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "0")
}

/// What a publisher is started with: it knows no setting of relays.
pub(crate) fn publisher_launch() -> Launch {
    Launch::default().with("SIGHTLINE_LOG__FORMAT", "json")
}

/// One nats-server, one publisher, and relays.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) relays: Vec<Relay>,
    pub(crate) publisher: Publisher,
    pub(crate) readiness: Vec<Readiness>,
}

impl Stage {
    pub(crate) async fn start(relays: usize) -> Self {
        Self::start_with(relays, SOURCE).await
    }

    pub(crate) async fn start_with(relays: usize, source: &str) -> Self {
        let version = Version::Current;
        let server = Server::start(version, &version.shipped()).await;
        Self::around(server, relays, source).await
    }

    /// With a server that is there already.
    pub(crate) async fn around(server: Server, relays: usize, source: &str) -> Self {
        let url = server.url();
        let cameras = [("gate", source)];
        let publisher = Publisher::launch(&url, "farm", &cameras, publisher_launch());
        let relays = start_relays(&url, relays).await;
        let readiness = relays
            .iter()
            .map(|relay| Readiness::watch(relay.address()))
            .collect();
        Self {
            server,
            relays,
            publisher,
            readiness,
        }
    }

    /// A viewer of the camera that knows all relays, and begins at the one with this number.
    pub(crate) fn viewer(&self, first: usize) -> Viewer {
        let mut addresses: Vec<_> = self.relays.iter().map(Relay::address).collect();
        addresses.rotate_left(first);
        Viewer::reading(&addresses, CAMERA)
    }

    /// A viewer who has seen the camera undisturbed for a while.
    pub(crate) async fn steady_viewer(&self) -> Viewer {
        let viewer = self.viewer(0);
        steady(&viewer).await;
        viewer
    }

    /// Every program of ours, by name.
    pub(crate) fn ours(&mut self) -> Vec<(String, &Process)> {
        let relays = self.relays.iter_mut().enumerate();
        let mut all: Vec<(String, &Process)> = relays
            .map(|(n, relay)| (format!("relay {n}"), &*relay.process()))
            .collect();
        all.push(("publisher".to_owned(), &*self.publisher.process()));
        all
    }

    /// The same, where the second relay is to take over the viewers of the first: what that holds is the measure.
    pub(crate) fn ours_after_takeover(&mut self) -> Vec<(String, &Process)> {
        let mut all = self.ours();
        all[1] = ("relay 1".to_owned(), all[0].1);
        all
    }
}

pub(crate) async fn start_relays(url: &str, count: usize) -> Vec<Relay> {
    let mut relays = Vec::new();
    for _ in 0..count {
        let relay = Relay::launch(url, launch());
        relay.until_ready().await;
        relay.until_online(CAMERA).await;
        relays.push(relay);
    }
    relays
}

/// Waits until the viewer sees live pictures, and has seen them for a while.
pub(crate) async fn steady(viewer: &Viewer) {
    viewer.until_live(Instant::now(), SOON, |_| true).await;
    sleep(STEADY).await;
}

/// What is noted of programs before a fault.
pub(crate) struct Before(Vec<(String, i32, Memory, usize)>);

impl Before {
    pub(crate) fn of(programs: &[(String, &Process)]) -> Result<Self> {
        let noted = programs.iter().map(|(name, process)| {
            let pid = process.pid().as_raw_nonzero().get();
            Ok((
                name.clone(),
                pid,
                Memory::before(process)?,
                process.log_len(),
            ))
        });
        Ok(Self(noted.collect::<Result<_>>()?))
    }

    /// Holds what is left of the fault against it: memory that is not given back, and events that were logged more
    /// than once. Programs that were started anew are compared with those they replaced.
    pub(crate) async fn compare(
        self,
        programs: &[(String, &Process)],
        measured: &mut Measured,
    ) -> Result<()> {
        for (name, pid, memory, logged) in self.0 {
            let Some((_, process)) = programs.iter().find(|(other, _)| *other == name) else {
                continue;
            };
            let is_new = process.pid().as_raw_nonzero().get() != pid;
            let lines = process.log_after(if is_new { 0 } else { logged });
            for (line, count) in repeated(&lines) {
                measured.must(false, format!("{name} logs {count} times {line}"));
            }
            let (growth, is_back) = memory.after(process).await?;
            measured.rss_growth = measured.rss_growth.max(growth);
            if !is_back {
                measured
                    .missed
                    .push(format!("the memory of {name} grew by {growth} bytes"));
            }
        }
        Ok(())
    }
}
