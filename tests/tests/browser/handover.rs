//! Two relays behind one address: what a page shows while one of them leaves or dies.

use std::collections::HashMap;

use rustix::process::Signal;
use sightline_tests::{
    browser::{INSECURE_HOST, Page, Record, SOON},
    fleet::{Publisher, Relay},
};

use crate::{balancer::Balancer, scene::Scene};

const CAMERAS: [&str; 2] = ["farm/barn", "farm/gate"];

/// What Chromium writes of a connection that broke, and of a header that is for secure pages.
const EXPECTED: [&str; 4] = [
    "net::ERR_CONNECTION_RESET",
    "net::ERR_EMPTY_RESPONSE",
    "Connection closed before receiving a handshake response",
    "Cross-Origin-Opener-Policy header has been ignored",
];

/// The scene's relay takes all viewers while it is there.
struct Pair {
    scene: Scene,
    other: Relay,
    balancer: Balancer,
    _publisher: Publisher,
}

impl Pair {
    async fn start() -> Self {
        let (scene, publisher) = Scene::farm().await;
        let other = Relay::start(&scene.nats.url()).await;
        for camera in CAMERAS {
            other.until_online(camera).await;
        }
        let balancer = Balancer::start(&[scene.relay.address(), other.address()]).await;
        Self {
            scene,
            other,
            balancer,
            _publisher: publisher,
        }
    }

    /// A page by the address that both relays have, recorded once these cameras move.
    async fn open(&self, host: &str, path: &str, cameras: &[&str]) -> Page {
        let (_, port) = self.balancer.address().split_once(':').expect("a port");
        let url = format!("http://{host}:{port}{path}");
        let page = self.scene.chromium.open(&url).await;
        page.until_moving(cameras, SOON).await;
        for camera in cameras {
            let fits = |told: &serde_json::Value| told["viewers"] == 1;
            self.scene.relay.until(camera, "has a viewer", fits).await;
        }
        page.mark().await;
        page.record().await;
        page
    }

    /// What the page showed, once it is on the other relay and moves.
    async fn moved(&self, page: &Page, cameras: &[&str]) -> HashMap<String, Record> {
        for camera in cameras {
            let fits = |told: &serde_json::Value| told["viewers"] == 1;
            self.other.until(camera, "has a viewer", fits).await;
        }
        page.until_moving(cameras, SOON).await;
        page.assert_kept().await;
        let seen = page.recorded().await;
        assert_eq!(seen.len(), cameras.len());
        for (camera, seen) in &seen {
            assert_eq!((seen.blanks, seen.backwards), (0, 0), "{camera}: {seen:?}");
        }
        let (_, port) = self.balancer.address().split_once(':').expect("a port");
        let insecure = format!("{INSECURE_HOST}:{port}");
        page.assert_clean(&[self.balancer.address(), &insecure], &EXPECTED);
        seen
    }

    /// Has the relay leave that all viewers are on, and expects that nobody notices.
    async fn leave(mut self, host: &str, path: &str, cameras: &[&str]) {
        let page = self.open(host, path, cameras).await;
        let relay = self.scene.relay.process();
        relay.signal(Signal::TERM).expect("a process");
        let ended = relay.until_ended(SOON).await;
        assert_eq!(ended.code(), Some(0));
        for (camera, seen) in self.moved(&page, cameras).await {
            assert_eq!(seen.kinds, ["live"], "{camera}: {seen:?}");
        }
        assert_eq!(page.journal().sockets().len(), 2, "one to each relay");
    }
}

#[tokio::test]
async fn nobody_who_looks_at_the_wall_notices_that_a_relay_leaves() {
    let pair = Pair::start().await;
    pair.leave("127.0.0.1", "/", &CAMERAS).await;
}

#[tokio::test]
async fn nor_does_who_watches_h264_by_web_codecs() {
    let pair = Pair::start().await;
    pair.leave("127.0.0.1", "/watch/farm/gate", &["farm/gate"])
        .await;
}

#[tokio::test]
async fn nor_does_who_watches_h264_by_media_source() {
    let pair = Pair::start().await;
    pair.leave(INSECURE_HOST, "/watch/farm/gate", &["farm/gate"])
        .await;
}

#[tokio::test]
async fn after_a_relay_was_killed_the_page_goes_on_at_the_other_one_with_its_last_pictures() {
    let mut pair = Pair::start().await;
    let page = pair.open("127.0.0.1", "/", &CAMERAS).await;
    pair.scene.relay.kill();
    pair.moved(&page, &CAMERAS).await;
}
