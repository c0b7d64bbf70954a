//! Players of other projects before our relay, unmodified: `TEST_PLAYERS` names a folder with go2rtc's `video-rtc.js`
//! and `wfs.js` as their projects publish them. They are in no package that a test could install: without the
//! folder, what stands in for them does the same on the wire.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use serde::Deserialize;
use sightline_tests::{
    browser::{Page, SOON},
    eventually,
    fleet::Publisher,
};

use crate::scene::Scene;

/// Seconds that a picture must move on.
const PLAYED: f64 = 2.0;

/// A page of the relay's origin without anything on it.
const EMPTY: &str = "/healthz";

/// What a video element says of itself.
#[derive(Debug, Deserialize)]
struct Video {
    time: f64,
    width: u32,
    error: Option<String>,
}

async fn scene() -> (Scene, Publisher) {
    let scene = Scene::start().await;
    let publisher = scene.publish("farm", &[("barn", "test://?size=640x360&fps=30")]);
    scene.relay.until_online("farm/barn").await;
    (scene, publisher)
}

/// The source of a player, as a string in a script.
fn source(name: &str, stand_in: &str) -> String {
    let folder = std::env::var_os("TEST_PLAYERS").map(PathBuf::from);
    let path = folder
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/players"));
    let original = path.join(name);
    let path = if original.exists() {
        original
    } else {
        path.join(stand_in)
    };
    match std::fs::read_to_string(&path) {
        Ok(source) => serde_json::Value::from(source).to_string(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Fails if the page complained of anything but the icon that the empty one has not.
fn assert_clean(scene: &Scene, page: &Page) {
    page.assert_clean(&[scene.relay.address()], &["favicon.ico"]);
}

/// Waits until the video that `expression` finds has played for a while.
async fn until_played(page: &Page, expression: &str) {
    let look = format!(
        "(() => {{ const video = {expression}; return {{ time: video.currentTime, width: video.videoWidth, \
         error: video.error && video.error.message }}; }})()"
    );
    let mut first = None;
    eventually("the video plays", 3 * SOON, async || {
        let video: Video = page.eval(&look).await?;
        assert_eq!(video.error, None);
        ensure!(video.width == 640, "{video:?}");
        let start = *first.get_or_insert(video.time);
        ensure!(video.time >= start + PLAYED, "{video:?}, at first {start}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_player_of_go2rtc_plays() {
    let (scene, _publisher) = scene().await;
    let page = scene.open(EMPTY).await;
    let player = source("video-rtc.js", "go2rtc.js");
    let script = format!(
        "(async () => {{
            const blob = new Blob([{player}], {{type: 'text/javascript'}});
            const {{VideoRTC}} = await import(URL.createObjectURL(blob));
            customElements.define('video-rtc', VideoRTC);
            const player = document.createElement('video-rtc');
            player.mode = 'mse,mjpeg';
            document.body.append(player);
            player.src = location.origin + '/api/ws?src=farm/barn';
        }})()"
    );
    page.run(&script).await;
    until_played(&page, "document.querySelector('video-rtc').video").await;
    assert_clean(&scene, &page);
}

#[tokio::test]
async fn the_player_of_wfs_plays() {
    let (scene, _publisher) = scene().await;
    let page = scene.open(EMPTY).await;
    let player = source("wfs.js", "wfs.js");
    let script = format!(
        "(() => {{
            (0, eval)({player});
            const video = document.createElement('video');
            video.muted = true;
            document.body.append(video);
            new Wfs().attachMedia(video, 'farm/barn');
        }})()"
    );
    page.run(&script).await;
    until_played(&page, "document.querySelector('video')").await;
    assert_clean(&scene, &page);
}

#[tokio::test]
async fn a_plain_video_element_plays_the_file() {
    let (scene, _publisher) = scene().await;
    let page = scene.open(EMPTY).await;
    let script = "document.body.innerHTML = \
        '<video muted autoplay src=/api/cameras/farm/barn/stream.mp4></video>'";
    page.run(script).await;
    until_played(&page, "document.querySelector('video')").await;
    assert_clean(&scene, &page);
}
