//! A camera on a bus, as a relay sees it.

use super::*;

/// One camera on a bus, and a relay's view of it.
pub(super) struct Rig {
    pub(super) bus: Bus,
    pub(super) name: CameraName,
    pub(super) announcements: Subscription,
    pub(super) frames: Frames,
    pub(super) shared: Arc<Shared>,
    pub(super) shutdown: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

/// What a relay gets of one stream.
pub(super) struct Frames {
    pub(super) messages: Subscription,
    pub(super) assembler: Assembler,
}

impl Frames {
    pub(super) async fn next(&mut self) -> Frame {
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
    pub(super) async fn within(&mut self, time: Duration) -> Vec<Frame> {
        let (end, mut frames) = (Instant::now() + time, Vec::new());
        while let Ok(frame) = tokio::time::timeout_at(end, self.next()).await {
            frames.push(frame);
        }
        frames
    }

    /// What is there already.
    pub(super) async fn at_hand(&mut self) -> Vec<Frame> {
        self.within(Duration::from_millis(1)).await
    }
}

impl Rig {
    pub(super) async fn new(camera: Camera) -> Self {
        Self::on(Bus::local(MIB), camera).await
    }

    pub(super) async fn on(bus: Bus, camera: Camera) -> Self {
        let name = camera.name.clone();
        let announcements = Topic::Announce(name.clone()).subject().into();
        let announcements = bus.subscribe(&announcements).await.unwrap();
        let frames = frames(&bus, &name, JPEG).await;
        let shutdown = CancellationToken::new();
        let shared = Arc::new(Shared::new(camera, publisher()));
        let task = tokio::spawn({
            let (shared, bus, shutdown) = (shared.clone(), bus.clone(), shutdown.clone());
            async move {
                drive(&shared, &bus, &shutdown).await.unwrap();
                announce::goodbye(&shared, &bus).await;
            }
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

    pub(super) async fn frames_of(&self, stream: &str) -> Frames {
        frames(&self.bus, &self.name, stream).await
    }

    pub(super) async fn demand(&self, single: bool) {
        self.demand_of(JPEG, "relay", single).await;
    }

    /// A relay asks for all frames of `stream`, and the camera hears it.
    pub(super) async fn watch(&self, stream: &str, relay: &str) {
        self.demand_of(stream, relay, false).await;
        sleep(Duration::from_millis(1)).await;
    }

    pub(super) async fn demand_of(&self, stream: &str, relay: &str, single: bool) {
        let demand = Demand {
            stream: stream.into(),
            relay: relay.into(),
            single,
            ..Demand::default()
        };
        let subject = Topic::Demand(self.name.clone()).subject();
        self.bus
            .publish(&subject, demand.encode_to_vec().into())
            .await
            .unwrap();
    }

    /// The next whole frame of the stream of JPEGs.
    pub(super) async fn frame(&mut self) -> Frame {
        self.frames.next().await
    }

    /// How many frames come within `time`. Demand is repeated if `watch`.
    pub(super) async fn frames_within(&mut self, time: Duration, watch: bool) -> usize {
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

    pub(super) async fn announcement(&mut self) -> Announce {
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
    pub(super) fn announced(&self, stream: &str) -> Option<sightline_proto::Stream> {
        let offered = self
            .shared
            .offered()
            .find(|offered| offered.name == stream)?;
        Some(self.shared.announced(offered))
    }

    pub(super) fn offered(&self) -> Vec<&'static str> {
        self.shared.offered().map(|stream| stream.name).collect()
    }

    /// How many pictures were encoded and decoded for `stream`.
    pub(super) fn work(&self, stream: &str) -> (u64, u64) {
        let work = &self.shared.stream(stream).work;
        (
            work.encoded.load(Ordering::Relaxed),
            work.decoded.load(Ordering::Relaxed),
        )
    }

    pub(super) fn dropped(&self, reason: DropReason) -> u64 {
        let all = self.shared.dropped();
        let count = all.iter().find(|(dropped, _)| *dropped == reason);
        count.map_or(0, |(_, count)| *count)
    }

    /// The next announcement of `state`; those of other states go by.
    pub(super) async fn state(&mut self, state: CameraState) -> Announce {
        let within = Instant::now() + Duration::from_secs(60);
        loop {
            let announce = self.announcement().await;
            if announce.state() == state {
                return announce;
            }
            assert!(Instant::now() < within, "never {state:?}");
        }
    }

    pub(super) async fn stop(self) -> Subscription {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.task)
            .await
            .unwrap()
            .unwrap();
        self.announcements
    }
}

pub(super) async fn frames(bus: &Bus, camera: &CameraName, stream: &str) -> Frames {
    let subject = Topic::Frame(camera.clone(), stream.parse().unwrap()).subject();
    Frames {
        messages: bus.subscribe(&subject.into()).await.unwrap(),
        assembler: Assembler::default(),
    }
}
