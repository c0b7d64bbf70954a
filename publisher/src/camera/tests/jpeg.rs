//! JPEGs that are made of a source's H.264.

use sightline_proto::{Codec, H264};

use super::*;
use crate::{
    encode::video::{VideoEncoder, VideoSettings},
    picture::{Layout, Range, Raw},
    source::unit::{Format, Unit},
};

/// H.264 of grey pictures that become lighter, 64x48, a key frame every `group`.
fn video(frames: i64, group: i64) -> Vec<Unit> {
    let mut encoder = VideoEncoder::new(VideoSettings {
        bits_per_second: 1_000_000,
        fps: 25.0,
        key_interval: Duration::from_secs(1_000),
    });
    (0..frames)
        .filter_map(|number| {
            let raw = Raw {
                layout: Layout::Grey,
                width: 64,
                height: 48,
                stride_bytes: 64,
                range: Range::Full,
                data: vec![number as u8; 64 * 48].into(),
            };
            let time_us = 1_000_000_000 + number * 40_000;
            let encoded = encoder
                .encode(&raw, time_us, number % group == 0)
                .unwrap()?;
            Some(Unit {
                capture_time_us: time_us,
                decode_time_us: time_us,
                key: encoded.key,
                data: encoded.data,
                format: Format::H264(encoded.parameters),
            })
        })
        .collect()
}

async fn watched(offer: Offer) -> (Rig, Output) {
    let fed = Fed::default();
    let rig = Rig::new(Camera {
        offer,
        ..camera(fed.clone())
    })
    .await;
    rig.watch(JPEG, "a").await;
    (rig, fed.output().await)
}

async fn play(output: &Output, units: impl IntoIterator<Item = Unit>) {
    for unit in units {
        output.unit(unit);
        sleep(Duration::from_millis(40)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn video_is_decoded_and_thinned_out() {
    let (mut rig, output) = watched(Offer::default()).await;
    play(&output, video(100, 25)).await;
    let frames = rig.frames.at_hand().await;
    assert!((18..=22).contains(&frames.len()), "{}", frames.len());
    let frame = frames.last().unwrap();
    assert_eq!(
        (frame.codec(), frame.width, frame.height),
        (Codec::Jpeg, 64, 48)
    );
    let mut decoder = crate::decode::JpegDecoder::default();
    for frame in &frames {
        let picture = decoder.decode(&frame.data).unwrap();
        let number = (frame.capture_time_us - 1_000_000_000) / 40_000;
        assert!(i64::from(picture.data[0]).abs_diff(number) < 12, "{number}");
    }
    let (encoded, decoded) = rig.work(JPEG);
    assert_eq!((encoded, decoded), (frames.len() as u64, 100));
    assert_eq!(rig.announced(JPEG).unwrap().fps.round(), 5.0);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_a_setting() {
    let (mut rig, output) = watched(Offer {
        jpeg_fps: 1.0,
        ..Offer::default()
    })
    .await;
    play(&output, video(100, 25)).await;
    let frames = rig.frames.at_hand().await.len();
    assert!((4..=5).contains(&frames), "{frames}");
    // Who joins gets the last one at once.
    let start = Instant::now();
    rig.watch(JPEG, "b").await;
    rig.frame().await;
    assert!(start.elapsed() < Duration::from_millis(50));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn video_is_not_decoded_for_those_who_watch_it_as_it_is() {
    let fed = Fed::default();
    let rig = Rig::new(camera(fed.clone())).await;
    let mut frames = rig.frames_of(H264).await;
    rig.watch(H264, "a").await;
    let output = fed.output().await;
    play(&output, video(30, 30)).await;
    assert_eq!(frames.at_hand().await.len(), 30);
    assert_eq!((rig.work(JPEG), rig.work(H264)), ((0, 0), (0, 0)));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_decodes_one_group_at_most() {
    let fed = Fed::default();
    let mut rig = Rig::new(camera(fed.clone())).await;
    rig.watch(H264, "a").await;
    let output = fed.output().await;
    play(&output, video(30, 20)).await;
    rig.demand(true).await;
    let frame = rig.frame().await;
    // The newest picture, not the newest key frame.
    assert_eq!(frame.capture_time_us, 1_000_000_000 + 29 * 40_000);
    assert_eq!(rig.work(JPEG), (1, 10));
    play(&output, video(60, 30).into_iter().skip(30)).await;
    assert_eq!(rig.work(JPEG), (1, 10));
    rig.demand(true).await;
    rig.frame().await;
    assert!(rig.work(JPEG).1 > 10);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_is_counted_and_the_next_key_frame_helps() {
    let (mut rig, output) = watched(Offer::default()).await;
    let units = video(20, 10);
    let broken = Unit {
        data: nonsense(),
        ..units[1].clone()
    };
    play(&output, [units[0].clone(), broken]).await;
    play(&output, units[10..].iter().cloned()).await;
    let frames = rig.frames.at_hand().await;
    assert!(frames.len() >= 2);
    assert!(rig.dropped(DropReason::Damaged) >= 1);
    rig.stop().await;
}

/// A slice that contradicts its stream.
fn nonsense() -> Bytes {
    let mut data = vec![0, 0, 0, 1, 0x41];
    data.extend([0xFF; 40]);
    data.into()
}
