use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::support::{
    Camera, Relay, eventually,
    film::{Film, Judged, Projector, RATE},
    jpeg, known, within,
};

/// What its player asks for in Chromium.
const CODECS: &str = "avc1.640029,avc1.64002A,avc1.640033,mp4a.40.2,mp4a.40.5,flac,opus";

struct Player(WebSocketStream<TcpStream>);

impl Player {
    async fn open(relay: &Relay, src: &str) -> Self {
        let stream = TcpStream::connect(relay.address).await.unwrap();
        let url = format!("ws://{}/api/ws?src={src}", relay.address);
        Self(client_async(url, stream).await.unwrap().0)
    }

    async fn say(&mut self, message: &Value) {
        let text = Message::Text(message.to_string().into());
        self.0.send(text).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        loop {
            let message = within("the relay says something", self.0.next()).await;
            match message.unwrap().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    async fn text(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no text, but {other:?}"),
        }
    }

    async fn binary(&mut self) -> Vec<u8> {
        match self.next().await {
            Message::Binary(bytes) => bytes.to_vec(),
            other => panic!("no binary message, but {other:?}"),
        }
    }

    /// So many messages with fragments, the init segment in front of them.
    async fn file(&mut self, fragments: usize) -> Vec<u8> {
        let mut file = self.binary().await;
        assert_eq!(&file[4..8], b"ftyp");
        for _ in 0..fragments {
            let fragment = self.binary().await;
            assert_eq!(&fragment[4..8], b"moof");
            file.extend(fragment);
        }
        file
    }
}

async fn cinema(relay: &Relay, film: &Film) -> (Camera, Projector) {
    let camera = Camera::with(&relay.bus, "farm/gate", 7, |announce| {
        film.announced(announce);
    })
    .await;
    known(relay, "farm/gate").await;
    let projector = Projector::new(&relay.bus, &camera, Duration::from_secs(10));
    (camera, projector)
}

#[tokio::test]
async fn its_player_gets_an_init_segment_and_one_fragment_in_each_message() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 3 * RATE, "-bf 2");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut player = Player::open(&relay, "gate").await;
    player.say(&json!({"type": "mse", "value": CODECS})).await;
    // What it says beside: no answer, and an error that begins with its type.
    player
        .say(&json!({"type": "webrtc/candidate", "value": ""}))
        .await;
    player
        .say(&json!({"type": "webrtc/offer", "value": "v=0"}))
        .await;
    let error = player.text().await;
    assert_eq!(error["type"], "error");
    assert!(
        error["value"]
            .as_str()
            .unwrap()
            .starts_with("webrtc/offer: ")
    );
    camera.demanded(2).await;
    projector.show(&film.part(0.0..1.5)).await;
    let mse = player.text().await;
    assert_eq!(mse["type"], "mse");
    let mime = mse["value"].as_str().unwrap();
    assert!(
        mime.starts_with("video/mp4; codecs=\"avc1.") && mime.contains("mp4a.40.2"),
        "{mime}"
    );
    let file = Judged::new(&player.file(90).await, ".mp4");
    file.assert_faultless();
    assert!(file.packets("v")[0].decoded.abs() < 1e-6);
    assert!(!file.packets("a").is_empty());

    // Later, another one: time counts from 0 for it too. It plays no AAC.
    let mut late = Player::open(&relay, "farm%2Fgate").await;
    late.say(&json!({"type": "mse", "value": "avc1.640029"}))
        .await;
    let mime = late.text().await;
    assert!(!mime["value"].as_str().unwrap().contains("mp4a"), "{mime}");
    let file = Judged::new(&late.file(12).await, ".mp4");
    file.assert_faultless();
    let pictures = file.packets("v");
    assert!(pictures[0].decoded.abs() < 1e-6 && pictures.len() == 12);
}

#[tokio::test]
async fn other_parameters_come_with_an_init_segment_of_their_own() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "");
    let other = Film::make("320x240", RATE, "").later(1);
    let (camera, projector) = cinema(&relay, &film).await;
    let mut player = Player::open(&relay, "gate").await;
    player
        .say(&json!({"type": "mse", "value": "avc1.640029"}))
        .await;
    camera.demanded(1).await;
    projector.show(&film.part(0.0..1.0)).await;
    player.text().await;
    player.file(RATE as usize).await;
    projector.go_on(&other).await;
    let second = player.file(RATE as usize).await;
    let file = Judged::new(&second, ".mp4");
    file.assert_faultless();
    // Time goes on.
    assert!((file.packets("v")[0].decoded - 1.0).abs() < 0.001);
}

