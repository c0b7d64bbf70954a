//! Cameras over the bus inside the process, with sources that do as they are told, mostly in paused time.

mod control;
mod failure;
mod flow;
mod presence;

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
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    picture::{Image, Picture},
    source::{Error, Hint, Output, SourceUrl},
};

const MIB: usize = 1 << 20;

/// One camera on a bus, and a relay's view of it.
struct Rig {
    bus: Bus,
    name: CameraName,
    announcements: Subscription,
    frames: Subscription,
    assembler: Assembler,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Rig {
    async fn new(camera: Camera) -> Self {
        Self::on(Bus::local(MIB), camera).await
    }

    async fn on(bus: Bus, camera: Camera) -> Self {
        let name = camera.name.clone();
        let frames = Topic::Frame(name.clone(), JPEG.parse().unwrap())
            .subject()
            .into();
        let announcements = Topic::Announce(name.clone()).subject().into();
        let (announcements, frames) = (
            bus.subscribe(&announcements).await.unwrap(),
            bus.subscribe(&frames).await.unwrap(),
        );
        let shutdown = CancellationToken::new();
        let run = run(camera, publisher(), bus.clone(), shutdown.clone());
        let task = tokio::spawn(async { run.await.unwrap() });
        // Its subscriptions are made by the time it first waits.
        sleep(Duration::from_millis(1)).await;
        Self {
            bus,
            name,
            announcements,
            frames,
            assembler: Assembler::default(),
            shutdown,
            task,
        }
    }

    async fn demand(&self, single: bool) {
        let demand = Demand {
            stream: JPEG.into(),
            relay: "relay".into(),
            single,
        };
        let subject = Topic::Demand(self.name.clone()).subject();
        self.bus
            .publish(&subject, demand.encode_to_vec().into())
            .await
            .unwrap();
    }

    /// The next whole frame.
    async fn frame(&mut self) -> Frame {
        loop {
            let Some(Delivery::Message(message)) = self.frames.next().await else {
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
        source: Arc::new(source),
        scheme: "fake".into(),
        shown_source: "fake://".into(),
        settings: Settings {
            quality: 80,
            max_fps: 0.0,
        },
        max_size: None,
        always: false,
        control: false,
    }
}

/// The test pattern, small.
fn test_pattern(fps: u32) -> Camera {
    let url = format!("test://?size=160x90&fps={fps}");
    let source = crate::source::parse(&SourceUrl::new(&url, BTreeMap::new()).unwrap());
    Camera {
        source: source.unwrap().into(),
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
