//! What viewers may ask of cameras.

use sightline_bus::{Bus, Delivery, Subscription};
use sightline_proto::{
    ControlReply, ControlsRequest, KeyframeRequest, Message as _, Pattern, SettingsRequest,
};
use sightline_relay::Verb;

use super::support::{Camera, Client, Head, Relay, eventually, known};

const ALL: [Verb; 5] = [
    Verb::Keyframe,
    Verb::Quality,
    Verb::MaxFps,
    Verb::Size,
    Verb::Controls,
];

async fn open_to(verbs: &[Verb]) -> Relay {
    let verbs = verbs.to_vec();
    Relay::with(|config| config.http.control = verbs).await
}

async fn send(
    relay: &Relay,
    method: &str,
    what: &str,
    headers: &str,
    body: &str,
) -> (Head, String) {
    let mut client = Client::connect(relay.address).await;
    let len = body.len();
    client
        .send(&format!(
            "{method} /api/cameras/farm/{what} HTTP/1.0\r\nHost: relay\r\nContent-Length: {len}\r\n{headers}\r\n{body}"
        ))
        .await;
    let head = client.head().await;
    (head, String::from_utf8(client.rest().await).unwrap())
}

/// Posts JSON: the status, and the answer.
async fn post(relay: &Relay, what: &str, body: &str) -> (u16, serde_json::Value) {
    let json = "Content-Type: application/json\r\n";
    let (head, text) = send(relay, "POST", what, json, body).await;
    (head.status, serde_json::from_str(&text).unwrap())
}

async fn requests(bus: &Bus) -> Subscription {
    let pattern = Pattern::control_of(&"farm/gate".parse().unwrap());
    bus.subscribe(&pattern).await.unwrap()
}

/// Answers the next request, and gives its verb and content.
async fn answer(
    bus: &Bus,
    requests: &mut Subscription,
    reply: ControlReply,
) -> (String, bytes::Bytes) {
    let Some(Delivery::Message(message)) = requests.next().await else {
        panic!("no request")
    };
    bus.reply(message.reply.unwrap(), reply.encode_to_vec().into())
        .await
        .unwrap();
    let verb = message.subject.rsplit('.').next().unwrap().to_owned();
    (verb, message.payload)
}

