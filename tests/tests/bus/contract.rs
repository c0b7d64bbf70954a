//! What holds over every transport alike.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sightline_bus::{Bus, Delivery, Error, Link, QUEUE_MESSAGES, Subscription};
use sightline_proto::{Pattern, Subject, subject::Topic};
use sightline_tests::nats::Version;

use crate::rig::{
    Rig, SOON, assert_silent, name, next, next_message, number, number_in, settle, subject,
};

macro_rules! over_every_bus {
    ($($test:ident)*) => {
        mod in_process {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Rig::local()).await;
            })*
        }
        mod nats_debian {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Rig::nats(super::Version::Debian).await).await;
            })*
        }
        mod nats_current {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Rig::nats(super::Version::Current).await).await;
            })*
        }
    };
}

over_every_bus! {
    a_message_arrives_as_it_was_sent
    messages_of_one_publisher_stay_in_order
    every_subscriber_gets_every_message
    a_pattern_gets_what_matches_and_nothing_else
    a_slow_subscriber_loses_messages_and_learns_it_while_a_fast_one_gets_all
    the_largest_payload_passes_and_a_larger_one_is_refused
    a_request_is_answered
    a_request_that_nobody_could_answer_fails_at_once
    a_request_that_nobody_answers_ends_in_time
    an_answer_that_nobody_waits_for_does_no_harm
    a_request_that_is_too_large_is_refused
    a_dropped_subscription_gets_nothing_more
    a_cancelled_wait_loses_no_message
    the_link_is_up
}

async fn a_message_arrives_as_it_was_sent(rig: Rig) {
    let subject = subject("farm", "gate");
    let mut subscription = rig.subscribe(&subject.clone().into()).await;
    let payload = Bytes::from_static(b"\0\r\n\xff\xd8");
    rig.publisher
        .publish(&subject, payload.clone())
        .await
        .unwrap();
    let message = next_message(&mut subscription).await;
    assert_eq!(message.subject, subject.as_str());
    assert_eq!(message.payload, payload);
    assert!(message.reply.is_none());
    assert_silent(&mut subscription).await;
}

async fn messages_of_one_publisher_stay_in_order(rig: Rig) {
    let subject = subject("farm", "gate");
    let mut subscription = rig.subscribe(&subject.clone().into()).await;
    let half = u32::try_from(QUEUE_MESSAGES).unwrap() / 2;
    for round in 0..20 {
        let numbers = round * half..(round + 1) * half;
        publish(&rig.publisher, &subject, numbers.clone()).await;
        for wanted in numbers {
            assert_eq!(number_in(&next_message(&mut subscription).await), wanted);
        }
    }
}

async fn every_subscriber_gets_every_message(rig: Rig) {
    let subject = subject("farm", "gate");
    let mut subscriptions = Vec::new();
    for _ in 0..5 {
        subscriptions.push(rig.subscribe(&subject.clone().into()).await);
    }
    publish(&rig.publisher, &subject, 0..10).await;
    for subscription in &mut subscriptions {
        for wanted in 0..10 {
            assert_eq!(number_in(&next_message(subscription).await), wanted);
        }
    }
}

async fn a_pattern_gets_what_matches_and_nothing_else(rig: Rig) {
    let gate = name("farm", "gate");
    let mut every = rig.subscribe(&Pattern::every_announce()).await;
    let mut control = rig.subscribe(&Pattern::control_of(&gate)).await;
    let announce = |site, camera| Topic::Announce(name(site, camera)).subject();
    let verb =
        |camera, verb: &str| Topic::Control(name("farm", camera), verb.parse().unwrap()).subject();
    let sent = [
        announce("farm", "gate"),
        announce("shop", "door"),
        subject("farm", "gate"),
        verb("gate", "keyframe"),
        verb("gate", "settings"),
        verb("door", "keyframe"),
        Topic::Demand(gate.clone()).subject(),
        Topic::QueryAnnounce.subject(),
    ];
    for subject in &sent {
        rig.publisher.publish(subject, Bytes::new()).await.unwrap();
    }
    for wanted in [&sent[0], &sent[1]] {
        assert_eq!(next_message(&mut every).await.subject, wanted.as_str());
    }
    for wanted in [&sent[3], &sent[4]] {
        assert_eq!(next_message(&mut control).await.subject, wanted.as_str());
    }
    assert_silent(&mut every).await;
    assert_silent(&mut control).await;
}

async fn a_slow_subscriber_loses_messages_and_learns_it_while_a_fast_one_gets_all(rig: Rig) {
    let subject = subject("farm", "gate");
    let mut slow = rig.subscribe(&subject.clone().into()).await;
    let mut fast = rig.subscribe(&subject.clone().into()).await;
    let queue = u32::try_from(QUEUE_MESSAGES).unwrap();
    let sent = queue * 4;
    for number_sent in 0..sent {
        publish(&rig.publisher, &subject, number_sent..number_sent + 1).await;
        assert_eq!(number_in(&next_message(&mut fast).await), number_sent);
    }
    // The queue holds the first ones; all further ones were lost, and it is told so.
    let (mut numbers, mut lost) = (Vec::new(), 0);
    while numbers.len() < QUEUE_MESSAGES || lost == 0 {
        match next(&mut slow).await {
            Delivery::Message(message) => numbers.push(number_in(&message)),
            Delivery::Lost(count) => lost += count,
        }
    }
    assert_eq!(numbers, (0..queue).collect::<Vec<_>>());
    assert_eq!(lost, u64::from(sent - queue));
    // It goes on with what comes after.
    publish(&rig.publisher, &subject, sent..sent + 1).await;
    assert_eq!(number_in(&next_message(&mut slow).await), sent);
}

