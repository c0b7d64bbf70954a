//! Streams whose frames need those before them.

use super::*;
use crate::hub::samples;

fn video() -> StreamName {
    StreamName {
        stream: sightline_proto::H264.parse().unwrap(),
        ..gate()
    }
}

impl Rig {
    /// 24 frames in two groups of 12, from now on.
    fn frames(&self) -> Vec<sightline_proto::Frame> {
        let since_start = i64::try_from(self.start.elapsed().as_micros()).unwrap();
        samples::video(1, 1_700_000_000_000_000 + since_start)
    }

    async fn send_video(&self, frames: &[sightline_proto::Frame]) {
        let subject = Topic::Frame(video().camera, video().stream).subject();
        for frame in frames {
            let part = split(frame.clone(), 1 << 20).unwrap().remove(0);
            self.bus.publish(&subject, part).await.unwrap();
        }
    }

    fn follow(&self, inbox: &Inbox, key: usize) -> Feed {
        self.hub
            .watch(&video(), Wish::All, Route::WebSocket, inbox, key)
    }
}

/// The next `count` frames: their sequence numbers and how many were skipped before each.
async fn steps(feed: &Feed, inbox: &Inbox, count: usize) -> Vec<(u64, u64)> {
    let mut steps = Vec::new();
    while steps.len() < count {
        let ready = tokio::time::timeout(Duration::from_secs(3), inbox.ready());
        assert!(ready.await.is_ok(), "nothing after {steps:?}");
        steps.extend(feed.step().map(|step| (step.frame.sequence, step.skipped)));
    }
    steps
}

fn in_order(sequences: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    sequences.map(|sequence| (sequence, 0)).collect()
}

#[tokio::test(start_paused = true)]
async fn every_frame_comes_in_order_one_for_each_time_that_the_inbox_says_so() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feed = rig.follow(&inbox, 0);
    rig.demand().await;
    assert!(feed.take().is_none());
    let frames = rig.frames();
    for group in [0..12, 12..24] {
        rig.send_video(&frames[group.clone()]).await;
        let wanted = in_order(group.start as u64..group.end as u64);
        assert_eq!(steps(&feed, &inbox, 12).await, wanted);
    }
    assert!(feed.step().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_joins_gets_the_group_since_the_newest_key_frame() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let first = rig.follow(&inbox, 0);
    rig.demand().await;
    let frames = rig.frames();
    rig.send_video(&frames[..12]).await;
    steps(&first, &inbox, 12).await;
    rig.send_video(&frames[12..20]).await;
    steps(&first, &inbox, 8).await;
    let its_inbox = Inbox::default();
    let late = rig.follow(&its_inbox, 0);
    assert_eq!(steps(&late, &its_inbox, 8).await, in_order(12..20));
    rig.send_video(&frames[20..]).await;
    assert_eq!(steps(&late, &its_inbox, 4).await, in_order(20..24));
    assert_eq!(steps(&first, &inbox, 4).await, in_order(20..24));
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_made_into_mp4_once_for_all() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feeds = [0, 1].map(|key| rig.follow(&inbox, key));
    rig.demand().await;
    rig.send_video(&rig.frames()[..1]).await;
    inbox.ready().await;
    inbox.ready().await;
    let [one, two] = feeds.each_ref().map(|feed| feed.step().unwrap().frame);
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(one.fragment().as_ptr(), two.fragment().as_ptr());
    let media = one.media.as_ref().unwrap();
    assert_eq!(media.config.mime(), "video/mp4; codecs=\"avc1.64000A\"");
    // The sample is the end of the fragment, and that is the end of the message.
    assert!(one.fragment().ends_with(one.sample()));
    assert!(one.as_fragment_message(false).ends_with(one.fragment()));
    assert!(
        one.as_fragment_message(false)
            .as_ptr_range()
            .contains(&one.sample().as_ptr())
    );
    assert!(one.message().as_ptr_range().contains(&one.data.as_ptr()));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_late_skips_to_a_key_frame() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feed = rig.follow(&inbox, 0);
    rig.demand().await;
    let frames = rig.frames();
    rig.send_video(&frames[..10]).await;
    assert_eq!(steps(&feed, &inbox, 2).await, in_order(0..2));
    sleep(Duration::from_millis(1_500)).await;
    rig.send_video(&rig.frames()[10..]).await;
    assert_eq!(steps(&feed, &inbox, 2).await, [(2, 0), (3, 0)]);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(steps(&feed, &inbox, 3).await, [(12, 8), (13, 0), (14, 0)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_the_camera_is_asked_for_a_key_frame() {
    let mut rig = rig().await;
    let pattern = sightline_proto::Pattern::control_of(&gate().camera);
    let mut requests = rig.bus.subscribe(&pattern).await.unwrap();
    let inbox = Inbox::default();
    let feed = rig.follow(&inbox, 0);
    rig.demand().await;
    let frames = rig.frames();
    rig.send_video(&frames[..3]).await;
    assert_eq!(steps(&feed, &inbox, 3).await, in_order(0..3));
    rig.send_video(&frames[4..16]).await;
    assert_eq!(steps(&feed, &inbox, 4).await, in_order(12..16));
    let Some(Delivery::Message(message)) = requests.next().await else {
        panic!("no request");
    };
    assert!(
        message.subject.ends_with(".keyframe"),
        "{}",
        message.subject
    );
    let request = sightline_proto::KeyframeRequest::decode(message.payload).unwrap();
    assert_eq!(request.stream, "h264");
    let again = tokio::time::timeout(Duration::from_secs(5), requests.next()).await;
    assert!(again.is_err(), "asked once for one loss");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_comes_back_does_not_start_with_an_old_group() {
    let mut rig = rig().await;
    let inbox = Inbox::default();
    let feed = rig.follow(&inbox, 0);
    rig.demand().await;
    rig.send_video(&rig.frames()[..12]).await;
    steps(&feed, &inbox, 12).await;
    drop(feed);
    sleep(Duration::from_secs(5)).await;
    let feed = rig.follow(&inbox, 1);
    assert!(feed.step().is_none());
    // The camera sends on, first what it holds since the last key frame: seconds old.
    let mut late = rig.frames();
    for frame in &mut late {
        frame.decode_time_us -= 4_000_000;
        frame.capture_time_us -= 4_000_000;
    }
    rig.send_video(&late[12..]).await;
    assert_eq!(steps(&feed, &inbox, 12).await, in_order(12..24));
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_turn_from_pictures_to_video() {
    let mut rig = rig().await;
    let name = StreamName {
        stream: sightline_proto::SUB.parse().unwrap(),
        ..gate()
    };
    let inbox = Inbox::default();
    let feed = rig.hub.watch(&name, Wish::All, Route::WebSocket, &inbox, 0);
    rig.demand().await;
    let subject = Topic::Frame(name.camera, name.stream).subject();
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 50)
        .encode(&[9; 64], 8, 8, jpeg_encoder::ColorType::Luma)
        .unwrap();
    let picture = sightline_proto::Frame {
        capture_time_us: crate::clock::wall_us(),
        codec: Codec::Jpeg.into(),
        data: jpeg.into(),
        ..Default::default()
    };
    for (frame, ordered) in [(picture, false), (rig.frames().remove(0), true)] {
        let part = split(frame, 1 << 20).unwrap().remove(0);
        rig.bus.publish(&subject, part).await.unwrap();
        inbox.ready().await;
        assert_eq!(feed.take().is_none(), ordered);
        assert_eq!(feed.step().is_some(), ordered);
        assert_eq!(feed.take().is_some(), !ordered);
    }
}
