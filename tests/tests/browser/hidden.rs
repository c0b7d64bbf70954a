//! Pages that nobody looks at.

use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::page::{
    SetWebLifecycleStateParams, SetWebLifecycleStateState,
};

use sightline_tests::browser::{Page, SOON};

use crate::scene::Scene;

const CAMERAS: [&str; 2] = ["farm/barn", "farm/gate"];

/// How long a page that is looked at again may take to be live.
const RESUME: Duration = Duration::from_secs(3);

/// What Chromium itself writes when it freezes a page.
const FROZEN: [&str; 1] = ["failed: Page entered Back-Forward Cache"];

#[tokio::test]
async fn a_page_in_the_background_is_sent_nothing_and_is_live_again_at_once() {
    let (scene, _publisher) = Scene::farm().await;
    let page = scene.open("/").await;
    page.until_moving(&CAMERAS, SOON).await;
    scene.until_viewers(&CAMERAS, 1).await;

    let other = scene.chromium.open("about:blank").await;
    page.until_true("the page is hidden", "document.hidden")
        .await;
    scene.until_viewers(&CAMERAS, 0).await;

    page.record().await;
    page.tab().bring_to_front().await.unwrap();
    page.until_moving(&CAMERAS, RESUME).await;
    scene.until_viewers(&CAMERAS, 1).await;
    for (camera, seen) in page.recorded().await {
        assert_eq!(seen.blanks, 0, "{camera}: {seen:?}");
    }
    drop(other);
    scene.assert_clean(&page);
}

#[tokio::test]
async fn a_page_that_the_browser_froze_is_live_again_when_it_wakes() {
    let (scene, _publisher) = Scene::farm().await;
    let page = scene.open("/").await;
    page.until_moving(&CAMERAS, SOON).await;
    page.mark().await;

    let _other = scene.chromium.open("about:blank").await;
    set_state(&page, SetWebLifecycleStateState::Frozen).await;
    scene.until_viewers(&CAMERAS, 0).await;

    set_state(&page, SetWebLifecycleStateState::Active).await;
    page.tab().bring_to_front().await.unwrap();
    page.until_moving(&CAMERAS, RESUME).await;
    page.assert_kept().await;
    page.assert_clean(&[scene.relay.address()], &FROZEN);
}

async fn set_state(page: &Page, state: SetWebLifecycleStateState) {
    let parameters = SetWebLifecycleStateParams::new(state);
    let set = page.tab().execute(parameters).await;
    set.expect("the browser obeys");
}
