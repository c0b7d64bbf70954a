//! A browser before a fleet: what every test begins with.

use sightline_tests::{
    browser::{Chromium, INSECURE_HOST, Page, SOON},
    eventually,
    fleet::{Publisher, Relay},
    nats, process,
};

/// Cameras, each with name and source.
pub(crate) const BARN: (&str, &str) = ("barn", "test://?size=640x360&fps=10");
pub(crate) const GATE: (&str, &str) = ("gate", "test://?size=320x240&fps=10");

/// nats-server, relay and browser.
pub(crate) struct Scene {
    pub(crate) chromium: Chromium,
    pub(crate) relay: Relay,
    pub(crate) nats: nats::Server,
}

impl Scene {
    /// Starts all of it.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings in the relay's environment.
    pub(crate) async fn start_with(environment: &[(&'static str, &str)]) -> Self {
        // Building our programs blocks, and no time limit may run meanwhile.
        process::binary("sightline-relay");
        let fleet = async {
            let nats = nats::Server::start(nats::Version::Current, "").await;
            let relay = Relay::start_with(&nats.url(), environment).await;
            (nats, relay)
        };
        let ((nats, relay), chromium) = tokio::join!(fleet, Chromium::start());
        Self {
            chromium,
            relay,
            nats,
        }
    }

    /// The same with a publisher of `farm/barn` and `farm/gate`, once the relay knows them.
    pub(crate) async fn farm() -> (Self, Publisher) {
        let scene = Self::start().await;
        let publisher = scene.publish("farm", &[BARN, GATE]);
        scene.relay.until_online("farm/barn").await;
        scene.relay.until_online("farm/gate").await;
        (scene, publisher)
    }

    /// Starts a publisher of cameras, each with name and source.
    pub(crate) fn publish(&self, site: &str, cameras: &[(&str, &str)]) -> Publisher {
        Publisher::start(&self.nats.url(), site, cameras)
    }

    /// Opens a page of the relay.
    pub(crate) async fn open(&self, path: &str) -> Page {
        self.chromium.open(&self.url(path)).await
    }

    /// The address of a page of the relay.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.relay.address())
    }

    /// The same by a name that makes it no secure page: `host:port`.
    pub(crate) fn insecure_host(&self) -> String {
        let (_, port) = self.relay.address().split_once(':').expect("a port");
        format!("{INSECURE_HOST}:{port}")
    }

    /// Waits until the relay has so many viewers of each of these cameras.
    pub(crate) async fn until_viewers(&self, cameras: &[&str], viewers: u64) {
        for camera in cameras {
            let what = format!("has {viewers} viewers");
            let fits = |told: &serde_json::Value| told["viewers"] == viewers;
            self.relay.until(camera, &what, fits).await;
        }
    }

    /// Waits until the page is at a path.
    pub(crate) async fn until_at(&self, page: &Page, path: &str) {
        let url = self.url(path);
        eventually(&format!("the page is at {path}"), SOON, async || {
            let at: String = page.eval("location.href").await?;
            anyhow::ensure!(at == url, "it is at {at}");
            Ok(())
        })
        .await;
    }

    /// Fails if the page complained of anything, or asked anyone but the relay for anything.
    pub(crate) fn assert_clean(&self, page: &Page) {
        page.assert_clean(&[self.relay.address()], &[]);
    }
}
