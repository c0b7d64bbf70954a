//! Frames come while somebody wants them, and only then.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn nothing_is_captured_or_sent_without_demand() {
    let source = Fake::new(|_| Play::default());
    let attempts = source.attempts.clone();
    let mut rig = Rig::new(camera(source)).await;
    assert_eq!(rig.frames_within(20 * SECOND, false).await, 0);
    assert_eq!(attempts.load(Ordering::SeqCst), 0);
    assert_eq!(rig.announcement().await.state(), CameraState::Idle);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn demand_starts_frames_at_once_and_its_end_closes_the_source() {
    let source = Fake::new(|_| Play::default());
    let (attempts, running) = (source.attempts.clone(), source.running.clone());
    let mut rig = Rig::new(camera(source)).await;
    let start = Instant::now();
    rig.demand(false).await;
    let first = rig.frame().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((first.width, first.height, first.key), (32, 16, true));
    assert_eq!(first.data, jpeg(32, 16));
    let frames = rig.frames_within(10 * SECOND, false).await;
    // Ten a second for the six seconds that demand holds.
    assert!((55..=60).contains(&frames), "{frames}");
    assert_eq!(running.load(Ordering::SeqCst), 0);
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    assert_eq!(rig.frames_within(10 * SECOND, false).await, 0);
    rig.demand(false).await;
    let again = rig.frame().await;
    assert_eq!(again.epoch, first.epoch);
    assert!(again.sequence > first.sequence);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_frame_of_the_test_pattern_waits_for_no_timer() {
    let mut rig = Rig::new(test_pattern(30)).await;
    let start = Instant::now();
    rig.demand(false).await;
    let frame = rig.frame().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((frame.width, frame.height), (160, 90));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn frames_are_numbered_without_gaps() {
    let mut rig = Rig::new(camera(Fake::new(|_| Play::default()))).await;
    rig.demand(false).await;
    for number in 0..50 {
        assert_eq!(rig.frame().await.sequence, number);
    }
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_single_demand_gives_one_frame_and_keeps_the_source_open() {
    let source = Fake::new(|_| Play::default());
    let (attempts, running) = (source.attempts.clone(), source.running.clone());
    let mut rig = Rig::new(camera(source)).await;
    rig.demand(true).await;
    assert_eq!(rig.frames_within(3 * SECOND, false).await, 1);
    assert_eq!(running.load(Ordering::SeqCst), 1);
    rig.demand(true).await;
    assert_eq!(rig.frames_within(3 * SECOND, false).await, 1);
    // A viewer joins: the source is open already.
    rig.demand(false).await;
    assert!(rig.frames_within(SECOND, false).await >= 9);
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_joins_a_slow_camera_gets_its_last_picture_at_once() {
    let mut source = Fake::new(|_| Play {
        period: 20 * SECOND,
        ..Play::default()
    });
    source.fps = 0.05;
    let mut rig = Rig::new(camera(source)).await;
    rig.demand(false).await;
    let first = rig.frame().await;
    // The first relay has it: it is not sent twice for nothing.
    assert_eq!(rig.frames_within(5 * SECOND, true).await, 0);
    let start = Instant::now();
    rig.demand(true).await;
    let again = rig.frame().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(again.capture_time_us, first.capture_time_us);
    assert!(again.sequence > first.sequence);
    // Any number of them costs three frames a second.
    let storm = async {
        for _ in 0..1_000 {
            rig.demand(true).await;
            sleep(Duration::from_millis(2)).await;
        }
    };
    storm.await;
    let frames = rig.frames_within(SECOND, false).await;
    assert!((5..=9).contains(&frames), "{frames}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_joins_a_fast_camera_gets_the_next_picture_only() {
    let mut rig = Rig::new(camera(Fake::new(|_| Play::default()))).await;
    rig.frames_within(SECOND, true).await;
    let before = rig.frame().await;
    rig.demand(true).await;
    let next = rig.frame().await;
    assert!(next.capture_time_us > before.capture_time_us);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_jpeg_of_three_megabytes_passes_a_limit_of_one() {
    let large = jpeg(3_800, 2_160);
    assert!(large.len() > 3_000_000, "{}", large.len());
    let wanted = large.clone();
    let source = Fake::new(move |_| Play {
        jpeg: large.clone(),
        ..Play::default()
    });
    let mut rig = Rig::new(camera(source)).await;
    rig.demand(false).await;
    let frame = rig.frame().await;
    assert!(frame.data == wanted);
    assert_eq!((frame.width, frame.height), (3_800, 2_160));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_carried_is_dropped_and_counted() {
    let source = Fake::new(|_| Play {
        jpeg: jpeg(640, 480),
        ..Play::default()
    });
    // 64 parts of this size carry less than the picture.
    let mut rig = Rig::on(Bus::local(2_000), camera(source)).await;
    assert_eq!(rig.frames_within(3 * SECOND, true).await, 0);
    let announce = rig.state(CameraState::Live).await;
    let later = rig.announcement().await;
    assert!(
        later
            .dropped
            .iter()
            .any(|count| count.reason == "too_large"),
        "{announce:?} {later:?}"
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds() {
    let source = Fake::new(|_| Play {
        period: Duration::from_millis(20),
        ..Play::default()
    });
    let limited = Settings {
        quality: 80,
        max_fps: 5.0,
    };
    let mut rig = Rig::new(Camera {
        settings: limited,
        ..camera(source)
    })
    .await;
    let frames = rig.frames_within(10 * SECOND, true).await;
    assert!((49..=52).contains(&frames), "{frames}");
    let announce = rig.state(CameraState::Live).await;
    assert_eq!(announce.streams[0].name, "jpeg");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn always_needs_no_demand() {
    let always = Camera {
        always: true,
        ..camera(Fake::new(|_| Play::default()))
    };
    let mut rig = Rig::new(always).await;
    assert!(rig.frames_within(20 * SECOND, false).await >= 195);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_encoded_is_scaled_to_the_largest_size() {
    let small = Camera {
        max_size: Some("100x100".parse().unwrap()),
        ..test_pattern(30)
    };
    let mut rig = Rig::new(small).await;
    rig.demand(false).await;
    let frame = rig.frame().await;
    assert_eq!((frame.width, frame.height), (100, 56));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn malformed_demand_opens_nothing() {
    let source = Fake::new(|_| Play::default());
    let attempts = source.attempts.clone();
    let rig = Rig::new(camera(source)).await;
    let subject = Topic::Demand(rig.name.clone()).subject();
    for payload in [&b"\xFF\xFF\xFF"[..], b"", b"\x0A\x04h265"] {
        rig.bus
            .publish(&subject, Bytes::from_static(payload))
            .await
            .unwrap();
    }
    sleep(SECOND).await;
    assert_eq!(attempts.load(Ordering::SeqCst), 0);
    rig.stop().await;
}
