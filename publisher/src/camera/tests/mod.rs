//! Cameras over the bus inside the process, with sources that do as they are told, mostly in paused time.

mod control;
mod failure;
mod flow;
mod h264;
mod jpeg;
mod presence;
mod streams;
mod sub;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sightline_bus::{Bus, Delivery, Subscription};
use sightline_proto::{
    Announce, CameraState, Demand, Frame, JPEG, Message as _,
    assemble::{Assembler, Progress},
    subject::Topic,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    picture::{Image, Picture},
    source::{DropReason, Error, Hint, Output, Source, SourceUrl},
};

const MIB: usize = 1 << 20;

/// One camera on a bus, and a relay's view of it.
struct Rig {
    bus: Bus,
    name: CameraName,
    announcements: Subscription,
    frames: Frames,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// What a relay gets of one stream.
struct Frames {
    messages: Subscription,
    assembler: Assembler,
}

impl Frames {
    async fn next(&mut self) -> Frame {
        loop {
            let Some(Delivery::Message(message)) = self.messages.next().await else {
                panic!("frames were lost")
            };
            let part = Frame::decode(message.payload).unwrap();
            match self.assembler.push(part).0 {
                Progress::Complete(frame) => return frame,
                Progress::Partial => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// What comes within `time`.
    async fn within(&mut self, time: Duration) -> Vec<Frame> {
        let (end, mut frames) = (Instant::now() + time, Vec::new());
        while let Ok(frame) = tokio::time::timeout_at(end, self.next()).await {
            frames.push(frame);
        }
        frames
    }

    /// What is there already.
    async fn at_hand(&mut self) -> Vec<Frame> {
        self.within(Duration::from_millis(1)).await
    }
}

impl Rig {
    async fn new(camera: Camera) -> Self {
        Self::on(Bus::local(MIB), camera).await
    }

    async fn on(bus: Bus, camera: Camera) -> Self {
        let name = camera.name.clone();
        let announcements = Topic::Announce(name.clone()).subject().into();
        let announcements = bus.subscribe(&announcements).await.unwrap();
        let frames = frames(&bus, &name, JPEG).await;
        let shutdown = CancellationToken::new();
        let shared = Arc::new(Shared::new(camera, publisher()));
        let task = tokio::spawn({
            let (shared, bus, shutdown) = (shared.clone(), bus.clone(), shutdown.clone());
            async move { drive(&shared, &bus, &shutdown).await.unwrap() }
        });
        // Its subscriptions are made by the time it first waits.
        sleep(Duration::from_millis(1)).await;
        Self {
            bus,
            name,
            announcements,
            frames,
            shared,
            shutdown,
            task,
        }
    }

    async fn frames_of(&self, stream: &str) -> Frames {
        frames(&self.bus, &self.name, stream).await
    }

    async fn demand(&self, single: bool) {
        self.demand_of(JPEG, "relay", single).await;
    }

    /// A relay asks for all frames of `stream`, and the camera hears it.
    async fn watch(&self, stream: &str, relay: &str) {
        self.demand_of(stream, relay, false).await;
        sleep(Duration::from_millis(1)).await;
    }

    async fn demand_of(&self, stream: &str, relay: &str, single: bool) {
        let demand = Demand {
            stream: stream.into(),
            relay: relay.into(),
            single,
        };
        let subject = Topic::Demand(self.name.clone()).subject();
        self.bus
            .publish(&subject, demand.encode_to_vec().into())
            .await
            .unwrap();
    }

    /// The next whole frame of the stream of JPEGs.
    async fn frame(&mut self) -> Frame {
        self.frames.next().await
    }

    /// How many frames come within `time`. Demand is repeated if `watch`.
    async fn frames_within(&mut self, time: Duration, watch: bool) -> usize {
        let (end, mut frames) = (Instant::now() + time, 0);
        let mut next_demand = Instant::now();
        while Instant::now() < end {
            if watch && Instant::now() >= next_demand {
                self.demand(false).await;
                next_demand += sightline_proto::HEARTBEAT;
            }
            let until = if watch { end.min(next_demand) } else { end };
            if tokio::time::timeout_at(until, self.frame()).await.is_ok() {
                frames += 1;
            }
        }
        frames
    }

    async fn announcement(&mut self) -> Announce {
        loop {
            match timeout(Duration::from_secs(60), self.announcements.next())
                .await
                .unwrap()
            {
                Some(Delivery::Message(message)) => {
                    return Announce::decode(message.payload).unwrap();
                }
                // Time ran on without a look at them.
                Some(Delivery::Lost(_)) => {}
                None => panic!("the bus was closed"),
            }
        }
    }

    /// What is announced of `stream` now; nothing if it is not offered.
    fn announced(&self, stream: &str) -> Option<sightline_proto::Stream> {
        let offered = self
            .shared
            .offered()
            .find(|offered| offered.name == stream)?;
        Some(self.shared.announced(offered))
    }

    fn offered(&self) -> Vec<&'static str> {
        self.shared.offered().map(|stream| stream.name).collect()
    }

    /// How many pictures were encoded and decoded for `stream`.
    fn work(&self, stream: &str) -> (u64, u64) {
        let work = &self.shared.stream(stream).work;
        (
            work.encoded.load(Ordering::Relaxed),
            work.decoded.load(Ordering::Relaxed),
        )
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        let all = self.shared.dropped();
        let count = all.iter().find(|(dropped, _)| *dropped == reason);
        count.map_or(0, |(_, count)| *count)
    }

    /// The next announcement of `state`; those of other states go by.
    async fn state(&mut self, state: CameraState) -> Announce {
        let within = Instant::now() + Duration::from_secs(60);
        loop {
            let announce = self.announcement().await;
            if announce.state() == state {
                return announce;
            }
            assert!(Instant::now() < within, "never {state:?}");
        }
    }

    async fn stop(self) -> Subscription {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.task)
            .await
            .unwrap()
            .unwrap();
        self.announcements
    }
}

async fn frames(bus: &Bus, camera: &CameraName, stream: &str) -> Frames {
    let subject = Topic::Frame(camera.clone(), stream.parse().unwrap()).subject();
    Frames {
        messages: bus.subscribe(&subject.into()).await.unwrap(),
        assembler: Assembler::default(),
    }
}

fn publisher() -> Arc<Publisher> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let instance = format!("instance-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    Arc::new(Publisher {
        version: "1",
        instance,
        cameras: 1,
    })
}

