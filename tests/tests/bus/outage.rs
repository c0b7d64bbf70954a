//! A nats-server that crashes, freezes, or is not there yet.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sightline_bus::{Bus, Delivery, Error, Link, QUEUE_MESSAGES};
use sightline_proto::subject::Topic;
use sightline_tests::nats::{Server, Version};

use crate::rig::{
    A_WHILE, Rig, SOON, assert_silent, connected, name, next, next_message, number, number_in,
    options, settle, subject, until_down, until_up,
};

/// What fails without a connection fails within this.
const AT_ONCE: Duration = Duration::from_millis(100);

macro_rules! over_every_server {
    ($($test:ident)*) => {
        mod debian {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Version::Debian).await;
            })*
        }
        mod current {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Version::Current).await;
            })*
        }
    };
}

over_every_server! {
    nothing_published_during_an_outage_arrives_later
    a_publisher_in_full_flow_replays_next_to_nothing
    subscriptions_come_back_with_the_server
    a_frozen_server_is_noticed
    a_subscriber_that_lost_its_server_is_counted_right_afterwards
}

async fn nothing_published_during_an_outage_arrives_later(version: Version) {
    let mut rig = Rig::nats(version).await;
    let (subject, query) = (subject("farm", "gate"), Topic::QueryAnnounce.subject());
    let mut subscription = rig.subscribe(&subject.clone().into()).await;
    let mut requests = rig.subscribe(&query.clone().into()).await;
    let server = rig.server.as_mut().unwrap();
    server.kill();
    let reason = until_down(&rig.publisher).await;
    assert!(reason.contains(&server.address()), "{reason}");
    until_down(&rig.subscriber).await;
    for n in 0..100 {
        let start = Instant::now();
        let error = rig
            .publisher
            .publish(&subject, number(n))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::NotConnected { .. }), "{error}");
        let error = rig
            .publisher
            .request(&query, number(n), SOON)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::NotConnected { .. }), "{error}");
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    }
    server.restart().await;
    until_up(&rig.publisher).await;
    until_up(&rig.subscriber).await;
    settle(&rig.subscriber).await;
    rig.publisher.publish(&subject, number(1000)).await.unwrap();
    assert_eq!(number_in(&next_message(&mut subscription).await), 1000);
    assert_silent(&mut subscription).await;
    assert_silent(&mut requests).await;
}

async fn a_publisher_in_full_flow_replays_next_to_nothing(version: Version) {
    let mut rig = Rig::nats(version).await;
    let subject = subject("farm", "gate");
    let bus = rig.publisher.clone();
    let flow = tokio::spawn({
        let subject = subject.clone();
        async move {
            for n in 0_u32.. {
                let _ = bus.publish(&subject, number(n)).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    tokio::time::sleep(A_WHILE).await;
    let server = rig.server.as_mut().unwrap();
    server.kill();
    until_down(&rig.publisher).await;
    tokio::time::sleep(A_WHILE).await;
    // What the flow sent before, this one would see only if it were kept. It is there first.
    flow.abort();
    server.restart().await;
    let observer = connected(&options(server)).await;
    let mut subscription = observer.subscribe(&subject.into()).await.unwrap();
    settle(&observer).await;
    until_up(&rig.publisher).await;
    let mut replayed = 0;
    while tokio::time::timeout(A_WHILE, subscription.next())
        .await
        .is_ok()
    {
        replayed += 1;
    }
    assert!(replayed <= 4, "{replayed} old messages were replayed");
}

async fn subscriptions_come_back_with_the_server(version: Version) {
    let mut rig = Rig::nats(version).await;
    let cameras: Vec<_> = (0..20)
        .map(|n| subject("farm", &format!("camera-{n}")))
        .collect();
    let mut subscriptions = Vec::new();
    for subject in &cameras {
        subscriptions.push(rig.subscribe(&subject.clone().into()).await);
    }
    for _ in 0..2 {
        let server = rig.server.as_mut().unwrap();
        server.kill();
        until_down(&rig.subscriber).await;
        until_down(&rig.publisher).await;
        server.restart().await;
        until_up(&rig.publisher).await;
        until_up(&rig.subscriber).await;
        settle(&rig.subscriber).await;
        for (subject, subscription) in cameras.iter().zip(&mut subscriptions) {
            rig.publisher.publish(subject, number(7)).await.unwrap();
            assert_eq!(number_in(&next_message(subscription).await), 7);
        }
    }
}

async fn a_frozen_server_is_noticed(version: Version) {
    let rig = Rig::nats(version).await;
    let server = rig.server.as_ref().unwrap();
    server.freeze();
    let start = Instant::now();
    until_down(&rig.publisher).await;
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    server.thaw();
    until_up(&rig.publisher).await;
}

async fn a_subscriber_that_lost_its_server_is_counted_right_afterwards(version: Version) {
    let mut rig = Rig::nats(version).await;
    let subject = subject("farm", "gate");
    let mut slow = rig.subscribe(&subject.clone().into()).await;
    let server = rig.server.as_mut().unwrap();
    server.kill();
    until_down(&rig.publisher).await;
    until_down(&rig.subscriber).await;
    server.restart().await;
    until_up(&rig.publisher).await;
    until_up(&rig.subscriber).await;
    let mut fast = rig.subscribe(&subject.clone().into()).await;
    for n in 0..=u32::try_from(QUEUE_MESSAGES).unwrap() {
        rig.publisher.publish(&subject, number(n)).await.unwrap();
        next_message(&mut fast).await;
    }
    let lost = async {
        loop {
            if let Delivery::Lost(lost) = next(&mut slow).await {
                return lost;
            }
        }
    };
    let lost = tokio::time::timeout(SOON, lost).await;
    assert_eq!(lost.expect("the slow one learns of its loss"), 1);
}

#[tokio::test]
async fn without_a_server_nothing_is_sent_and_the_link_says_why() {
    let mut server = Server::start(Version::Current, "").await;
    server.kill();
    let bus = Bus::connect(&options(&server)).await.unwrap();
    let subject = subject("farm", "gate");
    let start = Instant::now();
    let error = bus.publish(&subject, Bytes::new()).await.unwrap_err();
    assert!(matches!(error, Error::NotConnected { .. }), "{error}");
    assert!(start.elapsed() < AT_ONCE);
    match &*bus.link().borrow() {
        Link::Down(reason) => assert!(reason.contains(&server.address()), "{reason}"),
        Link::Up => panic!("there is no server"),
    }
    // It comes up when the server does, and takes the subscription along that waited for it.
    let camera = name("farm", "gate");
    let waiting = Topic::Announce(camera).subject();
    let subscribing = tokio::spawn({
        let (bus, pattern) = (bus.clone(), waiting.clone().into());
        async move { bus.subscribe(&pattern).await }
    });
    server.restart().await;
    until_up(&bus).await;
    let mut subscription = subscribing.await.unwrap().unwrap();
    settle(&bus).await;
    bus.publish(&waiting, number(1)).await.unwrap();
    assert_eq!(number_in(&next_message(&mut subscription).await), 1);
}
