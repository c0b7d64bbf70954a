mod ordered;

use std::time::Duration;

use sightline_bus::{Delivery, Subscription};
use sightline_proto::{Codec, Demand, JPEG, Message as _, split::split, subject::Topic};
use tokio::time::{Instant, sleep};

use super::*;
use crate::config;

struct Rig {
    bus: Bus,
    hub: Hub,
    demands: Subscription,
    start: Instant,
}

fn gate() -> StreamName {
    StreamName {
        camera: "farm/gate".parse().unwrap(),
        stream: JPEG.parse().unwrap(),
    }
}

async fn rig() -> Rig {
    let bus = Bus::local(1 << 20);
    let subject = Topic::Demand(gate().camera).subject();
    let (clock, metrics) = (Clock::start(), Metrics::new([]));
    Rig {
        demands: bus.subscribe(&subject.into()).await.unwrap(),
        hub: Hub::new(
            bus.clone(),
            clock,
            metrics.clone(),
            Directory::new(clock, metrics),
            &config::Streams::default(),
            CancellationToken::new(),
            tokio::runtime::Handle::current(),
        ),
        start: Instant::now(),
        bus,
    }
}

impl Rig {
    fn watch(&self, wish: Wish, inbox: &Inbox, key: usize) -> Feed {
        self.hub.watch(&gate(), wish, Route::WebSocket, inbox, key)
    }

    /// The next demand, and after how many seconds it came.
    async fn demand(&mut self) -> (Demand, u64) {
        let Some(Delivery::Message(message)) = self.demands.next().await else {
            panic!("no demand");
        };
        let demand = Demand::decode(message.payload).unwrap();
        (demand, self.start.elapsed().as_secs())
    }

    async fn no_demand_for(&mut self, time: Duration) {
        let demand = tokio::time::timeout(time, self.demands.next()).await;
        assert!(demand.is_err(), "{demand:?}");
    }

    async fn send(&self, sequence: u64) {
        let mut jpeg = Vec::new();
        jpeg_encoder::Encoder::new(&mut jpeg, 50)
            .encode(&[sequence as u8; 64], 8, 8, jpeg_encoder::ColorType::Luma)
            .unwrap();
        let frame = sightline_proto::Frame {
            epoch: 1,
            sequence,
            // By the clock of the test, which is not that of the wall.
            capture_time_us: self.start.elapsed().as_micros() as i64,
            codec: Codec::Jpeg.into(),
            data: jpeg.into(),
            ..Default::default()
        };
        let subject = Topic::Frame(gate().camera, gate().stream).subject();
        let part = split(frame, 1 << 20).unwrap().remove(0);
        self.bus.publish(&subject, part).await.unwrap();
    }

    fn is_open(&self) -> bool {
        lock(&self.hub.0.streams).contains_key(&gate())
    }
}

/// A camera's pictures: often enough that none need be asked for.
const FRAME_EVERY: Duration = Duration::from_millis(250);

#[tokio::test(start_paused = true)]
async fn demand_goes_out_at_once_then_every_two_seconds_while_someone_watches() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feed = rig.watch(Wish::All, &inbox, 0);
    let (mut times, mut sequence) = (Vec::new(), 0);
    while rig.start.elapsed() < Duration::from_secs(7) {
        let Ok((demand, at)) = tokio::time::timeout(FRAME_EVERY, rig.demand()).await else {
            sequence += 1;
            rig.send(sequence).await;
            continue;
        };
        assert_eq!(demand.stream, JPEG);
        assert!(!demand.single);
        assert_eq!(demand.relay.len(), 16);
        times.push(at);
    }
    assert_eq!(times, [0, 2, 4, 6]);
    drop(feed);
    rig.no_demand_for(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_which_nothing_comes_is_demanded_more_often() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let _feed = rig.watch(Wish::All, &inbox, 0);
    for at_ms in [0, 500, 1_000, 1_500] {
        rig.demand().await;
        assert_eq!(rig.start.elapsed().as_millis(), at_ms);
    }
    rig.send(1).await;
    inbox.ready().await;
    // It came in the half second before 2.0.
    for at_ms in [2_500, 3_000] {
        rig.demand().await;
        assert_eq!(rig.start.elapsed().as_millis(), at_ms);
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_comes_while_the_stream_lingers_is_demanded_for_at_once() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    drop(rig.watch(Wish::All, &inbox, 0));
    rig.no_demand_for(Duration::from_secs(5)).await;
    assert!(rig.is_open());
    let _feed = rig.watch(Wish::All, &inbox, 1);
    assert_eq!(rig.demand().await.1, 5);
}

#[tokio::test(start_paused = true)]
async fn a_stream_closes_ten_seconds_after_its_last_viewer_and_keeps_its_picture() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feed = rig.watch(Wish::All, &inbox, 0);
    rig.demand().await;
    rig.send(1).await;
    inbox.ready().await;
    drop(feed);
    sleep(Duration::from_millis(9_900)).await;
    assert!(rig.is_open());
    sleep(Duration::from_millis(200)).await;
    assert!(!rig.is_open());
    assert_eq!(rig.hub.last_picture(&gate()).unwrap().sequence, 1);
    // Opened anew, it starts with that picture.
    let feed = rig.watch(Wish::All, &inbox, 1);
    assert_eq!(inbox.ready().await, 1);
    assert_eq!(feed.take().unwrap().sequence, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_one_frame_is_not_repeated_for_each_who_asks() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let _one = rig.watch(Wish::One, &inbox, 0);
    assert!(rig.demand().await.0.single);
    let _two = rig.watch(Wish::One, &inbox, 1);
    rig.no_demand_for(Duration::from_secs(1)).await;
    // Still unanswered: asked again with the heartbeat.
    assert!(rig.demand().await.0.single);
    rig.send(1).await;
    inbox.ready().await;
    // Answered: the next one asks for a new frame.
    let _three = rig.watch(Wish::One, &inbox, 2);
    let (demand, came) = rig.demand().await;
    assert!(demand.single);
    assert_eq!(came, 2);
}

#[tokio::test(start_paused = true)]
async fn who_watches_all_the_time_counts_more_than_who_wants_one_frame() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let _one = rig.watch(Wish::One, &inbox, 0);
    assert!(rig.demand().await.0.single);
    let _all = rig.watch(Wish::All, &inbox, 1);
    let (demand, came) = rig.demand().await;
    assert!(!demand.single);
    assert_eq!(came, 0);
}

#[tokio::test(start_paused = true)]
async fn all_viewers_share_one_frame() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feeds = [0, 1, 2].map(|key| rig.watch(Wish::All, &inbox, key));
    rig.demand().await;
    rig.send(1).await;
    for _ in &feeds {
        inbox.ready().await;
    }
    let frames = feeds.each_ref().map(|feed| feed.take().unwrap());
    assert!(Arc::ptr_eq(&frames[0], &frames[1]) && Arc::ptr_eq(&frames[1], &frames[2]));
}