fn camera(source: impl Source + 'static) -> Camera {
    Camera {
        name: "farm/gate".parse().unwrap(),
        title: "The gate".into(),
        from: named(source),
        offer: Offer::default(),
        settings: Settings {
            quality: 80,
            max_fps: 0.0,
        },
        max_size: None,
        always: false,
        control: false,
    }
}

fn named(source: impl Source + 'static) -> Named {
    Named {
        source: Arc::new(source),
        scheme: "fake".into(),
        shown: "fake://".into(),
    }
}

/// The test pattern, small.
fn test_pattern(fps: u32) -> Camera {
    let url = format!("test://?size=160x90&fps={fps}");
    let source = crate::source::parse(&SourceUrl::new(&url, BTreeMap::new()).unwrap());
    Camera {
        from: Named {
            source: source.unwrap().into(),
            ..named(Fake::new(|_| Play::default()))
        },
        ..camera(Fake::new(|_| Play::default()))
    }
}

/// What a source does in one attempt.
#[derive(Clone, Debug)]
struct Play {
    pictures: u32,
    jpeg: Bytes,
    period: Duration,
    then: Then,
}

#[derive(Clone, Debug)]
enum Then {
    Hang,
    Fail(&'static str),
    Refuse,
    End,
    Panic,
    /// Ignores that it is told to stop.
    Stick,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            pictures: u32::MAX,
            jpeg: jpeg(32, 16),
            period: Duration::from_millis(100),
            then: Then::Hang,
        }
    }
}

/// A source that does in each attempt what it was told for it.
struct Fake {
    attempts: Arc<AtomicU32>,
    running: Arc<AtomicU32>,
    plan: Box<dyn Fn(u32) -> Play + Send + Sync>,
    fps: f32,
}

impl Fake {
    fn new(plan: impl Fn(u32) -> Play + Send + Sync + 'static) -> Self {
        Self {
            attempts: Arc::default(),
            running: Arc::default(),
            plan: Box::new(plan),
            fps: 0.0,
        }
    }
}

impl Source for Fake {
    fn hint(&self) -> Hint {
        Hint {
            width: 0,
            height: 0,
            fps: self.fps,
        }
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let play = (self.plan)(self.attempts.fetch_add(1, Ordering::SeqCst));
        let running = self.running.clone();
        running.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let _guard = scopeguard(running);
            let playing = async {
                for _ in 0..play.pictures {
                    output.put(Picture {
                        capture_time_us: crate::clock::now_us(),
                        image: Image::Jpeg(play.jpeg.clone()),
                    });
                    sleep(play.period).await;
                }
                let what = "fake://".to_owned();
                match play.then {
                    Then::Hang => std::future::pending().await,
                    Then::Fail(reason) => Err(Error::Failed {
                        what,
                        reason: reason.into(),
                    }),
                    Then::Refuse => Err(Error::Unauthorized { what }),
                    Then::End => Ok(()),
                    Then::Panic => panic!("as planned"),
                    Then::Stick => {
                        stop.cancelled().await;
                        std::future::pending().await
                    }
                }
            };
            if matches!(play.then, Then::Stick) {
                return playing.await;
            }
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                result = playing => result,
            }
        })
    }
}

/// A source whose output the test fills while it is open.
#[derive(Clone, Default)]
struct Fed(Arc<watch::Sender<Option<Output>>>);

impl Fed {
    /// Where to put what it gives, once it is opened.
    async fn output(&self) -> Output {
        let mut output = self.0.subscribe();
        let opened = output.wait_for(Option::is_some).await.unwrap();
        opened.clone().unwrap()
    }

    fn is_open(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl Source for Fed {
    fn hint(&self) -> Hint {
        Hint::default()
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.0.send_replace(Some(output.clone()));
            stop.cancelled().await;
            self.0.send_replace(None);
            Ok(())
        })
    }
}

/// Says that a source is no longer running, however it ended.
fn scopeguard(running: Arc<AtomicU32>) -> impl Drop {
    struct Guard(Arc<AtomicU32>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    Guard(running)
}

/// Noise: as long as a picture of this size gets.
fn jpeg(width: u16, height: u16) -> Bytes {
    let mut state = 1u32;
    let mut pixel = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height))
        .map(|_| pixel())
        .collect();
    let mut out = Vec::new();
    jpeg_encoder::Encoder::new(&mut out, 80)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Luma)
        .unwrap();
    out.into()
}
