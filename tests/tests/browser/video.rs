//! H.264 in the browser: by WebCodecs, by Media Source, and what happens when either does not work.

use std::time::Duration;

use anyhow::ensure;
use chromiumoxide::cdp::browser_protocol::page::AddScriptToEvaluateOnNewDocumentParams;
use sightline_tests::{
    browser::{Page, SOON},
    eventually,
    fleet::Publisher,
    rtsp,
};

use crate::scene::{GATE, Scene};

const GATE_PAGE: &str = "/watch/farm/gate";

/// Everything is back so soon after what was gone.
const BACK: Duration = Duration::from_secs(5);

/// No picture looks live for longer than this without a new one: 2 s, and half a second for a busy machine.
const FROZEN_MS: f64 = 2_500.0;

/// A browser whose hardware decoder is broken.
const NO_DECODER: &str =
    "VideoDecoder.prototype.decode = () => { throw new Error('broken decoder'); };";

/// A browser that cannot play what it says it can.
const NO_MEDIA_SOURCE: &str =
    "SourceBuffer.prototype.appendBuffer = () => { throw new Error('broken buffer'); };";

/// What Chromium writes of a header that is for secure pages.
const INSECURE: [&str; 1] = ["Cross-Origin-Opener-Policy header has been ignored"];

/// The ways to watch H.264.
#[derive(Clone, Copy, Debug)]
enum Way {
    WebCodecs,
    MediaSource,
}

impl Way {
    const ALL: [Self; 2] = [Self::WebCodecs, Self::MediaSource];

    const fn words(self) -> &'static str {
        match self {
            Self::WebCodecs => "H.264 by WebCodecs",
            Self::MediaSource => "H.264 by Media Source",
        }
    }

    /// Opens a page that takes this way, and waits until it moves.
    async fn open(self, scene: &Scene) -> Page {
        let page = match self {
            Self::WebCodecs => scene.open(GATE_PAGE).await,
            Self::MediaSource => {
                let url = format!("http://{}{GATE_PAGE}", scene.insecure_host());
                scene.chromium.open(&url).await
            }
        };
        self.until_moving(&page).await;
        page
    }

    async fn until_moving(self, page: &Page) {
        page.until_moving(&["farm/gate"], BACK.max(SOON)).await;
        assert_eq!(route(page).await, self.words());
    }
}

async fn gate() -> (Scene, Publisher) {
    let scene = Scene::start().await;
    let publisher = scene.publish("farm", &[GATE]);
    scene.relay.until_online("farm/gate").await;
    (scene, publisher)
}

fn assert_clean(scene: &Scene, page: &Page) {
    let ours = [scene.relay.address(), &scene.insecure_host()];
    page.assert_clean(&ours, &INSECURE);
}

async fn stat(page: &Page, name: &str) -> String {
    let expression = format!("document.querySelector('sightline-player').stats.{name}");
    page.eval(&expression).await.expect("a player with figures")
}

async fn route(page: &Page) -> String {
    stat(page, "route").await
}

/// Opens the camera in a browser that some script has changed.
async fn open_changed(scene: &Scene, script: &str) -> Page {
    let page = scene.chromium.open("about:blank").await;
    let added = AddScriptToEvaluateOnNewDocumentParams::new(script);
    page.tab().execute(added).await.expect("the browser obeys");
    page.go(&scene.url(GATE_PAGE)).await;
    page
}

