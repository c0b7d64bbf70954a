//! A publisher takes in another configuration while it runs.

use std::path::Path;

use rustix::process::Signal;
use sightline_bus::{Bus, Delivery, Options, Subscription};
use sightline_proto::{Frame, JPEG, Message as _, subject::Topic};
use sightline_tests::{
    fleet::{Relay, SOON},
    nats::{Server, Version},
    process::{Process, binary},
};

const GATE: &str = "
[cameras.gate]
source = 'test://?size=160x90&fps=10'
always = true
";

/// A subscriber of one camera that never misses a frame unless there is none.
struct Witness {
    frames: Subscription,
    epoch: u64,
    next: u64,
}

impl Witness {
    async fn start(server: &Server) -> Self {
        let options = Options {
            url: server.url(),
            ..Options::default()
        };
        let bus = Bus::connect(&options).await.unwrap();
        let gate = "farm/gate".parse().unwrap();
        let subject = Topic::Frame(gate, JPEG.parse().unwrap()).subject();
        let mut frames = bus.subscribe(&subject.into()).await.unwrap();
        let first = frame(&mut frames).await;
        Self {
            frames,
            epoch: first.epoch,
            next: first.sequence + 1,
        }
    }

    /// Holds if no frame was lost so far, and `more` of them come.
    async fn goes_on(&mut self, more: usize) {
        for _ in 0..more {
            let frame = frame(&mut self.frames).await;
            assert_eq!((frame.epoch, frame.sequence), (self.epoch, self.next));
            self.next += 1;
        }
    }
}

async fn frame(frames: &mut Subscription) -> Frame {
    match tokio::time::timeout(SOON, frames.next()).await {
        Ok(Some(Delivery::Message(message))) => Frame::decode(message.payload).unwrap(),
        other => panic!("no frame: {other:?}"),
    }
}

fn write(path: &Path, cameras: &str) {
    std::fs::write(path, format!("site = 'farm'\n{GATE}{cameras}")).unwrap();
}

#[tokio::test]
async fn cameras_are_added_changed_and_removed_and_the_others_lose_no_frame() {
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let config = tempfile::NamedTempFile::new().unwrap();
    write(config.path(), "");
    let path = config.path().display().to_string();
    let arguments = ["--nats", &server.url(), "--config", &path].map(str::to_owned);
    let program = binary("sightline-publisher");
    let publisher = Process::start("sightline-publisher", &program, &arguments).unwrap();
    relay.until_online("farm/gate").await;
    let mut witness = Witness::start(&server).await;

    // The file alone.
    write(
        config.path(),
        "[cameras.door]\nsource = 'test://?size=64x36'\n",
    );
    relay.until_online("farm/door").await;
    witness.goes_on(45).await;

    // A signal.
    write(
        config.path(),
        "[cameras.door]\nsource = 'images://'\ntitle = 'Door'\n",
    );
    publisher.signal(Signal::HUP).unwrap();
    relay
        .until("farm/door", "is another one", |door| {
            door["online"] == true && door["source"] == "images" && door["title"] == "Door"
        })
        .await;
    witness.goes_on(25).await;

    // What is wrong is refused as at the start, and changes nothing.
    write(config.path(), "[cameras.door]\nsource = 'gopher://x'\n");
    publisher.signal(Signal::HUP).unwrap();
    publisher
        .until_logged("cameras.door.source: gopher://x")
        .await;
    assert!(publisher.logged("those before still hold"));
    std::fs::write(config.path(), "site = ").unwrap();
    publisher.signal(Signal::HUP).unwrap();
    publisher.until_logged("cannot read the settings in").await;
    assert_eq!(relay.camera("farm/door").await.unwrap()["online"], true);

    write(config.path(), "[nats]\nurl = 'nats://127.0.0.1:1'\n");
    publisher.signal(Signal::HUP).unwrap();
    relay
        .until("farm/door", "is gone", |door| door["online"] == false)
        .await;
    witness.goes_on(45).await;
    for line in ["camera added", "camera changed", "camera removed"] {
        let said = publisher
            .log()
            .iter()
            .filter(|said| said.contains(line))
            .count();
        assert_eq!(said, 1, "{line}");
    }
}
