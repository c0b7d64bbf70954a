//! One camera, large.

use anyhow::{Context as _, ensure};
use sightline_tests::{
    browser::{Page, SOON},
    eventually,
    fleet::Publisher,
    http, picture,
};

use crate::scene::Scene;

/// A scene with two cameras of different sizes, `farm/barn` and `farm/gate`.
async fn farm() -> (Scene, Publisher) {
    let scene = Scene::start().await;
    let cameras = [
        ("barn", "test://?size=640x360&fps=15"),
        ("gate", "test://?size=320x240&fps=10"),
    ];
    let publisher = scene.publish("farm", &cameras);
    scene.relay.until_online("farm/gate").await;
    (scene, publisher)
}

#[tokio::test]
async fn a_click_on_a_tile_shows_the_camera_large_and_back_leads_to_the_wall() {
    let (scene, _publisher) = farm().await;
    let page = scene.open("/").await;
    page.until_moving(&["farm/barn", "farm/gate"], SOON).await;
    page.mark().await;
    page.click("[data-camera='farm/gate']").await;
    scene.until_at(&page, "/watch/farm/gate").await;
    page.until_moving(&["farm/gate"], SOON).await;
    let wide = "document.querySelector('sightline-player').clientWidth > innerWidth * 0.9";
    page.until_true("it is large", wide).await;
    scene.until_viewers(&["farm/barn"], 0).await;

    page.click("a[aria-label='All cameras']").await;
    scene.until_at(&page, "/").await;
    page.until_moving(&["farm/barn", "farm/gate"], SOON).await;
    page.run("history.back()").await;
    scene.until_at(&page, "/watch/farm/gate").await;
    page.until_moving(&["farm/gate"], SOON).await;
    page.assert_kept().await;
    assert_eq!(
        page.journal().sockets().len(),
        1,
        "{:?}",
        page.journal().sockets()
    );
    scene.assert_clean(&page);
}

#[tokio::test]
async fn a_camera_has_an_address_and_arrows_lead_to_its_neighbours() {
    let (scene, _publisher) = farm().await;
    let page = scene.open("/watch/farm/barn").await;
    page.until_moving(&["farm/barn"], SOON).await;
    let title: String = page.eval("document.title").await.unwrap();
    assert_eq!(title, "barn · Sightline");
    page.press("ArrowRight").await;
    scene.until_at(&page, "/watch/farm/gate").await;
    page.until_moving(&["farm/gate"], SOON).await;
    page.press("ArrowLeft").await;
    scene.until_at(&page, "/watch/farm/barn").await;
    page.until_moving(&["farm/barn"], SOON).await;
    scene.assert_clean(&page);
}

#[tokio::test]
async fn statistics_tell_route_size_rate_latency_and_relay() {
    let (scene, _publisher) = farm().await;
    let page = scene.open("/watch/farm/barn").await;
    page.until_moving(&["farm/barn"], SOON).await;
    page.press("i").await;
    let words = page.until_reads(".stats", "640 × 360").await;
    assert!(words.contains("H.264 by WebCodecs"), "{words}");
    eventually("rates, latency and relay are told", SOON, async || {
        let words = page.text(".stats").await?;
        let line = |name: &str| {
            let mut lines = words.lines().map(str::trim);
            lines
                .by_ref()
                .find(|line| *line == name)
                .with_context(|| format!("no {name} in {words}"))?;
            lines.find(|line| !line.is_empty()).context("no value")
        };
        let rate = first_number(line("Rate")?)?;
        ensure!((5.0..20.0).contains(&rate), "{words}");
        ensure!(first_number(line("Bitrate")?)? > 0.0, "{words}");
        let latency = line("Latency")?;
        ensure!(latency.contains(" ms, capture to screen"), "{words}");
        ensure!(line("Relay")?.contains(" away"), "{words}");
        Ok(())
    })
    .await;
    page.press("i").await;
    page.until_true("they are gone", "document.querySelector('.stats').hidden")
        .await;
    scene.assert_clean(&page);
}

fn first_number(text: &str) -> anyhow::Result<f64> {
    let word = text.split_whitespace().next().context("empty")?;
    word.parse().with_context(|| format!("no number: {text:?}"))
}

#[tokio::test]
async fn a_snapshot_is_saved_as_it_was_shown() {
    let (scene, _publisher) = farm().await;
    let folder = scene.chromium.downloads().await;
    let page = scene.open("/watch/farm/barn").await;
    page.until_moving(&["farm/barn"], SOON).await;
    let before = shown(&page).await;
    page.press("s").await;
    page.until_reads(".toast", "Snapshot saved").await;
    let after = shown(&page).await;
    let (name, number) = eventually("the snapshot is there", SOON, async || {
        let entry = std::fs::read_dir(&folder)?.next().context("no file")??;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Until it is whole, the browser gives it another extension.
        ensure!(name.ends_with(".jpg"), "{name}");
        Ok((name, picture::number(&std::fs::read(entry.path())?)?))
    })
    .await;
    assert!(name.starts_with("farm-barn-"), "{name}");
    assert!((before..=after).contains(&number), "{number}");
    scene.assert_clean(&page);
}

async fn shown(page: &Page) -> u32 {
    let player = page.player("farm/barn").await.expect("it is there");
    player.picture().expect("it shows a picture")
}

#[tokio::test]
async fn a_paused_picture_says_so_and_goes_live_again() {
    let (scene, _publisher) = farm().await;
    let page = scene.open("/watch/farm/gate").await;
    page.until_moving(&["farm/gate"], SOON).await;
    page.press(" ").await;
    let paused = page
        .until("farm/gate", "is paused", SOON, |it| it.kind == "paused")
        .await;
    assert!(paused.words.starts_with("paused at "), "{paused:?}");
    scene.until_viewers(&["farm/gate"], 0).await;
    let number = page.player("farm/gate").await.unwrap().picture().unwrap();
    page.press(" ").await;
    page.until_moving(&["farm/gate"], SOON).await;
    assert!(page.player("farm/gate").await.unwrap().picture().unwrap() > number);
    scene.assert_clean(&page);
}

#[tokio::test]
async fn an_unknown_camera_is_said_in_words_and_shown_once_there_is_one() {
    let scene = Scene::start().await;
    let page = scene.open("/watch/farm/attic").await;
    let missing = page
        .until("farm/attic", "is missing", SOON, |it| it.kind == "missing")
        .await;
    assert_eq!(missing.words, "no such camera");
    let _publisher = scene.publish("farm", &[("attic", "test://?size=320x180&fps=10")]);
    page.until_moving(&["farm/attic"], SOON).await;
    scene.assert_clean(&page);
}

#[tokio::test]
async fn every_address_on_the_sheet_answers() {
    let (scene, _publisher) = farm().await;
    let page = scene.open("/watch/farm/barn").await;
    page.until_moving(&["farm/barn"], SOON).await;
    page.press("u").await;
    let words = page.until_reads(".sheet", "Home Assistant").await;
    let own = scene.url("/");
    let mut paths: Vec<_> = words
        .split(|end: char| end.is_whitespace() || end == '"')
        .filter_map(|word| word.strip_prefix(&own))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    assert!(paths.len() >= 6, "{words}");
    for path in paths {
        let answer = http::open(scene.relay.address(), &format!("/{path}")).await;
        assert_eq!(answer.unwrap().status(), 200, "{path}");
    }
    scene.assert_clean(&page);
}
