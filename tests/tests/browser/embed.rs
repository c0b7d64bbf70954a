//! `<sightline-player>` in a page of another origin.

use anyhow::{Context as _, Result, ensure};
use chromiumoxide::{
    cdp::browser_protocol::page::{CaptureScreenshotFormat, Viewport},
    page::ScreenshotParams,
};
use serde::Deserialize;
use sightline_tests::{
    browser::{Page, SOON},
    eventually,
    fleet::Publisher,
    picture,
};

use crate::{
    scene::{BARN, Scene},
    site::{Content, Running, Site},
};

/// The words stand above the strip with the frame number.
const STYLE: &str = "sightline-player { width: 640px; --sightline-mark-bottom: 60px; }";

/// What Chromium writes while a relay does not let a page of another origin in.
const REFUSED: [&str; 3] = [
    "Unexpected response code: 403",
    "blocked by CORS policy",
    "net::ERR_FAILED",
];

/// A page of another origin with a player.
struct Embedded {
    page: Page,
    site: String,
    _running: Running,
    _publisher: Publisher,
    scene: Scene,
}

/// The page allows just what `web/README.md` says that the player needs.
async fn embed(is_allowed: bool) -> Embedded {
    let site = Site::bind().await;
    let origin = format!("http://{}", site.address());
    let allowed = ("SIGHTLINE_HTTP__ALLOWED_ORIGINS", origin.as_str());
    let environment = if is_allowed { &[allowed][..] } else { &[] };
    let scene = Scene::start_with(environment).await;
    let publisher = scene.publish("farm", &[BARN]);
    scene.relay.until_online("farm/barn").await;
    let relay = scene.relay.address();
    let address = site.address();
    let running = site.serve(Content {
        body: format!(
            "<script type=module src=http://{relay}/static/src/player.js></script>\
             <sightline-player camera=farm/barn></sightline-player>"
        ),
        policy: format!(
            "default-src 'none'; script-src http://{relay}; connect-src http://{relay} ws://{relay}; \
             img-src http://{relay} data:; style-src 'self'"
        ),
        style: STYLE,
    });
    let page = scene.chromium.open(&origin).await;
    Embedded {
        page,
        site: address,
        _running: running,
        _publisher: publisher,
        scene,
    }
}

impl Embedded {
    fn assert_clean(&self, expected: &[&str]) {
        let ours = [self.scene.relay.address(), &self.site];
        self.page.assert_clean(&ours, expected);
    }

    async fn route(&self) -> Result<String> {
        let player = "document.querySelector('sightline-player')";
        self.page.eval(&format!("{player}.stats.route")).await
    }
}

#[tokio::test]
async fn the_player_is_live_in_a_page_of_an_allowed_origin() {
    let embedded = embed(true).await;
    embedded.page.until_moving(&["farm/barn"], SOON).await;
    let route = embedded.route().await.unwrap();
    assert_eq!(route, "H.264 by WebCodecs");
    embedded.scene.until_viewers(&["farm/barn"], 1).await;
    embedded.assert_clean(&[]);
}

#[tokio::test]
async fn without_leave_the_player_takes_images_and_says_that_it_cannot_tell() {
    let embedded = embed(false).await;
    let page = &embedded.page;
    let player = page
        .until("farm/barn", "takes another route", SOON, |it| {
            it.kind == "unverified"
        })
        .await;
    assert_eq!(player.words, "cannot tell whether this is live");
    let route = embedded.route().await.unwrap();
    assert!(route.starts_with("multipart JPEG"), "{route}");
    let mut first = None;
    eventually("the picture moves on the screen", SOON, async || {
        let number = on_screen(page).await?;
        let before = *first.get_or_insert(number);
        ensure!(number > before, "it stands at {number}");
        Ok(())
    })
    .await;
    embedded.assert_clean(&REFUSED);
}

/// The frame number as it is on the screen: a page may not read images of another origin.
async fn on_screen(page: &Page) -> Result<u32> {
    #[derive(Deserialize)]
    struct Place {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
    }
    let place: Option<Place> = page
        .eval("document.querySelector('sightline-player')?.getBoundingClientRect().toJSON()")
        .await?;
    let place = place.context("no player")?;
    let clip = Viewport {
        x: place.x,
        y: place.y,
        width: place.width,
        height: place.height,
        scale: 1.0,
    };
    let screenshot = ScreenshotParams::builder()
        .format(CaptureScreenshotFormat::Jpeg)
        .quality(90)
        .clip(clip)
        .build();
    picture::number(&page.tab().screenshot(screenshot).await?)
}
