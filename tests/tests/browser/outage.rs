//! What a page shows while parts of the fleet are gone, and when they come back.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use sightline_tests::browser::{Page, SOON};

use crate::scene::{BARN, GATE, Scene};

/// A camera that announced itself last so long ago is offline; a second for a busy machine.
const OFFLINE: Duration = Duration::from_secs(7);

/// Everything is back so soon after what was gone.
const BACK: Duration = Duration::from_secs(3);

/// No picture looks live for longer than this without a new one: 2 s, and half a second for a busy machine.
const FROZEN_MS: f64 = 2_500.0;

/// The relay shows nothing that was delayed by more than a second.
const LATENCY_MS: f64 = 2_000.0;

/// What Chromium itself writes while nobody listens at the relay's address.
const UNREACHABLE: [&str; 3] = [
    "net::ERR_CONNECTION_REFUSED",
    "net::ERR_CONNECTION_RESET",
    "Connection closed before receiving a handshake response",
];

#[tokio::test]
async fn a_camera_that_dies_is_said_to_be_gone_and_is_live_again_by_itself() {
    let scene = Scene::start().await;
    let mut publisher = scene.publish("farm", &[GATE]);
    let _other = scene.publish("shop", &[("door", BARN.1)]);
    let page = scene.open("/").await;
    page.until_moving(&["farm/gate", "shop/door"], SOON).await;
    page.mark().await;
    page.record().await;

    publisher.kill();
    let killed = Instant::now();
    let stalled = page
        .until("farm/gate", "is stalled", OFFLINE, |it| it.kind != "live")
        .await;
    assert_eq!(stalled.kind, "stalled");
    assert!(
        stalled.words.starts_with("no new picture for "),
        "{stalled:?}"
    );
    let last = stalled.picture().unwrap();
    let left = OFFLINE.saturating_sub(killed.elapsed());
    let offline = page
        .until("farm/gate", "is offline", left, |it| it.kind == "offline")
        .await;
    assert!(offline.words.starts_with("offline since "), "{offline:?}");
    assert_eq!(offline.picture().unwrap(), last, "the last picture stays");

    publisher.restart();
    scene.relay.until_online("farm/gate").await;
    page.until_moving(&["farm/gate", "shop/door"], BACK).await;
    page.assert_kept().await;
    let seen = page.recorded().await;
    let gate = &seen["farm/gate"];
    assert!(gate.frozen_live_ms < FROZEN_MS, "{gate:?}");
    assert_eq!(gate.blanks, 0, "{gate:?}");
    let door = &seen["shop/door"];
    assert_eq!(door.kinds, ["live"], "the other one is not disturbed");
    assert_eq!(door.backwards, 0, "{door:?}");
    scene.assert_clean(&page);
}

#[tokio::test]
async fn a_relay_that_dies_is_said_to_be_gone_and_the_page_comes_back_with_it() {
    let (mut scene, _publisher) = Scene::farm().await;
    let page = scene.open("/").await;
    let cameras = ["farm/barn", "farm/gate"];
    page.until_moving(&cameras, SOON).await;
    page.mark().await;
    page.record().await;

    scene.relay.kill();
    for camera in cameras {
        let gone = page
            .until(camera, "is unreachable", SOON, |it| {
                it.kind == "unreachable"
            })
            .await;
        assert_eq!(gone.words, "relay unreachable");
        assert!(!gone.plain, "{gone:?}");
    }
    page.until_reads(".notice", "Relay unreachable, next try in ")
        .await;

    scene.relay.restart();
    scene.relay.until_ready().await;
    page.until_moving(&cameras, BACK).await;
    page.assert_kept().await;
    assert_unbroken(&page, &cameras).await;
    page.until_true(
        "the notice is gone",
        "document.querySelector('.notice').hidden",
    )
    .await;
    page.assert_clean(&[scene.relay.address()], &UNREACHABLE);
}

#[tokio::test]
async fn without_nats_no_picture_looks_live_and_all_are_back_with_it() {
    let (mut scene, _publisher) = Scene::farm().await;
    let page = scene.open("/").await;
    let cameras = ["farm/barn", "farm/gate"];
    page.until_moving(&cameras, SOON).await;
    page.mark().await;
    page.record().await;

    scene.nats.kill();
    for camera in cameras {
        let still = page
            .until(camera, "is not live", SOON, |it| it.kind != "live")
            .await;
        assert!(!still.words.is_empty() && !still.plain, "{still:?}");
    }

    scene.nats.restart().await;
    page.until_moving(&cameras, BACK).await;
    page.assert_kept().await;
    assert_unbroken(&page, &cameras).await;
    assert_eq!(
        page.journal().sockets().len(),
        1,
        "the relay was there all the time"
    );
    scene.assert_clean(&page);
}

#[tokio::test]
async fn what_a_frozen_nats_server_kept_is_never_shown_as_live() {
    let (scene, _publisher) = Scene::farm().await;
    let page = scene.open("/").await;
    let cameras = ["farm/barn", "farm/gate"];
    page.until_moving(&cameras, SOON).await;
    page.record().await;

    scene.nats.freeze();
    for camera in cameras {
        let still = page
            .until(camera, "is not live", SOON, |it| it.kind != "live")
            .await;
        assert!(!still.words.is_empty() && !still.plain, "{still:?}");
    }
    scene.nats.thaw();
    page.until_moving(&cameras, BACK).await;
    assert_unbroken(&page, &cameras).await;
    scene.assert_clean(&page);
}

#[tokio::test]
async fn a_relay_that_is_restarted_in_an_orderly_way_leaves_no_blank_tile() {
    let (mut scene, _publisher) = Scene::farm().await;
    let page = scene.open("/").await;
    let cameras = ["farm/barn", "farm/gate"];
    page.until_moving(&cameras, SOON).await;
    page.mark().await;
    page.record().await;

    let process = scene.relay.process();
    process.signal(Signal::TERM).unwrap();
    assert_eq!(process.until_ended(SOON).await.code(), Some(0));
    scene.relay.restart();
    scene.relay.until_ready().await;
    page.until_moving(&cameras, BACK).await;
    page.assert_kept().await;
    assert_unbroken(&page, &cameras).await;
    page.assert_clean(&[scene.relay.address()], &UNREACHABLE);
}

#[tokio::test]
async fn a_camera_that_cannot_be_opened_says_why_and_disturbs_no_other() {
    let scene = Scene::start().await;
    let missing = ("attic", "v4l2:///dev/video99");
    let _publisher = scene.publish("farm", &[missing, GATE]);
    let page = scene.open("/").await;
    let failed = page
        .until("farm/attic", "has failed", SOON, |it| it.kind == "failed")
        .await;
    assert!(failed.words.contains("/dev/video99"), "{failed:?}");
    page.until("farm/gate", "is live", SOON, |it| it.ensure_live().is_ok())
        .await;
    scene.assert_clean(&page);
}

/// No blank tile, no picture from before, and nothing old that looked live.
async fn assert_unbroken(page: &Page, cameras: &[&str]) {
    let seen = page.recorded().await;
    assert_eq!(seen.len(), cameras.len());
    for (camera, seen) in seen {
        assert!(seen.looks >= 5, "{camera}: {seen:?}");
        assert_eq!((seen.blanks, seen.backwards), (0, 0), "{camera}: {seen:?}");
        assert!(seen.frozen_live_ms < FROZEN_MS, "{camera}: {seen:?}");
        assert!(seen.live_latency_ms < LATENCY_MS, "{camera}: {seen:?}");
    }
}
