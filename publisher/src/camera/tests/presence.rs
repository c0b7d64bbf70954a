//! Relays always know what a camera offers and how it is.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_camera_announces_itself_at_once_and_every_two_seconds() {
    let mut rig = Rig::new(test_pattern(30)).await;
    let start = Instant::now();
    let first = rig.announcement().await;
    assert!(!first.goodbye && first.epoch > 0);
    assert_eq!(
        (first.title.as_str(), first.source.as_str()),
        ("The gate", "fake")
    );
    let stream = &first.streams[0];
    assert_eq!((stream.width, stream.height, stream.fps), (160, 90, 30.0));
    assert_eq!((stream.name.as_str(), stream.bits_per_second), ("jpeg", 0));
    for _ in 0..5 {
        rig.announcement().await;
    }
    let after = start.elapsed();
    assert!(
        after.abs_diff(Duration::from_secs(10)) < Duration::from_millis(50),
        "{after:?}"
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_query_is_answered_soon() {
    let mut rig = Rig::new(test_pattern(30)).await;
    rig.announcement().await;
    sleep(Duration::from_millis(500)).await;
    let start = Instant::now();
    rig.bus
        .publish(&Topic::QueryAnnounce.subject(), Bytes::new())
        .await
        .unwrap();
    rig.announcement().await;
    assert!(
        start.elapsed() <= Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_queries_is_answered_ten_times_a_second() {
    let mut rig = Rig::new(test_pattern(30)).await;
    for _ in 0..1_000 {
        rig.bus
            .publish(&Topic::QueryAnnounce.subject(), Bytes::new())
            .await
            .unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    let mut answers = 0;
    while timeout(Duration::from_millis(1), rig.announcements.next())
        .await
        .is_ok()
    {
        answers += 1;
    }
    assert!((5..=12).contains(&answers), "{answers}");
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rates_are_measured_while_it_is_live() {
    let mut rig = Rig::new(camera(Fake::new(|_| Play::default()))).await;
    rig.frames_within(Duration::from_secs(5), true).await;
    while timeout(Duration::from_millis(1), rig.announcements.next())
        .await
        .is_ok()
    {}
    let stream = rig.announcement().await.streams[0].clone();
    assert!((stream.fps - 10.0).abs() < 0.2, "{}", stream.fps);
    let wanted = jpeg(32, 16).len() as f32 * 80.0;
    assert!((stream.bits_per_second as f32 - wanted).abs() < wanted / 50.0);
    assert_eq!((stream.width, stream.height), (32, 16));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn its_last_word_is_goodbye() {
    let mut rig = Rig::new(camera(Fake::new(|_| Play::default()))).await;
    rig.demand(false).await;
    rig.frame().await;
    let mut announcements = rig.stop().await;
    let mut last = None;
    while let Ok(Some(delivery)) = timeout(Duration::from_secs(9), announcements.next()).await {
        if let Delivery::Message(message) = delivery {
            last = Some(Announce::decode(message.payload).unwrap());
        }
    }
    assert!(last.unwrap().goodbye);
}

#[tokio::test(start_paused = true)]
async fn of_two_publishers_with_one_name_the_older_says_that_the_newer_wins() {
    let older = Rig::new(test_pattern(30)).await;
    let newer = Rig::on(older.bus.clone(), test_pattern(30)).await;
    sleep(Duration::from_secs(3)).await;
    let mut announcements = newer.announcements;
    let mut reasons = BTreeMap::new();
    while let Ok(Some(delivery)) = timeout(Duration::from_secs(3), announcements.next()).await {
        let Delivery::Message(message) = delivery else {
            continue;
        };
        let announce = Announce::decode(message.payload).unwrap();
        reasons.insert(announce.epoch, (announce.instance, announce.reason));
        if reasons.len() == 2 && reasons.values().any(|(_, reason)| !reason.is_empty()) {
            break;
        }
    }
    let mut reasons = reasons.into_values();
    let ((_, of_older), (newer_instance, of_newer)) =
        (reasons.next().unwrap(), reasons.next().unwrap());
    let wanted = format!(
        "another publisher (instance {newer_instance}) sends this camera; it is newer and wins"
    );
    assert_eq!((of_older, of_newer), (wanted, String::new()));
    for shutdown in [older.shutdown, newer.shutdown] {
        shutdown.cancel();
    }
    older.task.await.unwrap();
    newer.task.await.unwrap();
}
