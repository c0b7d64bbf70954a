//! H.264 that is made of pictures.

use sightline_proto::{Codec, H264, KeyframeRequest};

use super::{control::ask, *};
use crate::decode::VideoDecoder;

/// Keeps a relay watching `stream` for `time`, and says what came.
async fn watch_for(rig: &Rig, frames: &mut Frames, stream: &str, time: Duration) -> Vec<Frame> {
    let (end, mut got) = (Instant::now() + time, Vec::new());
    while Instant::now() < end {
        rig.watch(stream, "a").await;
        let left = end.saturating_duration_since(Instant::now());
        got.extend(frames.within(left.min(sightline_proto::HEARTBEAT)).await);
    }
    got
}

#[tokio::test(start_paused = true)]
async fn pictures_become_h264_and_nothing_else() {
    let mut rig = Rig::new(test_pattern(10)).await;
    let mut frames = rig.frames_of(H264).await;
    let got = watch_for(&rig, &mut frames, H264, Duration::from_secs(5)).await;
    assert!(got.len() >= 40, "{}", got.len());
    let mut decoder = VideoDecoder::default();
    for (number, frame) in got.iter().enumerate() {
        assert_eq!(frame.sequence, number as u64);
        assert_eq!(
            (frame.codec(), frame.width, frame.height),
            (Codec::H264, 160, 90)
        );
        let raw = decoder.decode(&frame.data).unwrap().unwrap();
        assert_eq!((raw.width, raw.height), (160, 90));
    }
    let times = got
        .windows(2)
        .map(|pair| pair[1].capture_time_us - pair[0].capture_time_us);
    assert!(times.min().unwrap() > 0);
    assert!(got[0].key);
    let stream = rig.announced(H264).unwrap();
    assert!(stream.codec_string.starts_with("avc1."), "{stream:?}");
    assert!((stream.fps - 10.0).abs() < 1.0, "{stream:?}");
    // Nobody watches pictures.
    assert_eq!(rig.work(JPEG), (0, 0));
    assert!(rig.frames.at_hand().await.is_empty());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn key_frames_come_as_often_as_the_configuration_says() {
    let fed = Fed::default();
    let rig = Rig::new(Camera {
        offer: Offer {
            h264_key_interval: Duration::from_secs(1),
            ..Offer::default()
        },
        ..camera(fed.clone())
    })
    .await;
    let mut frames = rig.frames_of(H264).await;
    rig.watch(H264, "a").await;
    let output = fed.output().await;
    let image = Image::Jpeg(jpeg(64, 64).into());
    let mut keys = Vec::new();
    for number in 0..45 {
        let capture_time_us = 1_000_000_000 + number * 100_000;
        let image = image.clone();
        output.put(Picture {
            capture_time_us,
            image,
        });
        sleep(Duration::from_millis(100)).await;
        for frame in frames.at_hand().await {
            assert_eq!(frame.capture_time_us, capture_time_us);
            keys.extend(frame.key.then_some(number));
        }
    }
    assert_eq!(keys.len(), 5, "{keys:?}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pictures_that_nobody_watches_as_h264_are_not_encoded_so() {
    let mut rig = Rig::new(test_pattern(10)).await;
    let mut frames = rig.frames_of(H264).await;
    assert!(rig.frames_within(Duration::from_secs(2), true).await >= 18);
    assert_eq!(rig.work(H264), (0, 0));
    assert!(rig.work(JPEG).0 >= 18);
    assert!(frames.at_hand().await.is_empty());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_streams_demand_ends_its_work_alone() {
    let mut rig = Rig::new(test_pattern(10)).await;
    let mut frames = rig.frames_of(H264).await;
    rig.watch(H264, "a").await;
    rig.frames_within(Duration::from_secs(8), true).await;
    let encoded = rig.work(H264).0;
    assert!((50..=62).contains(&encoded), "{encoded}");
    frames.at_hand().await;
    rig.frames_within(Duration::from_secs(3), true).await;
    assert_eq!(rig.work(H264).0, encoded);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_joins_and_one_that_asks_get_a_key_frame() {
    let slow_keys = Offer {
        h264_key_interval: Duration::from_secs(60),
        ..Offer::default()
    };
    let rig = Rig::new(Camera {
        offer: slow_keys,
        ..test_pattern(10)
    })
    .await;
    let mut frames = rig.frames_of(H264).await;
    let got = watch_for(&rig, &mut frames, H264, Duration::from_secs(3)).await;
    assert_eq!(got.iter().filter(|frame| frame.key).count(), 1);
    rig.watch(H264, "b").await;
    let got = watch_for(&rig, &mut frames, H264, Duration::from_millis(500)).await;
    assert!(got[..2].iter().any(|frame| frame.key));
    let request = KeyframeRequest {
        stream: H264.into(),
    };
    assert_eq!(ask(&rig, "keyframe", request.encode_to_vec()).await, "");
    let got = watch_for(&rig, &mut frames, H264, Duration::from_millis(500)).await;
    assert!(got[..2].iter().any(|frame| frame.key));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_joins_a_slow_camera_does_not_wait_for_its_next_picture() {
    let rig = Rig::new(Camera {
        from: slow_test_pattern(),
        offer: Offer {
            h264_key_interval: Duration::from_secs(60),
            ..Offer::default()
        },
        ..test_pattern(10)
    })
    .await;
    let mut frames = rig.frames_of(H264).await;
    rig.watch(H264, "a").await;
    let first = frames.next().await;
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    rig.watch(H264, "b").await;
    let again = frames.next().await;
    assert!(start.elapsed() < Duration::from_millis(100));
    assert!(again.key && again.sequence == first.sequence + 1);
    let later_us = again.capture_time_us - first.capture_time_us;
    assert!((1..=10_000).contains(&later_us), "{later_us}");
    // Relays that have the picture may take the second for stale: what follows must not need it.
    assert!(frames.next().await.key);
    rig.stop().await;
}

/// A picture every five seconds.
fn slow_test_pattern() -> Named {
    let url = SourceUrl::new("test://?size=160x90&fps=0.2", BTreeMap::new()).unwrap();
    Named {
        source: crate::source::parse(&url).unwrap().into(),
        ..named(Fed::default())
    }
}

#[tokio::test(start_paused = true)]
async fn a_cameras_own_jpegs_become_h264_too() {
    let source = Fake::new(|_| Play {
        jpeg: jpeg(128, 64),
        ..Play::default()
    });
    let rig = Rig::new(Camera {
        max_size: Some("64x64".parse().unwrap()),
        ..camera(source)
    })
    .await;
    let mut frames = rig.frames_of(H264).await;
    let got = watch_for(&rig, &mut frames, H264, Duration::from_secs(1)).await;
    assert!(got.len() >= 5, "{}", got.len());
    assert_eq!((got[0].width, got[0].height), (64, 32));
    let mut decoder = VideoDecoder::default();
    for frame in &got {
        decoder.decode(&frame.data).unwrap().unwrap();
    }
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn jpegs_that_cannot_be_decoded_are_counted() {
    let whole = jpeg(128, 64);
    let mut damaged = whole.to_vec();
    // The number of components.
    let frame = damaged
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    damaged[frame + 9] = 9;
    let damaged = Bytes::from(damaged);
    let source = Fake::new(move |_| Play {
        jpeg: damaged.clone(),
        ..Play::default()
    });
    let rig = Rig::new(camera(source)).await;
    let mut frames = rig.frames_of(H264).await;
    let got = watch_for(&rig, &mut frames, H264, Duration::from_secs(1)).await;
    assert!(got.is_empty());
    assert!(rig.dropped(DropReason::Corrupt) >= 5);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_rate_limit_holds_for_h264() {
    let limited = Settings {
        quality: 80,
        max_fps: 5.0,
    };
    let rig = Rig::new(Camera {
        settings: limited,
        ..test_pattern(20)
    })
    .await;
    let mut frames = rig.frames_of(H264).await;
    let got = watch_for(&rig, &mut frames, H264, Duration::from_secs(4)).await;
    assert!((15..=22).contains(&got.len()), "{}", got.len());
    rig.stop().await;
}
