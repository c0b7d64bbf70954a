//! The page that shows the whole fleet.

use sightline_tests::{browser::Page, fleet::Relay, watch::Watch};

use crate::scene::{BARN, Scene};

/// The rows of the table below a heading, each as the words in it.
const ROWS: &str = "(heading) => [...[...document.querySelectorAll('.fleet section')] \
    .find((section) => section.querySelector('h2').textContent === heading) \
    .querySelectorAll('tbody tr')].map((row) => row.innerText.replaceAll(/\\s+/g, ' '))";

#[tokio::test]
async fn the_dot_on_the_wall_leads_to_all_relays_sites_and_cameras() {
    let (scene, _publisher) = Scene::farm().await;
    let _shop = scene.publish("shop", &[("door", BARN.1)]);
    scene.relay.until_online("shop/door").await;
    let named = [("SIGHTLINE_NAME", "east")];
    let other = Relay::start_with(&scene.nats.url(), &named).await;
    let mut viewer = Watch::open(other.address()).await.expect("a viewer");
    for camera in ["farm/barn", "farm/gate", "shop/door"] {
        // What a relay does not know yet it refuses.
        other.until_online(camera).await;
        viewer.subscribe(camera).await.expect("the relay listens");
    }
    // Ends with the relay.
    tokio::spawn(async move { while viewer.next().await.is_ok() {} });

    let page = scene.open("/").await;
    page.click(".connection").await;
    scene.until_at(&page, "/status").await;
    until_row(&page, "Relays", "east ", " live").await;
    until_row(&page, "Relays", "", "this one").await;
    until_row(&page, "Sites", "farm ", "2 of 2 online").await;
    until_row(&page, "Sites", "shop ", "1 of 1 online").await;
    for camera in ["barn farm/barn", "gate farm/gate", "door shop/door"] {
        until_row(&page, "Cameras", camera, " live JPEG ").await;
    }
    page.until_reads(".figures", "3\nviewers").await;

    // A relay that leaves, and nobody watches there any more.
    drop(other);
    page.until_true(
        "one relay is left",
        &format!("({ROWS})('Relays').length === 1"),
    )
    .await;
    page.click(".fleet header a").await;
    scene.until_at(&page, "/").await;
    scene.assert_clean(&page);
}

/// Waits for a row that begins so and contains `text`.
async fn until_row(page: &Page, heading: &str, begin: &str, text: &str) {
    let expression = format!(
        "({ROWS})({heading:?}).some((row) => row.startsWith({begin:?}) && row.includes({text:?}))"
    );
    page.until_true(&format!("{heading}: {begin}{text}"), &expression)
        .await;
}

#[tokio::test]
async fn nothing_on_the_page_of_the_fleet_is_wider_than_a_phone() {
    use chromiumoxide::cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams as Screen;

    let long = "a-camera-with-a-name-that-is-as-long-as-names-of-cameras-may-be";
    let scene = Scene::start().await;
    let missing = ("attic", "v4l2:///dev/video99");
    let _publisher = scene.publish("a-site-with-a-long-name", &[(long, BARN.1), missing]);
    let camera = format!("a-site-with-a-long-name/{long}");
    scene.relay.until_online(&camera).await;
    let page = scene.open("/status").await;
    for width in [320, 390, 721, 1440] {
        let screen = Screen::new(width, 844, 1.0, false);
        page.tab().execute(screen).await.expect("the browser obeys");
        until_row(&page, "Cameras", long, "").await;
        page.until_true(
            "nothing sticks out",
            &format!("innerWidth === {width} && document.documentElement.scrollWidth <= {width}"),
        )
        .await;
    }
    scene.assert_clean(&page);
}
