//! The whole fleet, asked of any relay.

use serde_json::json;

use super::support::{Camera, Client, Relay, eventually, jpeg, known};

#[tokio::test]
async fn any_relay_shows_all_relays_and_the_viewers_of_all() {
    let a = Relay::with(|config| config.name = "a".into()).await;
    let mut b = Relay::on(a.bus.clone(), |config| config.name = "b".into()).await;
    let gate = Camera::start(&a.bus, "farm/gate").await;
    let _till = Camera::start(&a.bus, "shop/till").await;
    for relay in [&a, &b] {
        known(relay, "farm/gate").await;
        known(relay, "shop/till").await;
    }
    let _viewers = [
        Client::get(a.address, "/stream?src=gate").await,
        Client::get(b.address, "/stream?src=gate").await,
        Client::get(b.address, "/stream?src=gate").await,
    ];
    gate.demanded(2).await;
    let picture = jpeg(1);
    eventually("the fleet is as it is", async || {
        gate.send(&picture).await;
        let (_, status) = a.get_json("/api/status").await;
        let relays: Vec<_> = status["relays"].as_array().unwrap().iter().collect();
        let [own, other] = relays[..] else {
            return false;
        };
        let gate = &status["cameras"][0];
        own["name"] == "a"
            && own["here"] == true
            && own["viewers"] == 1
            && other["name"] == "b"
            && other["here"] == false
            && other["viewers"] == 2
            && gate["name"] == "farm/gate"
            && gate["viewers"] == 1
            && gate["viewers_of_all"] == 3
            && gate["age_ms"].is_u64()
            && status["cameras"][1]["age_ms"].is_null()
    })
    .await;
    let (head, status) = a.get_json("/api/status").await;
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(status["sites"]["farm"]["viewers"], json!(3));
    assert_eq!(status["sites"]["shop"]["online"], json!(1));
    // One that leaves says so.
    b.stop();
    b.ended().await;
    eventually("the other relay is gone", async || {
        let (_, status) = a.get_json("/api/status").await;
        status["relays"].as_array().unwrap().len() == 1
    })
    .await;
}

#[tokio::test]
async fn the_page_of_the_fleet_is_served_as_the_others_are() {
    let relay = Relay::start().await;
    let (head, page) = relay.get_text("/status").await;
    assert_eq!(head.status, 200);
    assert!(page.contains("/static/src/fleet/main.js"));
    let policy = head.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'"), "{policy}");
    let (head, _) = relay.get("/static/src/fleet/rows.js").await;
    assert_eq!(head.status, 200);
}