#[tokio::test]
async fn a_group_that_would_choke_the_player_is_not_sent() {
    let relay = Relay::start().await;
    // 60 frames of noise up to the next key frame: more than 1 MiB.
    let film = Film::make("640x480", 3 * RATE, "-g 60 -keyint_min 60 -qp 1 -bf 0");
    let group: usize = film.part(0.0..2.4).iter().map(|shot| shot.data.len()).sum();
    assert!(group > 1 << 20, "{group} bytes are too few for this test");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut first = Player::open(&relay, "gate").await;
    first.say(&json!({"type": "mse"})).await;
    camera.demanded(2).await;
    projector.show(&film.part(0.0..2.3)).await;
    first.text().await;
    first.file(60).await;
    let mut late = Player::open(&relay, "gate").await;
    late.say(&json!({"type": "mse", "value": "avc1.640029"}))
        .await;
    eventually("it is a viewer", async || {
        let series = r#"sightline_relay_viewers{route="go2rtc"}"#;
        relay.metric(series).await > 2.5
    })
    .await;
    projector.go_on(&film.part(2.3..3.0)).await;
    late.text().await;
    let file = Judged::new(&late.file(14).await, ".mp4");
    file.assert_faultless();
    let whole = Judged::new(&film.raw, ".h264").pictures();
    assert_eq!(file.pictures(), whole[60..74]);
}

#[tokio::test]
async fn errors_begin_with_the_mode_and_pictures_are_what_is_left() {
    let relay = Relay::start().await;
    let mut camera = Camera::start(&relay.bus, "farm/gate").await;
    known(&relay, "farm/gate").await;
    camera.stream(20, vec![jpeg(1)]);
    let mut player = Player::open(&relay, "gate").await;
    for (value, words) in [
        (CODECS, "offers no stream of H.264"),
        ("hvc1.1.6.L153.B0", "plays no H.264"),
    ] {
        player.say(&json!({"type": "mse", "value": value})).await;
        let error = player.text().await;
        let told = error["value"].as_str().unwrap();
        assert!(told.starts_with("mse: ") && told.contains(words), "{told}");
    }
    player.say(&json!({"type": "mjpeg"})).await;
    assert_eq!(player.text().await, json!({"type": "mjpeg"}));
    for _ in 0..3 {
        assert_eq!(player.binary().await, jpeg(1));
    }
    let mut lost = Player::open(&relay, "nobody").await;
    for mode in ["mse", "mjpeg"] {
        lost.say(&json!({"type": mode})).await;
        let error = lost.text().await;
        let told = error["value"].as_str().unwrap();
        assert!(
            told.starts_with(&format!("{mode}: there is no camera")),
            "{told}"
        );
    }
}

#[tokio::test]
async fn it_keeps_the_rules_of_all_websockets() {
    let relay = Relay::start().await;
    let mut rude = Player::open(&relay, "gate").await;
    rude.0.send(Message::Text("mse".into())).await.unwrap();
    assert_closed(&mut rude, 1008).await;
    let mut large = Player::open(&relay, "gate").await;
    let text = "x".repeat(17 << 10);
    // The relay may have closed before all of it is written.
    let _ = large.0.send(Message::Text(text.into())).await;
    assert_closed(&mut large, 1009).await;
    let stream = TcpStream::connect(relay.address).await.unwrap();
    let mut request = format!("ws://{}/api/ws?src=gate", relay.address)
        .into_client_request()
        .unwrap();
    let origin = HeaderValue::from_static("http://elsewhere.example");
    request.headers_mut().insert("Origin", origin);
    let refused = client_async(request, stream).await.unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");
    let mut there = Player::open(&relay, "gate").await;
    relay.stop();
    assert_closed(&mut there, 1012).await;
}

async fn assert_closed(player: &mut Player, code: u16) {
    match player.next().await {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), code),
        other => panic!("no close, but {other:?}"),
    }
}
