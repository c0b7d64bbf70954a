//! The small stream.

use sightline_proto::{Codec, H264, SUB};

use super::{streams::video, *};

fn scaled(max: &str, fps: f64, camera: Camera) -> Camera {
    Camera {
        offer: Offer {
            sub: Some(Sub::Scaled {
                max: max.parse().unwrap(),
                fps,
            }),
            ..Offer::default()
        },
        ..camera
    }
}

fn with_source(source: impl Source + 'static, camera: Camera) -> Camera {
    Camera {
        offer: Offer {
            sub: Some(Sub::Source(Named {
                shown: "fake://small".into(),
                ..named(source)
            })),
            ..Offer::default()
        },
        ..camera
    }
}

#[tokio::test(start_paused = true)]
async fn pictures_are_scaled_at_a_rate_of_their_own() {
    let rig = Rig::new(scaled("80x80", 2.0, test_pattern(10))).await;
    let announced = rig.announced(SUB).unwrap();
    assert_eq!((announced.codec(), announced.fps), (Codec::Jpeg, 2.0));
    assert_eq!((announced.width, announced.height), (80, 45));
    let mut frames = rig.frames_of(SUB).await;
    rig.watch(SUB, "a").await;
    let got = frames.within(Duration::from_secs(5)).await;
    assert!((9..=11).contains(&got.len()), "{}", got.len());
    assert_eq!(
        (got[0].width, got[0].height, got[0].codec()),
        (80, 45, Codec::Jpeg)
    );
    assert_eq!(rig.work(JPEG), (0, 0));
    assert_eq!(rig.dropped(DropReason::RateLimit), 0);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn jpegs_are_made_smaller_and_small_ones_pass() {
    for (side, encoded) in [(200, true), (60, false)] {
        let source = Fake::new(move |_| Play {
            jpeg: jpeg(side, side),
            ..Play::default()
        });
        let rig = Rig::new(scaled("80x80", 5.0, camera(source))).await;
        let mut frames = rig.frames_of(SUB).await;
        rig.watch(SUB, "a").await;
        let frame = frames.next().await;
        let wanted = u32::from(side.min(80));
        assert_eq!((frame.width, frame.height), (wanted, wanted));
        assert_eq!(rig.work(SUB).0 > 0, encoded);
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_source_is_open_only_while_it_is_watched() {
    let (first, second) = (Fed::default(), Fed::default());
    let mut rig = Rig::new(with_source(second.clone(), camera(first.clone()))).await;
    rig.watch(H264, "a").await;
    assert!(first.is_open() && !second.is_open());
    sleep(Duration::from_secs(7)).await;
    rig.watch(SUB, "a").await;
    assert!(!first.is_open() && second.is_open());
    let mut frames = rig.frames_of(SUB).await;
    second
        .output()
        .await
        .unit(video(0, true, Bytes::from_static(b"key")));
    let frame = frames.next().await;
    assert_eq!((frame.codec(), frame.key), (Codec::H264, true));
    assert_eq!(frame.data, &b"key"[..]);
    // It is alive, as far as anybody watches.
    let live = rig.state(CameraState::Live).await;
    let stream = live
        .streams
        .iter()
        .find(|stream| stream.name == SUB)
        .unwrap();
    assert_eq!((stream.codec(), stream.width), (Codec::H264, 64));
    assert_eq!(stream.codec_string, "avc1.64000A");
    sleep(Duration::from_secs(7)).await;
    assert!(!second.is_open());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_source_may_give_pictures() {
    let rig = Rig::new(with_source(
        Fake::new(|_| Play::default()),
        camera(Fed::default()),
    ))
    .await;
    let mut frames = rig.frames_of(SUB).await;
    rig.watch(SUB, "a").await;
    let frame = frames.next().await;
    assert_eq!((frame.codec(), frame.data), (Codec::Jpeg, jpeg(32, 16)));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_source_that_fails_says_why_and_disturbs_nobody() {
    let broken = Fake::new(|_| Play {
        pictures: 0,
        then: Then::Fail("it is not there"),
        ..Play::default()
    });
    let mut rig = Rig::new(with_source(broken, camera(Fake::new(|_| Play::default())))).await;
    rig.watch(SUB, "a").await;
    let failed = rig.state(CameraState::Failed).await;
    assert_eq!(failed.reason, "fake:// failed: it is not there");
    let frames = rig.frames_within(Duration::from_secs(3), true).await;
    assert!((28..=31).contains(&frames), "{frames}");
    let status = rig.shared.status();
    assert_eq!(status.state, CameraState::Live);
    assert_eq!(status.reason, "sub: fake:// failed: it is not there");
    rig.stop().await;
}