#[tokio::test]
async fn nothing_may_be_asked_unless_the_operator_allows_it() {
    let relay = Relay::start().await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    for (what, body) in [
        ("gate/keyframe", ""),
        ("gate/settings", r#"{"quality": 10}"#),
        ("gate/controls", r#"{"gain": 1}"#),
    ] {
        let (status, json) = post(&relay, what, body).await;
        assert_eq!(
            (status, json["error"]["code"].as_str()),
            (403, Some("not_allowed"))
        );
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains("http.control"), "{message}");
    }
    assert_eq!(
        relay
            .metric(r#"sightline_relay_control_requests_total{outcome="forbidden"}"#)
            .await,
        3.0
    );
    // One setting does not allow another.
    let relay = open_to(&[Verb::MaxFps]).await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let (status, json) = post(&relay, "gate/settings", r#"{"max_fps": 1, "quality": 10}"#).await;
    assert_eq!(status, 403);
    assert!(
        json["error"]["message"]
            .as_str()
            .unwrap()
            .contains("does not allow quality")
    );
}

#[tokio::test]
async fn what_is_allowed_goes_to_the_camera_and_its_answer_comes_back() {
    let relay = open_to(&ALL).await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut asked = requests(&relay.bus).await;

    let reply = ControlReply {
        jpeg_quality: Some(60),
        max_fps: Some(2.5),
        width: Some(640),
        height: Some(360),
        ..ControlReply::default()
    };
    let body = r#"{"quality": 60, "max_fps": 2.5, "size": "640x360"}"#;
    let (answered, (verb, payload)) = tokio::join!(
        post(&relay, "gate/settings", body),
        answer(&relay.bus, &mut asked, reply)
    );
    let wanted = serde_json::json!({"quality": 60, "max_fps": 2.5, "size": "640x360"});
    assert_eq!(answered, (200, wanted));
    assert_eq!(verb, "settings");
    let wanted = SettingsRequest {
        jpeg_quality: Some(60),
        max_fps: Some(2.5),
        width: Some(640),
        height: Some(360),
    };
    assert_eq!(SettingsRequest::decode(payload).unwrap(), wanted);

    let reply = ControlReply {
        controls: [("gain".to_owned(), 7)].into(),
        ..ControlReply::default()
    };
    let (answered, (verb, payload)) = tokio::join!(
        post(&relay, "gate/controls", r#"{"gain": 8}"#),
        answer(&relay.bus, &mut asked, reply)
    );
    assert_eq!(answered, (200, serde_json::json!({"gain": 7})));
    assert_eq!(verb, "controls");
    assert_eq!(
        ControlsRequest::decode(payload).unwrap().controls["gain"],
        8
    );

    let (answered, (verb, payload)) = tokio::join!(
        post(&relay, "gate/keyframe", r#"{"stream": "jpeg"}"#),
        answer(&relay.bus, &mut asked, ControlReply::default())
    );
    assert_eq!(answered, (200, serde_json::json!({"stream": "jpeg"})));
    assert_eq!(verb, "keyframe");
    assert_eq!(KeyframeRequest::decode(payload).unwrap().stream, "jpeg");
    assert_eq!(
        relay
            .metric(r#"sightline_relay_control_requests_total{outcome="done"}"#)
            .await,
        3.0
    );
}

#[tokio::test]
async fn a_refusal_comes_back_in_the_cameras_words() {
    let relay = open_to(&ALL).await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let mut asked = requests(&relay.bus).await;
    for (not_allowed, status, code) in [(false, 422, "camera_refuses"), (true, 403, "not_allowed")]
    {
        let reply = ControlReply {
            refused: "because".into(),
            not_allowed,
            ..ControlReply::default()
        };
        let (answered, _) = tokio::join!(
            post(&relay, "gate/settings", r#"{"quality": 0}"#),
            answer(&relay.bus, &mut asked, reply)
        );
        let wanted = serde_json::json!({"error": {"code": code, "message": "because"}});
        assert_eq!(answered, (status, wanted));
    }
}

#[tokio::test]
async fn a_camera_that_does_not_answer_is_told_apart() {
    let relay = open_to(&ALL).await;
    let gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let ask = async |what: &str| {
        let (status, json) = post(&relay, what, r#"{"quality": 10}"#).await;
        (status, json["error"]["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(ask("shed/settings").await, (404, "unknown_camera".into()));
    // Nobody listens.
    assert_eq!(ask("gate/settings").await, (503, "camera_offline".into()));
    // Somebody does, and is silent.
    let silent = requests(&relay.bus).await;
    assert_eq!(ask("gate/settings").await, (504, "no_answer".into()));
    drop(silent);
    gate.say_goodbye().await;
    eventually("the camera is offline", async || {
        let (_, camera) = relay.get_json("/api/cameras/farm/gate").await;
        camera["online"] == false
    })
    .await;
    assert_eq!(ask("gate/settings").await, (503, "camera_offline".into()));
}

#[tokio::test]
async fn pages_of_other_origins_cannot_ask() {
    let relay = Relay::with(|config| {
        config.http.control = ALL.to_vec();
        config.http.allowed_origins = vec!["https://wall.example".into()];
    })
    .await;
    let _gate = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    let json = "Content-Type: application/json\r\n";
    for (method, status) in [("POST", 403), ("OPTIONS", 403)] {
        let headers = format!("{json}Origin: https://evil.example\r\n");
        let (head, text) = send(&relay, method, "gate/settings", &headers, "{}").await;
        assert_eq!(head.status, status, "{method}");
        assert!(text.contains("forbidden_origin"), "{text}");
    }
    let headers = "Origin: https://wall.example\r\nAccess-Control-Request-Method: POST\r\n";
    let (head, _) = send(&relay, "OPTIONS", "gate/settings", headers, "").await;
    assert_eq!(head.status, 204);
    assert_eq!(head.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(
        head.header("access-control-allow-headers"),
        Some("Content-Type")
    );
    assert_eq!(
        head.header("access-control-allow-origin"),
        Some("https://wall.example")
    );
    // A form needs no permission of the browser: it is not JSON.
    let (head, text) = send(
        &relay,
        "POST",
        "gate/settings",
        "Content-Type: text/plain\r\n",
        "{}",
    )
    .await;
    assert_eq!(head.status, 415, "{text}");
    let (head, text) = send(&relay, "GET", "gate/settings", "", "").await;
    assert_eq!(head.status, 405);
    assert!(text.contains("use POST"), "{text}");
}
