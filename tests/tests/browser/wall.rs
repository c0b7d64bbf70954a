//! The wall: every camera, live.

use std::time::Duration;

use sightline_tests::browser::SOON;

use crate::{proxy::Proxy, scene::Scene};

#[tokio::test]
async fn the_wall_shows_every_camera_of_every_publisher_moving() {
    let scene = Scene::start().await;
    let _farm = scene.publish(
        "farm",
        &[
            ("barn", "test://?size=640x360&fps=15"),
            ("gate", "test://?size=320x480&fps=10"),
        ],
    );
    let _shop = scene.publish("shop", &[("door", "test://?size=640x480&fps=10")]);
    let page = scene.open("/").await;
    let cameras = ["farm/barn", "farm/gate", "shop/door"];
    page.until_moving(&cameras, SOON).await;
    let players = page.players().await.unwrap();
    let sizes = players.iter().map(|player| (player.width, player.height));
    assert!(sizes.eq([(640, 360), (320, 480), (640, 480)]));
    for (camera, name) in cameras.into_iter().zip(["barn", "gate", "door"]) {
        let tile = format!("li:has([data-camera='{camera}']) .tile-name");
        assert_eq!(page.text(&tile).await.unwrap(), name);
    }
    scene.assert_clean(&page);
}

#[tokio::test]
async fn twenty_cameras_move_on_one_page_over_one_websocket() {
    let scene = Scene::start().await;
    let names: Vec<_> = (1..=20).map(|at| format!("c{at:02}")).collect();
    let cameras: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "test://?size=320x180&fps=10"))
        .collect();
    let _publisher = scene.publish("farm", &cameras);
    let page = scene.open("/").await;
    let names: Vec<_> = names.iter().map(|name| format!("farm/{name}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    page.until_moving(&names, Duration::from_secs(20)).await;
    assert_eq!(
        page.journal().sockets().len(),
        1,
        "{:?}",
        page.journal().sockets()
    );
    scene.assert_clean(&page);
}

#[tokio::test]
async fn tiles_out_of_sight_are_not_sent_until_they_are_scrolled_to() {
    let scene = Scene::start().await;
    let names: Vec<_> = (1..=8).map(|at| format!("c{at}")).collect();
    let cameras: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "test://?size=320x180&fps=5"))
        .collect();
    let _publisher = scene.publish("farm", &cameras);
    let page = scene.open("/?columns=2").await;
    page.until("farm/c1", "is live", SOON, |it| it.kind == "live")
        .await;
    scene.until_viewers(&["farm/c1", "farm/c2"], 1).await;
    scene.until_viewers(&["farm/c7", "farm/c8"], 0).await;
    assert_eq!(page.player("farm/c8").await.unwrap().number(), None);

    page.run("scrollTo(0, 1e6)").await;
    page.until("farm/c8", "is live", SOON, |it| it.ensure_live().is_ok())
        .await;
    scene.until_viewers(&["farm/c7", "farm/c8"], 1).await;
    scene.until_viewers(&["farm/c1", "farm/c2"], 0).await;
    let gone = page.player("farm/c1").await.unwrap();
    assert!(gone.number().is_some(), "the last picture stays: {gone:?}");
    scene.assert_clean(&page);
}

#[tokio::test]
async fn where_websockets_are_refused_every_camera_comes_by_http_and_the_page_says_so() {
    let scene = Scene::start().await;
    // More than a browser has connections to one host.
    let names: Vec<_> = (1..=8).map(|at| format!("c{at}")).collect();
    let cameras: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "test://?size=320x180&fps=5"))
        .collect();
    let _publisher = scene.publish("farm", &cameras);
    let proxy = Proxy::start(scene.relay.address()).await;
    let page = scene
        .chromium
        .open(&format!("http://{}/", proxy.address()))
        .await;
    page.until_reads(".notice", "WebSockets do not get through")
        .await;
    let names: Vec<_> = names.iter().map(|name| format!("farm/{name}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    page.until_moving(&names, Duration::from_secs(20)).await;
    // No request hangs for want of a connection.
    page.click("[data-camera='farm/c8']").await;
    page.until_moving(&["farm/c8"], SOON).await;
    page.assert_clean(&[proxy.address()], &["Unexpected response code: 403"]);
}

#[tokio::test]
async fn an_empty_wall_says_what_to_run_and_fills_by_itself() {
    let scene = Scene::start().await;
    let page = scene.open("/").await;
    let words = page.until_reads("main", "No cameras yet").await;
    for part in [
        "sightline-publisher --nats nats://127.0.0.1:4222 --site home --camera",
        "front=v4l2:///dev/video0",
        "test=test://",
    ] {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
    let copy = "button[aria-label='Copy the command for a test picture']";
    page.click(copy).await;
    page.until_true(
        "it says that it was copied",
        "[...document.querySelectorAll('.copyable [role=status]')].some((it) => it.textContent === 'Copied')",
    )
    .await;

    let _publisher = scene.publish("home", &[("test", "test://?size=320x180&fps=10")]);
    page.until_moving(&["home/test"], SOON).await;
    assert!(!page.text("main").await.unwrap().contains("No cameras yet"));
    scene.assert_clean(&page);
}

#[tokio::test]
async fn the_keyboard_goes_from_tile_to_tile_and_opens_one() {
    let scene = Scene::start().await;
    let source = "test://?size=320x180&fps=5";
    let cameras = ["a", "b", "c"].map(|name| (name, source));
    let _publisher = scene.publish("farm", &cameras);
    let page = scene.open("/").await;
    page.until_moving(&["farm/a", "farm/b", "farm/c"], SOON)
        .await;
    let focused = |camera: &str| format!("document.activeElement.dataset.camera === '{camera}'");
    for (key, camera) in [
        ("ArrowRight", "farm/a"),
        ("ArrowRight", "farm/b"),
        ("ArrowRight", "farm/c"),
        ("ArrowLeft", "farm/b"),
    ] {
        page.press(key).await;
        page.until_true(&format!("{key} leads to {camera}"), &focused(camera))
            .await;
    }
    page.press("Enter").await;
    scene.until_at(&page, "/watch/farm/b").await;
    page.until_moving(&["farm/b"], SOON).await;
    page.press("Escape").await;
    scene.until_at(&page, "/").await;
    page.until_true("the keyboard is where it was", &focused("farm/b"))
        .await;

    page.press("/").await;
    page.press("c").await;
    scene.until_at(&page, "/?q=c").await;
    page.until_moving(&["farm/c"], SOON).await;
    scene.assert_clean(&page);
}
