//! A camera made of messages.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use sightline_bus::{Bus, Delivery};
use sightline_proto::{
    Announce, CameraName, CameraState, Codec, Demand, Frame, JPEG, Message as _, Stream,
    split::split, subject::Topic,
};
use tokio::task::JoinSet;

use super::eventually;

/// Announces itself, notes who demands it, and sends what it is told to.
pub(crate) struct Camera {
    pub(crate) name: CameraName,
    bus: Bus,
    epoch: u64,
    sequence: Arc<AtomicU64>,
    announce: Arc<Mutex<Announce>>,
    demands: Arc<Mutex<Vec<Demand>>>,
    tasks: JoinSet<()>,
}

impl Camera {
    /// A live camera.
    pub(crate) async fn start(bus: &Bus, name: &str) -> Self {
        Self::with(bus, name, 7, |_| {}).await
    }

    pub(crate) async fn with(
        bus: &Bus,
        name: &str,
        epoch: u64,
        change: impl FnOnce(&mut Announce),
    ) -> Self {
        let name: CameraName = name.parse().unwrap();
        let mut announce = Announce {
            epoch,
            state: CameraState::Live.into(),
            streams: vec![Stream {
                name: JPEG.into(),
                codec: Codec::Jpeg.into(),
                width: 64,
                height: 48,
                fps: 30.0,
                ..Stream::default()
            }],
            source: "test".into(),
            instance: format!("run-{epoch}"),
            ..Announce::default()
        };
        change(&mut announce);
        let mut camera = Self {
            bus: bus.clone(),
            epoch,
            sequence: Arc::default(),
            announce: Arc::new(Mutex::new(announce)),
            demands: Arc::default(),
            tasks: JoinSet::new(),
            name,
        };
        camera.follow_demand().await;
        camera.answer_queries().await;
        camera.announce().await;
        camera
    }

    async fn follow_demand(&mut self) {
        let subject = Topic::Demand(self.name.clone()).subject();
        let mut messages = self.bus.subscribe(&subject.into()).await.unwrap();
        let demands = self.demands.clone();
        self.tasks.spawn(async move {
            while let Some(Delivery::Message(message)) = messages.next().await {
                let demand = Demand::decode(message.payload).unwrap();
                demands.lock().unwrap().push(demand);
            }
        });
    }

    async fn answer_queries(&mut self) {
        let subject = Topic::QueryAnnounce.subject();
        let mut messages = self.bus.subscribe(&subject.into()).await.unwrap();
        let (bus, name, announce) = (self.bus.clone(), self.name.clone(), self.announce.clone());
        self.tasks.spawn(async move {
            while messages.next().await.is_some() {
                let announce = announce.lock().unwrap().clone();
                publish_announce(&bus, &name, &announce).await;
            }
        });
    }

    pub(crate) async fn announce(&self) {
        let announce = self.announce.lock().unwrap().clone();
        publish_announce(&self.bus, &self.name, &announce).await;
    }

    /// Changes what it announces, and announces it.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Announce)) {
        change(&mut self.announce.lock().unwrap());
        self.announce().await;
    }

    pub(crate) async fn say_goodbye(&self) {
        self.change(|announce| announce.goodbye = true).await;
    }

    /// Every demand so far.
    pub(crate) fn demands(&self) -> Vec<Demand> {
        self.demands.lock().unwrap().clone()
    }

    pub(crate) async fn demanded(&self, times: usize) {
        eventually("the camera is demanded", async || {
            self.demands().len() >= times
        })
        .await;
    }

    /// Sends a picture as the next frame. Its sequence number comes back.
    pub(crate) async fn send(&self, jpeg: &Bytes) -> u64 {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        self.send_frame(self.frame(sequence, jpeg)).await;
        sequence
    }

    pub(crate) fn frame(&self, sequence: u64, jpeg: &Bytes) -> Frame {
        Frame {
            epoch: self.epoch,
            sequence,
            capture_time_us: wall_us(),
            codec: Codec::Jpeg.into(),
            key: true,
            width: 64,
            height: 48,
            data: jpeg.clone(),
            ..Frame::default()
        }
    }

    pub(crate) async fn send_frame(&self, frame: Frame) {
        for part in split(frame, self.bus.max_payload_bytes()).unwrap() {
            self.send_raw(part).await;
        }
    }

    /// Sends any bytes where its frames go.
    pub(crate) async fn send_raw(&self, payload: Bytes) {
        let stream = JPEG.parse().unwrap();
        let subject = Topic::Frame(self.name.clone(), stream).subject();
        self.bus.publish(&subject, payload).await.unwrap();
    }

    /// Sends pictures at a steady rate from now on, watched or not.
    pub(crate) fn stream(&mut self, fps: u32, pictures: Vec<Bytes>) {
        let sender = self.sender();
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / fps);
            for picture in pictures.iter().cycle() {
                ticks.tick().await;
                sender.send(picture).await;
            }
        });
    }

    /// Answers each demand for one frame with one.
    pub(crate) fn answer_singles(&mut self, picture: Bytes) {
        let sender = self.sender();
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let mut answered = 0;
        self.tasks.spawn(async move {
            loop {
                ticks.tick().await;
                while answered < sender.demands().len() {
                    answered += 1;
                    sender.send(&picture).await;
                }
            }
        });
    }

    /// The same camera, for a task.
    fn sender(&self) -> Self {
        Self {
            name: self.name.clone(),
            bus: self.bus.clone(),
            epoch: self.epoch,
            sequence: self.sequence.clone(),
            announce: self.announce.clone(),
            demands: self.demands.clone(),
            tasks: JoinSet::new(),
        }
    }
}

async fn publish_announce(bus: &Bus, name: &CameraName, announce: &Announce) {
    let subject = Topic::Announce(name.clone()).subject();
    bus.publish(&subject, announce.encode_to_vec().into())
        .await
        .unwrap();
}

fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_micros() as i64
}

/// A picture of 64x48 that differs from those of other numbers.
pub(crate) fn jpeg(number: u8) -> Bytes {
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 80)
        .encode(&[number; 64 * 48], 64, 48, jpeg_encoder::ColorType::Luma)
        .unwrap();
    jpeg.into()
}

/// A picture with these bytes in it, which no decoder would like, but a relay does not look at.
pub(crate) fn jpeg_with(filling: &[u8]) -> Bytes {
    let picture = jpeg(1);
    let (start, end) = picture.split_at(picture.len() - 2);
    [start, filling, end].concat().into()
}