async fn the_largest_payload_passes_and_a_larger_one_is_refused(rig: Rig) {
    let subject = subject("farm", "gate");
    let mut subscription = rig.subscribe(&subject.clone().into()).await;
    let limit_bytes = rig.publisher.max_payload_bytes();
    assert_eq!(limit_bytes, 1 << 20);
    let large = Bytes::from(vec![7; limit_bytes + 1]);
    match rig.publisher.publish(&subject, large.clone()).await {
        Err(Error::PayloadTooLarge { len, limit, .. }) => {
            assert_eq!((len, limit), (limit_bytes + 1, limit_bytes));
        }
        other => panic!("{other:?}"),
    }
    let fits = large.slice(1..);
    rig.publisher.publish(&subject, fits.clone()).await.unwrap();
    assert_eq!(next_message(&mut subscription).await.payload, fits);
}

async fn a_request_is_answered(rig: Rig) {
    let subject = keyframe();
    let subscription = rig.subscribe(&subject.clone().into()).await;
    let echo = tokio::spawn(answer_all(rig.subscriber.clone(), subscription));
    for n in 0..10 {
        let answer = rig
            .publisher
            .request(&subject, number(n), SOON)
            .await
            .unwrap();
        assert_eq!(answer, number(n));
    }
    echo.abort();
}

async fn a_request_that_nobody_could_answer_fails_at_once(rig: Rig) {
    let start = Instant::now();
    let error = rig
        .publisher
        .request(&keyframe(), Bytes::new(), SOON)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoResponder { .. }), "{error}");
    assert!(start.elapsed() < SOON / 2);
}

async fn a_request_that_nobody_answers_ends_in_time(rig: Rig) {
    let subject = keyframe();
    let mut silent = rig.subscribe(&subject.clone().into()).await;
    let wait = Duration::from_millis(200);
    let start = Instant::now();
    let error = rig
        .publisher
        .request(&subject, Bytes::new(), wait)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Timeout { waited, .. } if waited == wait),
        "{error}"
    );
    assert!(start.elapsed() >= wait && start.elapsed() < SOON / 2);
    next_message(&mut silent).await;
}

async fn an_answer_that_nobody_waits_for_does_no_harm(rig: Rig) {
    let subject = keyframe();
    let mut late = rig.subscribe(&subject.clone().into()).await;
    let wait = Duration::from_millis(50);
    rig.publisher
        .request(&subject, number(1), wait)
        .await
        .unwrap_err();
    let first = next_message(&mut late).await;
    rig.subscriber
        .reply(first.reply.unwrap(), number(1))
        .await
        .unwrap();
    // The answer to the request before is not taken for the answer to this one.
    let (answer, ()) = tokio::join!(rig.publisher.request(&subject, number(2), SOON), async {
        let second = next_message(&mut late).await;
        rig.subscriber
            .reply(second.reply.unwrap(), number(2))
            .await
            .unwrap();
    });
    assert_eq!(answer.unwrap(), number(2));
}

async fn a_request_that_is_too_large_is_refused(rig: Rig) {
    let subject = keyframe();
    let mut subscription = rig.subscribe(&subject.clone().into()).await;
    let large = Bytes::from(vec![0; rig.publisher.max_payload_bytes() + 1]);
    let error = rig
        .publisher
        .request(&subject, large, SOON)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::PayloadTooLarge { .. }), "{error}");
    assert_silent(&mut subscription).await;
}

async fn a_dropped_subscription_gets_nothing_more(rig: Rig) {
    let subject = keyframe();
    let dropped = rig.subscribe(&subject.clone().into()).await;
    let mut kept = rig.subscribe(&Topic::QueryAnnounce.subject().into()).await;
    drop(dropped);
    settle(&rig.subscriber).await;
    let error = rig
        .publisher
        .request(&subject, Bytes::new(), SOON)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoResponder { .. }), "{error}");
    rig.publisher
        .publish(&Topic::QueryAnnounce.subject(), Bytes::new())
        .await
        .unwrap();
    next_message(&mut kept).await;
}

async fn a_cancelled_wait_loses_no_message(rig: Rig) {
    let subject = subject("farm", "gate");
    let mut subscription = rig.subscribe(&subject.clone().into()).await;
    for n in 0..50 {
        let waiting = tokio::time::timeout(Duration::from_micros(200), subscription.next());
        let (first, ()) = tokio::join!(waiting, publish(&rig.publisher, &subject, n..n + 1));
        let message = match first {
            Ok(Some(Delivery::Message(message))) => message,
            Ok(other) => panic!("{other:?}"),
            Err(_) => next_message(&mut subscription).await,
        };
        assert_eq!(number_in(&message), n);
    }
}

async fn the_link_is_up(rig: Rig) {
    assert_eq!(*rig.publisher.link().borrow(), Link::Up);
    assert_eq!(*rig.subscriber.link().borrow(), Link::Up);
    assert!(
        rig.server
            .is_none_or(|server| !server.process().log().is_empty())
    );
}

fn keyframe() -> Subject {
    Topic::Control(name("farm", "gate"), "keyframe".parse().unwrap()).subject()
}

async fn publish(bus: &Bus, subject: &Subject, numbers: std::ops::Range<u32>) {
    for n in numbers {
        bus.publish(subject, number(n)).await.unwrap();
    }
}

/// Answers each request with its own payload.
async fn answer_all(bus: Bus, mut subscription: Subscription) {
    while let Some(Delivery::Message(message)) = subscription.next().await {
        bus.reply(message.reply.unwrap(), message.payload)
            .await
            .unwrap();
    }
}