#[tokio::test]
async fn a_secure_page_shows_h264_by_webcodecs_and_another_one_by_media_source() {
    let (scene, _publisher) = gate().await;
    for way in Way::ALL {
        let page = way.open(&scene).await;
        let player = page.player("farm/gate").await.unwrap();
        assert_eq!((player.width, player.height), (320, 240), "{way:?}");
        assert_eq!(stat(&page, "codec").await, "h264");
        assert!(!stat(&page, "why").await.is_empty());
        assert_eq!(page.journal().sockets().len(), 1, "{way:?}");
        assert_clean(&scene, &page);
        page.tab().clone().close().await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_decoder_leads_to_media_source_and_a_broken_browser_to_jpeg() {
    let (scene, _publisher) = gate().await;
    let page = open_changed(&scene, NO_DECODER).await;
    until_route(&page, "H.264 by Media Source").await;
    let why = stat(&page, "why").await;
    assert!(why.contains("broken decoder"), "{why}");
    page.until_moving(&["farm/gate"], SOON).await;
    scene.assert_clean(&page);

    let page = open_changed(&scene, &format!("{NO_DECODER}{NO_MEDIA_SOURCE}")).await;
    until_route(&page, "JPEG over WebSocket").await;
    let why = stat(&page, "why").await;
    assert!(
        why.contains("broken decoder") && why.contains("broken buffer"),
        "{why}"
    );
    page.until_moving(&["farm/gate"], SOON).await;
    scene.assert_clean(&page);
}

async fn until_route(page: &Page, route: &str) {
    // A decoder is given up with the third key frame that it fails on.
    eventually(
        &format!("{route} is taken"),
        Duration::from_secs(20),
        async || {
            let expression = "document.querySelector('sightline-player')?.stats.route ?? ''";
            let taken: String = page.eval(expression).await?;
            ensure!(taken == route, "it takes {taken:?}");
            Ok(())
        },
    )
    .await;
}

#[tokio::test]
async fn a_camera_that_dies_is_marked_and_is_live_again_by_itself_by_either_way() {
    let (scene, mut publisher) = gate().await;
    for way in Way::ALL {
        let page = way.open(&scene).await;
        page.mark().await;
        page.record().await;
        publisher.kill();
        let stalled = page
            .until("farm/gate", "is stalled", SOON, |it| it.kind == "stalled")
            .await;
        assert!(
            stalled.words.starts_with("no new picture for ") && !stalled.plain,
            "{stalled:?}"
        );
        publisher.restart();
        scene.relay.until_online("farm/gate").await;
        way.until_moving(&page).await;
        page.assert_kept().await;
        let seen = &page.recorded().await["farm/gate"];
        assert!(seen.frozen_live_ms < FROZEN_MS, "{way:?}: {seen:?}");
        assert_eq!(seen.blanks, 0, "{way:?}: {seen:?}");
        assert_clean(&scene, &page);
        page.tab().clone().close().await.unwrap();
    }
}

#[tokio::test]
async fn a_relay_that_is_started_again_is_watched_again_by_either_way() {
    let (mut scene, _publisher) = gate().await;
    let pages = [
        Way::WebCodecs.open(&scene).await,
        Way::MediaSource.open(&scene).await,
    ];
    for page in &pages {
        page.mark().await;
    }
    scene.relay.kill();
    scene.relay.restart();
    scene.relay.until_ready().await;
    for (way, page) in Way::ALL.into_iter().zip(&pages) {
        page.tab().bring_to_front().await.unwrap();
        way.until_moving(page).await;
        page.assert_kept().await;
    }
}

#[tokio::test]
async fn a_page_in_the_background_is_sent_no_video_and_is_live_again_at_once() {
    let (scene, _publisher) = gate().await;
    for way in Way::ALL {
        let page = way.open(&scene).await;
        scene.until_viewers(&["farm/gate"], 1).await;
        let other = scene.chromium.open("about:blank").await;
        page.until_true("the page is hidden", "document.hidden")
            .await;
        scene.until_viewers(&["farm/gate"], 0).await;
        page.record().await;
        page.tab().bring_to_front().await.unwrap();
        way.until_moving(&page).await;
        let seen = &page.recorded().await["farm/gate"];
        assert_eq!(seen.blanks, 0, "{way:?}: {seen:?}");
        assert_clean(&scene, &page);
        other.tab().clone().close().await.unwrap();
        page.tab().clone().close().await.unwrap();
    }
}

/// Holds the video back for so long that it must jump to what is live, and looks at it while it does.
const HELD_BACK: &str = "(() => {
    const video = document.querySelector('sightline-player').shadowRoot.querySelector('video');
    globalThis.jumps = [];
    video.onseeking = () => jumps.push(sightlineTest.players()[0].cells !== null);
    video.play = async () => {};
    video.pause();
    setTimeout(() => delete video.play, 5000);
})()";

#[tokio::test]
async fn a_video_that_jumps_has_a_picture_all_the_while() {
    let (scene, _publisher) = gate().await;
    let page = Way::MediaSource.open(&scene).await;
    page.run(HELD_BACK).await;
    page.until_true("it jumps twice", "jumps.length >= 2").await;
    Way::MediaSource.until_moving(&page).await;
    let jumps: Vec<bool> = page.eval("jumps").await.unwrap();
    assert!(jumps.iter().all(|seen| *seen), "{jumps:?}");
    assert_clean(&scene, &page);
}

#[tokio::test]
async fn a_camera_with_another_size_is_shown_by_the_same_way() {
    let (scene, mut publisher) = gate().await;
    let mut others: Vec<Publisher> = Vec::new();
    for (way, size) in Way::ALL.into_iter().zip(["640x360", "320x240"]) {
        let page = way.open(&scene).await;
        page.mark().await;
        others.last_mut().unwrap_or(&mut publisher).kill();
        let source = format!("test://?size={size}&fps=10");
        others.push(scene.publish("farm", &[("gate", &source)]));
        page.until("farm/gate", "has the other size", SOON, |it| {
            format!("{}x{}", it.width, it.height) == size
        })
        .await;
        way.until_moving(&page).await;
        page.assert_kept().await;
        assert_clean(&scene, &page);
        page.tab().clone().close().await.unwrap();
    }
}

#[tokio::test]
async fn a_camera_with_sound_is_heard_after_a_click_and_only_then() {
    let camera = rtsp::Camera::start(&["--audio", "aac"]).await;
    let scene = Scene::start().await;
    let _publisher = scene.publish("farm", &[("gate", &camera.url(""))]);
    scene.relay.until_online("farm/gate").await;
    let page = Way::WebCodecs.open(&scene).await;
    page.click("button[aria-label='Sound on']").await;
    until_route(&page, Way::MediaSource.words()).await;
    Way::MediaSource.until_moving(&page).await;
    let video = "document.querySelector('sightline-player').shadowRoot.querySelector('video')";
    page.until_true(
        "sound is heard",
        &format!("{video}.webkitAudioDecodedByteCount > 0 && !{video}.muted"),
    )
    .await;
    page.click("button[aria-label='Sound off']").await;
    until_route(&page, Way::WebCodecs.words()).await;
    Way::WebCodecs.until_moving(&page).await;
    scene.assert_clean(&page);
}
