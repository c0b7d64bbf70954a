use sightline_proto::CameraState;

use crate::support::{Camera, Client, Relay, eventually, known};

#[tokio::test]
async fn cameras_are_listed_by_name() {
    let relay = Relay::start().await;
    let (head, json) = relay.get_json("/api/cameras").await;
    assert_eq!(head.header("content-type"), Some("application/json"));
    assert_eq!(json, serde_json::json!({"cameras": []}));
    let _door = Camera::start(&relay.bus, "farm/door").await;
    let _gate = Camera::with(&relay.bus, "barn/gate", 1, |announce| {
        announce.title = "The gate".into();
    })
    .await;
    known(&relay, "farm/door").await;
    known(&relay, "barn/gate").await;
    let (_, json) = relay.get_json("/api/cameras").await;
    let names: Vec<_> = json["cameras"]
        .as_array()
        .unwrap()
        .iter()
        .map(|camera| camera["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["barn/gate", "farm/door"]);
    let (_, one) = relay.get_json("/api/cameras/barn/gate").await;
    assert_eq!(one, json["cameras"][0]);
    assert_eq!(one["title"], "The gate");
    assert_eq!(one["state"], "live");
    assert_eq!(one["publisher"]["instance"], "run-1");
}

#[tokio::test]
async fn a_relay_that_starts_later_knows_every_camera_at_once() {
    let relay = Relay::start().await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(sightline_relay::serve(
        sightline_relay::Config::default(),
        relay.bus.clone(),
        listener,
        shutdown.clone(),
    ));
    eventually("the other relay knows the camera", async || {
        let mut client = Client::get(address, "/api/cameras/farm/gate").await;
        client.head().await.status == 200
    })
    .await;
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn events_begin_with_the_list_and_tell_each_change() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut client = Client::get(relay.address, "/api/events").await;
    let head = client.head().await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    let (name, data) = event(&mut client).await;
    assert_eq!(name, "cameras");
    assert_eq!(data["cameras"][0]["name"], "farm/gate");
    camera
        .change(|announce| announce.state = CameraState::Stalled.into())
        .await;
    let (name, data) = event(&mut client).await;
    assert_eq!(name, "camera");
    assert_eq!(data["state"], "stalled");
    camera.say_goodbye().await;
    let (_, data) = event(&mut client).await;
    assert_eq!(data["online"], false);
}

async fn event(client: &mut Client) -> (String, serde_json::Value) {
    let text = String::from_utf8(client.until(b"\n\n").await).unwrap();
    let (name, data) = text.trim_end().split_once('\n').unwrap();
    (
        name.strip_prefix("event: ").unwrap().to_owned(),
        serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn health_readiness_and_metrics_answer() {
    let relay = Relay::start().await;
    assert_eq!(relay.get_text("/healthz").await.1, "ok");
    assert_eq!(relay.get_text("/readyz").await.1, "ready");
    let (head, text) = relay.get_text("/metrics").await;
    assert!(
        head.header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(text.ends_with("# EOF\n"));
    relay.metric_reaches("sightline_relay_ready", 1.0).await;
    assert!(relay.metric("sightline_relay_bus_up").await > 0.5);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_so_in_json() {
    let relay = Relay::start().await;
    let (head, json) = relay.get_json("/nothing/here").await;
    assert_eq!(head.status, 404);
    assert_eq!(json["error"]["code"], "not_found");
    let (head, json) = relay.get_json("/static/../Cargo.toml").await;
    assert_eq!(head.status, 404);
    assert_eq!(json["error"]["code"], "not_found");
    let mut client = Client::connect(relay.address).await;
    client.ask("POST", "/api/cameras").await;
    let head = client.head().await;
    assert_eq!(head.status, 405);
    let json: serde_json::Value = serde_json::from_slice(&client.rest().await).unwrap();
    assert_eq!(json["error"]["code"], "method_not_allowed");
}

#[tokio::test]
async fn head_answers_wherever_get_does() {
    let relay = Relay::start().await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    for path in [
        "/api/cameras",
        "/api/cameras/farm/gate",
        "/api/events",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        let mut client = Client::connect(relay.address).await;
        client.ask("HEAD", path).await;
        assert_eq!(client.head().await.status, 200, "{path}");
        assert!(client.rest().await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn pages_of_configured_origins_may_read_the_api() {
    let relay = Relay::with(|c| c.http.allowed_origins = vec!["https://wall.example".into()]).await;
    for (origin, wanted) in [
        ("https://wall.example", Some("https://wall.example")),
        ("https://evil.example", None),
    ] {
        let mut client = Client::connect(relay.address).await;
        client
            .send(&format!(
                "GET /api/cameras HTTP/1.0\r\nHost: relay\r\nOrigin: {origin}\r\n\r\n"
            ))
            .await;
        let head = client.head().await;
        assert_eq!(head.header("access-control-allow-origin"), wanted);
        // A page that may read the answer may also read how old the picture is.
        let exposed = head.header("access-control-expose-headers");
        assert_eq!(
            exposed.is_some_and(|names| names.contains("X-Sightline-Stale")),
            wanted.is_some()
        );
        assert_eq!(head.header("vary"), Some("Origin"));
        assert_eq!(head.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn a_camera_that_starts_anew_is_told_at_once_that_it_is_watched() {
    let relay = Relay::start().await;
    let camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let _viewer = Client::get(relay.address, "/stream").await;
    camera.demanded(1).await;
    let start = std::time::Instant::now();
    camera
        .change(|announce| {
            announce.epoch += 1;
            announce.state = CameraState::Idle.into();
        })
        .await;
    camera.demanded(2).await;
    assert!(start.elapsed() < std::time::Duration::from_secs(1));
}
