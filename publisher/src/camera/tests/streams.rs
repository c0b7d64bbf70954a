//! Units that a source gives are passed on as they are.

use sightline_media::h264;
use sightline_proto::{Codec, H264, KeyframeRequest};

use super::{control::ask, *};
use crate::source::unit::{Format, Track, Unit};

pub(super) const SECOND_US: i64 = 1_000_000;

/// High profile, 64x48, 25 frames a second.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0A, 0xAC, 0xD9, 0x84, 0x7B, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0x20, 0xF1, 0x22, 0x59, 0xA0,
];
const PPS: &[u8] = &[0x68, 0xE9, 0x78, 0x39, 0x2C, 0x8B];

pub(super) fn video(number: i64, key: bool, data: Bytes) -> Unit {
    let parameters = h264::Parameters::new(SPS, [PPS]).unwrap();
    Unit {
        capture_time_us: 1_000 * SECOND_US + number * 40_000 + 80_000,
        decode_time_us: 1_000 * SECOND_US + number * 40_000,
        key,
        data,
        format: Format::H264(Arc::new(parameters)),
    }
}

pub(super) fn small(number: i64, key: bool) -> Unit {
    video(number, key, Bytes::from(vec![number as u8; 10]))
}

/// A camera that a relay watches as H.264, what the relay gets, and where to put units.
pub(super) async fn watched(camera: Camera, fed: &Fed) -> (Rig, Frames, Output) {
    let rig = Rig::new(camera).await;
    let frames = rig.frames_of(H264).await;
    rig.watch(H264, "a").await;
    (rig, frames, fed.output().await)
}

fn numbers(frames: &[Frame]) -> Vec<(u64, bool)> {
    frames
        .iter()
        .map(|frame| (frame.sequence, frame.key))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn units_pass_through_untouched() {
    let fed = Fed::default();
    let (mut rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    for number in 0..3 {
        output.unit(small(number, number == 0));
        let frame = frames.next().await;
        let unit = small(number, number == 0);
        assert_eq!(
            (frame.sequence, frame.key, frame.codec()),
            (number as u64, unit.key, Codec::H264)
        );
        assert_eq!((frame.width, frame.height), (64, 48));
        assert_eq!(frame.data, unit.data);
        assert_eq!(
            (frame.capture_time_us, frame.decode_time_us),
            (unit.capture_time_us, unit.decode_time_us)
        );
    }
    let live = rig.state(CameraState::Live).await;
    let stream = live.streams.iter().find(|stream| stream.name == H264);
    let stream = stream.unwrap();
    assert_eq!(stream.codec_string, "avc1.64000A");
    assert_eq!((stream.width, stream.height), (64, 48));
    assert_eq!(rig.work(H264), (0, 0));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_joins_gets_the_current_group_under_the_same_numbers() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    for number in 0..8 {
        output.unit(small(number, number % 5 == 0));
        sleep(Duration::from_millis(40)).await;
    }
    let first = frames.at_hand().await;
    assert_eq!(first.len(), 8);
    rig.watch(H264, "b").await;
    let mut again = frames.at_hand().await;
    for (again, first) in again.iter_mut().zip(&first[5..]) {
        assert!(again.publish_time_us >= first.publish_time_us);
        again.publish_time_us = first.publish_time_us;
    }
    assert_eq!(again, first[5..]);
    output.unit(small(8, false));
    assert_eq!(frames.next().await.sequence, 8);
    // It says so every two seconds, and is no newcomer any more.
    rig.watch(H264, "b").await;
    assert!(frames.at_hand().await.is_empty());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn any_number_of_relays_costs_few_repetitions() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    output.unit(small(0, true));
    for relay in 0..1_000 {
        rig.watch(H264, &relay.to_string()).await;
        sleep(Duration::from_millis(1)).await;
    }
    let frames = frames.at_hand().await;
    assert!((5..=9).contains(&frames.len()), "{}", frames.len());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_too_large_is_not_sent_again() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    let large = Bytes::from(vec![1; 1 << 20]);
    for number in 0..6 {
        output.unit(video(number, number == 0, large.clone()));
        assert_eq!(frames.next().await.sequence, number as u64);
    }
    rig.watch(H264, "b").await;
    assert!(frames.at_hand().await.is_empty());
    output.unit(small(6, true));
    assert_eq!(numbers(&frames.at_hand().await), [(6, true)]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_key_frame_of_any_size_starts_a_stream() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    output.unit(video(0, true, Bytes::from(vec![1; 6 << 20])));
    assert_eq!(frames.next().await.data.len(), 6 << 20);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_lost_unit_is_not_sent() {
    let fed = Fed::default();
    // 64 parts of this size carry less than the large unit.
    let rig = Rig::on(Bus::local(2_000), camera(fed.clone())).await;
    let mut frames = rig.frames_of(H264).await;
    rig.watch(H264, "a").await;
    let output = fed.output().await;
    let large = video(1, false, Bytes::from(vec![1; 100_000]));
    for unit in [
        small(0, true),
        large,
        small(2, false),
        small(3, false),
        small(4, true),
        small(5, false),
    ] {
        output.unit(unit);
        sleep(Duration::from_millis(40)).await;
    }
    let got = numbers(&frames.at_hand().await);
    assert_eq!(got, [(0, true), (4, true), (5, false)]);
    assert_eq!(rig.dropped(DropReason::TooLarge), 1);
    assert_eq!(rig.dropped(DropReason::WaitingForKey), 2);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_source_lost_is_counted_and_the_next_key_frame_is_sent() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    output.unit(small(0, true));
    assert_eq!(frames.next().await.data, small(0, true).data);
    output.lose(Track::Video);
    output.unit(small(1, false));
    output.unit(small(2, true));
    assert_eq!(frames.next().await.data, small(2, true).data);
    assert_eq!(rig.dropped(DropReason::WaitingForKey), 1);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn numbers_go_on_when_a_stream_is_watched_again() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    output.unit(small(0, true));
    output.unit(small(1, false));
    assert_eq!(frames.at_hand().await.len(), 2);
    // Its demand ends; another stream keeps the source open.
    rig.watch(JPEG, "b").await;
    sleep(Duration::from_secs(5)).await;
    rig.watch(JPEG, "b").await;
    sleep(Duration::from_secs(2)).await;
    for number in 2..50 {
        output.unit(small(number, number == 40));
    }
    assert!(frames.at_hand().await.is_empty());
    rig.watch(H264, "a").await;
    let got = frames.at_hand().await;
    let wanted: Vec<_> = (0..10).map(|i| (2 + i, i == 0)).collect();
    assert_eq!(numbers(&got), wanted);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_single_demand_is_one_key_frame() {
    let fed = Fed::default();
    let rig = Rig::new(camera(fed.clone())).await;
    let mut frames = rig.frames_of(H264).await;
    rig.demand_of(H264, "a", true).await;
    let output = fed.output().await;
    for number in 0..5 {
        output.unit(small(number, number % 5 == 0));
        sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(numbers(&frames.at_hand().await), [(0, true)]);
    // The source is open: the group that is there will do.
    rig.demand_of(H264, "a", true).await;
    assert_eq!(numbers(&frames.at_hand().await), [(1, true)]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_key_frame_of_the_camera_cannot_be_asked_for() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    output.unit(small(0, true));
    frames.next().await;
    let request = KeyframeRequest {
        stream: H264.into(),
    };
    let refused = ask(&rig, "keyframe", request.encode_to_vec()).await;
    assert!(refused.contains("comes from the camera"), "{refused}");
    rig.stop().await;
}
