//! Which streams a camera offers: what the configuration says, and what its source turns out to give.

use sightline_media::aac;
use sightline_proto::{AUDIO, Codec, H264, H265};

use super::{
    streams::{SECOND_US, small, watched},
    *,
};
use crate::source::unit::{Format, H265 as H265Facts, Unit};

fn sound(number: i64) -> Unit {
    let time = 1_000 * SECOND_US + number * 64_000;
    Unit {
        capture_time_us: time,
        decode_time_us: time,
        key: true,
        data: Bytes::from_static(b"sound"),
        format: Format::Aac(Arc::new(aac::Config::new(2, 16_000, 1).unwrap())),
    }
}

#[tokio::test(start_paused = true)]
async fn sound_is_offered_once_it_was_heard() {
    let fed = Fed::default();
    let (rig, mut frames, output) = watched(camera(fed.clone()), &fed).await;
    assert_eq!(rig.offered(), [JPEG, H264]);
    let mut sounds = rig.frames_of(AUDIO).await;
    output.unit(small(0, true));
    output.unit(sound(0));
    frames.next().await;
    assert_eq!(rig.offered(), [JPEG, H264, AUDIO]);
    let stream = rig.announced(AUDIO).unwrap();
    assert_eq!(
        (stream.codec(), stream.codec_string.as_str()),
        (Codec::Aac, "mp4a.40.2")
    );
    assert_eq!(
        stream.codec_config,
        aac::Config::new(2, 16_000, 1).unwrap().bytes()
    );
    rig.watch(AUDIO, "a").await;
    output.unit(sound(1));
    let frame = sounds.within(Duration::from_millis(1)).await.pop().unwrap();
    assert_eq!(
        (frame.codec(), frame.key, frame.width),
        (Codec::Aac, true, 0)
    );
    assert_eq!(frame.data, &b"sound"[..]);
    rig.stop().await;
}

/// Sounds until the camera is in `state`.
async fn sounds_until(rig: &mut Rig, output: &Output, state: CameraState) {
    let sounding = async {
        for number in 0.. {
            output.unit(sound(number));
            sleep(Duration::from_millis(64)).await;
        }
    };
    tokio::select! {
        _ = rig.state(state) => {}
        () = sounding => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn sound_alone_is_a_live_camera_and_hides_no_frozen_picture() {
    let fed = Fed::default();
    let (mut rig, _, output) = watched(camera(fed.clone()), &fed).await;
    sounds_until(&mut rig, &output, CameraState::Live).await;
    output.unit(small(0, true));
    sounds_until(&mut rig, &output, CameraState::Stalled).await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_h265_nothing_else_can_be_made() {
    let fed = Fed::default();
    let (rig, _, output) = watched(camera(fed.clone()), &fed).await;
    let format = h265();
    let unit = |number| Unit {
        format: format.clone(),
        ..small(number, true)
    };
    output.unit(unit(0));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(rig.offered(), [H265]);
    let stream = rig.announced(H265).unwrap();
    assert_eq!((stream.codec(), stream.width), (Codec::H265, 1_920));
    let mut frames = rig.frames_of(H265).await;
    rig.watch(H265, "a").await;
    let frame = frames.next().await;
    assert_eq!((frame.codec(), frame.data), (Codec::H265, unit(0).data));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_configuration_says_what_is_offered() {
    let fed = Fed::default();
    let rig = Rig::new(Camera {
        offer: Offer {
            streams: vec!["h264".into()],
            ..Offer::default()
        },
        ..camera(fed.clone())
    })
    .await;
    assert_eq!(rig.offered(), [H264]);
    rig.watch(JPEG, "a").await;
    sleep(Duration::from_secs(1)).await;
    assert!(!fed.is_open());
    rig.watch(H264, "a").await;
    assert!(fed.is_open());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_camera_that_always_sends_sends_what_its_source_gives() {
    let fed = Fed::default();
    let rig = Rig::new(Camera {
        always: true,
        ..camera(fed.clone())
    })
    .await;
    let (mut frames, mut sounds) = (rig.frames_of(H264).await, rig.frames_of(AUDIO).await);
    let output = fed.output().await;
    for number in 0..10 {
        output.unit(small(number, number == 0));
        output.unit(sound(number));
        sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(frames.at_hand().await.len(), 10);
    assert_eq!(sounds.at_hand().await.len(), 10);
    assert_eq!(rig.work(JPEG), (0, 0));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_camera_of_which_nothing_may_be_offered_says_why() {
    let fed = Fed::default();
    let only_h264 = Offer {
        streams: vec!["h264".into()],
        ..Offer::default()
    };
    let (mut rig, _, output) = watched(
        Camera {
            offer: only_h264,
            ..camera(fed.clone())
        },
        &fed,
    )
    .await;
    output.unit(Unit {
        format: h265(),
        ..small(0, true)
    });
    let announce = loop {
        let announce = rig.announcement().await;
        if announce.streams.is_empty() {
            break announce;
        }
    };
    assert!(
        announce.reason.contains("cameras.gate.streams"),
        "{}",
        announce.reason
    );
    rig.stop().await;
}

fn h265() -> Format {
    Format::H265(Arc::new(H265Facts {
        codec_string: "hvc1.1.6.L93.B0".into(),
        width: 1_920,
        height: 1_080,
    }))
}
