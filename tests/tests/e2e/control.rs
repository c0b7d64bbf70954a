//! Viewers ask things of a camera over HTTP: through a real relay, a real nats-server, to a real publisher.

use serde_json::{Value, json};
use sightline_tests::{
    fleet::Relay,
    http,
    mjpeg::Stream,
    nats::{Server, Version},
    process::{Process, binary},
};

const CAMERAS: &str = "
site = 'farm'
[cameras.gate]
source = 'test://?size=640x360&fps=30'
control = ['keyframe', 'quality', 'max_fps', 'size', 'controls']
[cameras.door]
source = 'test://?size=320x180&fps=10'
";

struct Fleet {
    _server: Server,
    relay: Relay,
    _publisher: Process,
    _config: tempfile::NamedTempFile,
}

impl Fleet {
    async fn start(version: Version, allowed: &str) -> Self {
        let server = Server::start(version, "").await;
        let relay = Relay::start_with(&server.url(), &[("SIGHTLINE_HTTP__CONTROL", allowed)]).await;
        let config = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(config.path(), CAMERAS).unwrap();
        let path = config.path().display().to_string();
        let arguments = ["--nats", &server.url(), "--config", &path].map(str::to_owned);
        let program = binary("sightline-publisher");
        let publisher = Process::start("sightline-publisher", &program, &arguments).unwrap();
        for camera in ["farm/gate", "farm/door"] {
            relay.until_online(camera).await;
        }
        Self {
            _server: server,
            relay,
            _publisher: publisher,
            _config: config,
        }
    }

    /// The status, and the answer.
    async fn post(&self, what: &str, body: &Value) -> (u16, Value) {
        let path = format!("/api/cameras/{what}");
        let answer = http::post(self.relay.address(), &path, body).await.unwrap();
        (answer.status.as_u16(), answer.json().unwrap())
    }

    async fn refused(&self, what: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.post(what, body).await;
        (
            status,
            answer["error"]["message"].as_str().unwrap().to_owned(),
        )
    }
}

#[tokio::test]
async fn quality_rate_and_size_change_while_people_watch() {
    for version in [Version::Current, Version::Debian] {
        let fleet = Fleet::start(version, "keyframe,quality,max_fps,size,controls").await;
        let mut viewer = Stream::open(fleet.relay.address(), "farm/gate")
            .await
            .unwrap();
        let before = viewer.next_fresh().await.unwrap().jpeg.len();

        let (status, answer) = fleet
            .post("farm/gate/settings", &json!({"quality": 10}))
            .await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            answer,
            json!({"quality": 10, "max_fps": 0.0, "size": "640x360"})
        );
        while viewer.next_fresh().await.unwrap().jpeg.len() > before * 2 / 3 {}

        let size = json!({"size": "320x180", "max_fps": 5});
        let (status, answer) = fleet.post("farm/gate/settings", &size).await;
        assert_eq!(
            (status, &answer["size"], &answer["max_fps"]),
            (200, &json!("320x180"), &json!(5.0))
        );
        fleet
            .relay
            .until("farm/gate", "has another size and rate", |camera| {
                let jpeg = &camera["streams"][0];
                jpeg["width"] == 320 && jpeg["fps"].as_f64().is_some_and(|fps| fps < 7.0)
            })
            .await;
        viewer.next_fresh().await.unwrap();

        let (status, answer) = fleet.post("farm/gate/keyframe", &json!({})).await;
        assert_eq!((status, answer), (200, json!({"stream": "h264"})));
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_answered_in_words() {
    let fleet = Fleet::start(Version::Current, "keyframe,quality,size,controls").await;
    for (what, body, status, words) in [
        (
            "farm/gate/settings",
            json!({"max_fps": 1}),
            403,
            "does not allow max_fps: add it to http.control",
        ),
        (
            "farm/door/settings",
            json!({"quality": 10}),
            403,
            "add it to cameras.door.control",
        ),
        (
            "farm/gate/settings",
            json!({"quality": 200}),
            422,
            "not from 1 to 100",
        ),
        (
            "farm/gate/settings",
            json!({"size": "9x9"}),
            422,
            "not from 64x36",
        ),
        (
            "farm/gate/controls",
            json!({"gain": 1}),
            422,
            "only v4l2:// sources have",
        ),
        (
            "farm/gate/keyframe",
            json!({"stream": "sub"}),
            404,
            "offers no stream",
        ),
        (
            "farm/shed/settings",
            json!({"quality": 10}),
            404,
            "no camera",
        ),
    ] {
        let (given, message) = fleet.refused(what, &body).await;
        assert_eq!(given, status, "{what} {body}: {message}");
        assert!(message.contains(words), "{message}");
    }
}
