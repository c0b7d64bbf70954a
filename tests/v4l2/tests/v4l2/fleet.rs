//! A publisher with its bus, as a relay sees it.

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use sightline_bus::{Bus, Delivery, Subscription};
use sightline_proto::{
    Announce, CameraName, CameraState, ControlReply, Frame, JPEG, Message as _, Query, Subject,
    assemble::{Assembler, Progress},
    subject::Topic,
};
use sightline_publisher::{CameraConfig, Config};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Everything that is waited for happens well within this, in a virtual machine without acceleration.
const PATIENCE: Duration = Duration::from_secs(40);

/// The largest payload of a NATS server with default settings.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// A publisher that runs.
pub(crate) struct Fleet {
    bus: Bus,
    stop: CancellationToken,
    publisher: JoinHandle<()>,
}

/// A camera that captures all the time, whoever watches.
pub(crate) fn always(source: &str) -> CameraConfig {
    CameraConfig {
        source: source.into(),
        always: true,
        ..CameraConfig::default()
    }
}

pub(crate) fn with_controls(mut camera: CameraConfig, controls: &[(&str, i64)]) -> CameraConfig {
    camera.controls = controls
        .iter()
        .map(|&(name, value)| (name.into(), value))
        .collect();
    camera
}

impl Fleet {
    /// Starts a publisher with these cameras, by name.
    pub(crate) fn start<const N: usize>(cameras: [(&str, CameraConfig); N]) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter("info")
            .with_test_writer()
            .try_init();
        let bus = Bus::local(MAX_PAYLOAD_BYTES);
        let stop = CancellationToken::new();
        let config = Config {
            cameras: cameras
                .map(|(name, camera)| (name.to_owned(), camera))
                .into(),
            ..Config::default()
        };
        let run = sightline_publisher::run(config, bus.clone(), stop.clone());
        let publisher = tokio::spawn(async move { run.await.unwrap() });
        Self {
            bus,
            stop,
            publisher,
        }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// What a viewer of `camera` receives from now on.
    pub(crate) async fn frames(&self, camera: &str) -> Frames {
        let topic = Topic::Frame(name(camera), JPEG.parse().unwrap());
        let subscription = self.subscribe(&topic.subject()).await;
        Frames {
            subscription,
            assembler: Assembler::default(),
        }
    }

    /// Waits until `camera` announces itself so that `wanted` is content with it.
    pub(crate) async fn announced(
        &self,
        camera: &str,
        mut wanted: impl FnMut(&Announce) -> bool,
    ) -> Announce {
        let mut subscription = self
            .subscribe(&Topic::Announce(name(camera)).subject())
            .await;
        // Not to wait for the next heartbeat.
        let query = Query {}.encode_to_vec().into();
        self.bus
            .publish(&Topic::QueryAnnounce.subject(), query)
            .await
            .unwrap();
        let mut seen = String::new();
        let search = async {
            loop {
                let announce = Announce::decode(next(&mut subscription).await).unwrap();
                if wanted(&announce) {
                    return announce;
                }
                writeln!(seen, "{announce:?}").unwrap();
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(announce) => announce,
            Err(_) => panic!("{camera} was not announced as it should; seen:\n{seen}"),
        }
    }

    /// Waits until `camera` has failed; returns why.
    pub(crate) async fn failure(&self, camera: &str) -> String {
        let failed = |announce: &Announce| {
            matches!(announce.state(), CameraState::Failed | CameraState::Stalled)
        };
        self.announced(camera, failed).await.reason
    }

    /// Waits until `camera` is live.
    pub(crate) async fn live(&self, camera: &str) -> Announce {
        self.announced(camera, |announce| announce.state() == CameraState::Live)
            .await
    }

    /// Asks `camera` for something over the bus, as a relay does.
    pub(crate) async fn ask(&self, camera: &str, verb: &str, request: Vec<u8>) -> ControlReply {
        let subject = Topic::Control(name(camera), verb.parse().unwrap()).subject();
        let reply = self.bus.request(&subject, request.into(), PATIENCE);
        ControlReply::decode(reply.await.unwrap()).unwrap()
    }

    /// Ends the publisher. All its devices are closed afterwards.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.publisher)
            .await
            .expect("the publisher does not end")
            .unwrap();
        assert_eq!(open_devices(), [], "left open");
    }

    async fn subscribe(&self, subject: &Subject) -> Subscription {
        self.bus.subscribe(&subject.clone().into()).await.unwrap()
    }
}

/// The frames of one camera.
pub(crate) struct Frames {
    subscription: Subscription,
    assembler: Assembler,
}

impl Frames {
    /// The next frame.
    pub(crate) async fn next(&mut self) -> Frame {
        let search = async {
            loop {
                let part = Frame::decode(next(&mut self.subscription).await).unwrap();
                match self.assembler.push(part).0 {
                    Progress::Complete(frame) => return frame,
                    Progress::Partial | Progress::Orphan => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        timeout(PATIENCE, search).await.expect("no frame comes")
    }

    /// The next `count` frames, of which each is newer than the one before.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::new();
        while frames.len() < count {
            let frame = self.next().await;
            if let Some(last) = frames.last() {
                assert!(
                    last.sequence < frame.sequence,
                    "{} then {}",
                    last.sequence,
                    frame.sequence
                );
                assert!(last.capture_time_us < frame.capture_time_us);
            }
            frames.push(frame);
        }
        frames
    }
}

/// The video devices that this process has open, and whether child processes would inherit them.
pub(crate) fn open_devices() -> Vec<(PathBuf, bool)> {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
    descriptors
        .filter_map(|descriptor| {
            let target = fs::read_link(descriptor.path()).ok()?;
            let number = descriptor.file_name().into_string().unwrap();
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
            let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
            const CLOSE_ON_EXEC: u32 = 0o2_000_000;
            let is_video = target.to_str()?.starts_with("/dev/video");
            is_video.then_some((target, flags & CLOSE_ON_EXEC == 0))
        })
        .collect()
}

/// How many pictures were dropped for `reason` so far.
pub(crate) fn dropped(announce: &Announce, reason: &str) -> u64 {
    let counts = announce
        .dropped
        .iter()
        .filter(|count| count.reason == reason);
    counts.map(|count| count.count).sum()
}

pub(crate) fn name(camera: &str) -> CameraName {
    CameraName::new("local".parse().unwrap(), camera.parse().unwrap())
}

async fn next(subscription: &mut Subscription) -> bytes::Bytes {
    loop {
        match subscription.next().await.expect("the bus was closed") {
            Delivery::Message(message) => return message.payload,
            // This test was slow; the next message is as good.
            Delivery::Lost(_) => {}
        }
    }
}
