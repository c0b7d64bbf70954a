//! What comes over the bus and should not.

use std::time::Duration;

use bytes::Bytes;
use sightline_proto::{Frame, Message as _, split::split, subject::Topic};

use crate::support::{Camera, Client, Relay, Socket, eventually, jpeg, jpeg_with, known};

fn dropped(reason: &str) -> String {
    format!(r#"sightline_relay_frames_dropped_total{{camera="farm/gate",reason="{reason}"}}"#)
}

#[tokio::test]
async fn bad_frames_are_dropped_and_counted_and_good_ones_go_on() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    camera.send_frame(camera.frame(10, &jpeg(1))).await;
    socket.frame().await;

    camera
        .send_raw(Bytes::from_static(b"\xff\xff\xff\xff"))
        .await;
    let endless = Frame {
        part_count: u32::MAX,
        total_len_bytes: u32::MAX,
        data: jpeg(1),
        ..camera.frame(11, &jpeg(1))
    };
    camera.send_raw(endless.encode_to_vec().into()).await;
    relay.metric_reaches(&dropped("malformed"), 2.0).await;

    let whole = jpeg(1);
    let cut = whole.slice(..whole.len() - 20);
    camera.send_frame(camera.frame(11, &cut)).await;
    camera
        .send_frame(camera.frame(11, &Bytes::from_static(b"<html>")))
        .await;
    relay.metric_reaches(&dropped("corrupt"), 2.0).await;

    camera.send_frame(camera.frame(10, &jpeg(1))).await;
    relay.metric_reaches(&dropped("repeated"), 1.0).await;

    // Of these two the second was delayed by a second more than the first.
    let mut early = camera.frame(11, &jpeg(2));
    early.capture_time_us += 990_000;
    let mut late = camera.frame(12, &jpeg(3));
    late.capture_time_us = early.capture_time_us - 990_000;
    camera.send_frame(early).await;
    assert_eq!(socket.frame().await.sequence, 11);
    tokio::time::sleep(Duration::from_millis(20)).await;
    camera.send_frame(late).await;
    relay.metric_reaches(&dropped("stale"), 1.0).await;

    let mut large = camera.frame(13, &jpeg_with(&[0x55; 2 << 20]));
    large.capture_time_us += 1_000_000;
    let parts = split(large, 1 << 20).unwrap();
    camera.send_raw(parts[1].clone()).await;
    relay.metric_reaches(&dropped("orphan"), 1.0).await;
    camera.send_raw(parts[0].clone()).await;
    let mut good = camera.frame(14, &jpeg(4));
    good.capture_time_us += 1_000_000;
    camera.send_frame(good).await;
    assert_eq!(socket.frame().await.sequence, 14);
    relay.metric_reaches(&dropped("incomplete"), 1.0).await;
}

#[tokio::test]
async fn a_bad_announcement_is_counted_and_harms_nobody() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let subject = Topic::Announce(camera.name.clone()).subject();
    relay
        .bus
        .publish(&subject, Bytes::from_static(b"\xff\xff"))
        .await
        .unwrap();
    relay
        .metric_reaches("sightline_relay_announcements_malformed_total", 1.0)
        .await;
    let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
    assert_eq!(json["online"], true);
}

#[tokio::test]
async fn of_two_publishers_with_one_name_the_higher_epoch_wins() {
    let relay = Relay::start().await;
    let old = Camera::with(&relay.bus, "farm/gate", 1, |_| {}).await;
    known(&relay, "farm/gate").await;
    let mut client = Client::get(relay.address, "/stream").await;
    client.head().await;
    client.until(b"\r\n").await;
    old.demanded(1).await;
    old.send(&jpeg(1)).await;
    assert_eq!(client.part().await.1, jpeg(1));

    let new = Camera::with(&relay.bus, "farm/gate", 2, |_| {}).await;
    eventually("the new one is known", async || {
        let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
        json["publisher"]["instance"] == "run-2"
    })
    .await;
    new.send(&jpeg(2)).await;
    assert_eq!(client.part().await.1, jpeg(2));
    old.announce().await;
    old.send(&jpeg(1)).await;
    relay.metric_reaches(&dropped("old_epoch"), 1.0).await;
    relay
        .metric_reaches("sightline_relay_announcements_rival_total", 1.0)
        .await;
    let (_, json) = relay.get_json("/api/cameras/farm/gate").await;
    assert_eq!(json["publisher"]["instance"], "run-2");
    new.send(&jpeg(3)).await;
    loop {
        let (_, picture) = client.part().await;
        assert_ne!(picture, jpeg(1));
        if picture == jpeg(3) {
            break;
        }
    }
}

#[tokio::test]
async fn a_frame_of_eight_mebibytes_passes_in_parts() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut socket = Socket::open(relay.address).await;
    socket.subscribe("farm/gate", 0.0).await;
    camera.demanded(1).await;
    let filling = (8 << 20) - jpeg(1).len();
    let picture = jpeg_with(&vec![0x55; filling]);
    assert_eq!(picture.len(), 8 << 20);
    for _ in 0..3 {
        camera.send(&picture).await;
        assert!(socket.frame().await.data == picture);
    }
}
