//! Sources fail in every way; people are told why, and the camera comes back.

use super::*;

/// Keeps demand alive while `body` runs.
async fn watched<T>(rig: &mut Rig, body: impl AsyncFnOnce(&mut Rig) -> T) -> T {
    let (bus, name) = (rig.bus.clone(), rig.name.clone());
    let watching = async move {
        loop {
            let demand = Demand {
                stream: JPEG.into(),
                relay: "relay".into(),
                ..Demand::default()
            };
            let subject = Topic::Demand(name.clone()).subject();
            bus.publish(&subject, demand.encode_to_vec().into())
                .await
                .unwrap();
            sleep(sightline_proto::HEARTBEAT).await;
        }
    };
    tokio::select! {
        result = body(rig) => result,
        () = watching => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_says_why_and_recovers() {
    let source = Fake::new(|attempt| match attempt {
        0 | 1 => Play {
            pictures: 0,
            then: Then::Fail("the cable is loose"),
            ..Play::default()
        },
        _ => Play::default(),
    });
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        let failed = rig.state(CameraState::Failed).await;
        assert_eq!(failed.reason, "fake:// failed: the cable is loose");
        let live = rig.state(CameraState::Live).await;
        assert_eq!(live.reason, "");
        rig.frame().await;
    })
    .await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_asked_for_is_a_failure() {
    let source = Fake::new(|_| Play {
        pictures: 1,
        then: Then::End,
        ..Play::default()
    });
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        assert_eq!(rig.state(CameraState::Failed).await.reason, "fake:// ended");
    })
    .await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_a_failed_source() {
    let source = Fake::new(|attempt| match attempt {
        0 => Play {
            pictures: 2,
            then: Then::Panic,
            ..Play::default()
        },
        _ => Play::default(),
    });
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        let failed = rig.state(CameraState::Failed).await;
        assert!(failed.reason.contains("it broke"), "{}", failed.reason);
        rig.state(CameraState::Live).await;
    })
    .await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_source_is_stalled_then_opened_anew() {
    let source = Fake::new(|attempt| match attempt {
        0 => Play {
            pictures: 3,
            ..Play::default()
        },
        _ => Play::default(),
    });
    let attempts = source.attempts.clone();
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        rig.state(CameraState::Live).await;
        let start = Instant::now();
        let stalled = rig.state(CameraState::Stalled).await;
        let after = start.elapsed();
        assert!((2_300..=2_900).contains(&after.as_millis()), "{after:?}");
        assert!(
            stalled.reason.starts_with("no picture from fake://"),
            "{}",
            stalled.reason
        );
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        rig.state(CameraState::Live).await;
        let after = start.elapsed();
        assert!((4_800..=5_800).contains(&after.as_millis()), "{after:?}");
        assert_eq!(attempts.load(Ordering::SeqCst), 2);
    })
    .await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_source_is_not_taken_for_a_silent_one() {
    let mut source = Fake::new(|_| Play {
        period: Duration::from_secs(8),
        ..Play::default()
    });
    source.fps = 0.125;
    let attempts = source.attempts.clone();
    let mut rig = Rig::new(camera(source)).await;
    let frames = rig.frames_within(Duration::from_secs(60), true).await;
    assert_eq!((frames, attempts.load(Ordering::SeqCst)), (8, 1));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn sending_the_last_picture_again_does_not_hide_a_stall() {
    let source = Fake::new(|_| Play {
        pictures: 1,
        ..Play::default()
    });
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        rig.state(CameraState::Live).await;
        for _ in 0..4 {
            rig.frame().await;
            sleep(Duration::from_millis(500)).await;
            rig.demand(true).await;
        }
        let start = Instant::now();
        rig.state(CameraState::Stalled).await;
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
    })
    .await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_password_is_tried_seldom() {
    let source = Fake::new(|_| Play {
        pictures: 0,
        then: Then::Refuse,
        ..Play::default()
    });
    let attempts = source.attempts.clone();
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        let failed = rig.state(CameraState::Failed).await;
        assert_eq!(failed.reason, "fake:// refuses the user or password");
        sleep(Duration::from_secs(59)).await;
    })
    .await;
    let attempts = attempts.load(Ordering::SeqCst);
    assert!((4..=8).contains(&attempts), "{attempts}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pictures_that_cannot_be_used_are_counted_and_named_as_the_reason() {
    let whole = jpeg(32, 16);
    let cut = whole.slice(..whole.len() - 30);
    let source = Fake::new(move |_| Play {
        jpeg: cut.clone(),
        pictures: 5,
        then: Then::Fail("no more"),
        ..Play::default()
    });
    let mut rig = Rig::new(camera(source)).await;
    watched(&mut rig, async |rig| {
        let failed = rig.state(CameraState::Failed).await;
        assert!(
            failed.reason.starts_with("fake:// failed: no more; "),
            "{}",
            failed.reason
        );
        let truncated = failed
            .dropped
            .iter()
            .find(|count| count.reason == "truncated");
        assert_eq!(truncated.map(|count| count.count), Some(5));
    })
    .await;
    assert!(timeout(Duration::from_secs(1), rig.frame()).await.is_err());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_close_is_ended() {
    let source = Fake::new(|_| Play {
        pictures: 3,
        then: Then::Stick,
        ..Play::default()
    });
    let running = source.running.clone();
    let mut rig = Rig::new(camera(source)).await;
    assert_eq!(rig.frames_within(Duration::from_secs(1), true).await, 3);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(running.load(Ordering::SeqCst), 0);
    rig.state(CameraState::Idle).await;
    rig.demand(false).await;
    rig.frame().await;
    // Nor does it keep the program from ending.
    rig.stop().await;
    assert_eq!(running.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn one_bad_camera_never_disturbs_another() {
    let bus = Bus::local(MIB);
    let bad = Camera {
        name: "farm/bad".parse().unwrap(),
        ..camera(Fake::new(|_| Play {
            pictures: 1,
            then: Then::Panic,
            ..Play::default()
        }))
    };
    let (bad, mut good) = (
        Rig::on(bus.clone(), bad).await,
        Rig::on(bus, camera(Fake::new(|_| Play::default()))).await,
    );
    bad.demand(false).await;
    let frames = good.frames_within(Duration::from_secs(5), true).await;
    assert!((49..=51).contains(&frames), "{frames}");
    bad.stop().await;
    good.stop().await;
}
