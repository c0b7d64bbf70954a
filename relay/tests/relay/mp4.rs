use std::time::Duration;

use crate::support::{
    Camera, Client, Relay, eventually,
    film::{Film, Judged, Packet, Projector, RATE},
    known,
};

const FILE: &str = "/api/cameras/farm/gate/stream.mp4";

/// A camera that has a film, and nothing else.
async fn cinema(relay: &Relay, film: &Film) -> (Camera, Projector) {
    let camera = Camera::with(&relay.bus, "farm/gate", 7, |announce| {
        announce.streams.clear();
        film.announced(announce);
    })
    .await;
    known(relay, "farm/gate").await;
    let projector = Projector::new(&relay.bus, &camera, Duration::from_secs(10));
    (camera, projector)
}

/// A viewer that is there before the first frame.
async fn first_viewer(relay: &Relay, camera: &Camera, path: &str) -> Client {
    let client = Client::get(relay.address, path).await;
    eventually("pictures and sound are demanded", async || {
        ["h264", "audio"].iter().all(|stream| {
            let demands = camera.demands();
            demands.iter().any(|demand| demand.stream == *stream)
        })
    })
    .await;
    client
}

fn assert_even(packets: &[Packet], step: f64) {
    for pair in packets.windows(2) {
        let apart = pair[1].decoded - pair[0].decoded;
        assert!(
            (apart - step).abs() < step * 0.6,
            "{apart} s after {pair:?}"
        );
    }
}

#[tokio::test]
async fn a_file_from_the_first_frame_on_has_the_pictures_of_the_camera() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 3 * RATE, "-bf 2");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut client = first_viewer(&relay, &camera, &format!("{FILE}?duration=2")).await;
    projector.show(&film.shots).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    let kind = head.header("content-type").unwrap();
    assert!(
        kind.starts_with("video/mp4; codecs=\"avc1.") && kind.ends_with(",mp4a.40.2\""),
        "{kind}"
    );
    let file = Judged::new(&client.rest().await, ".mp4");
    file.assert_faultless();
    let pictures = file.packets("v");
    assert_eq!(pictures.len(), 2 * RATE as usize);
    assert_even(&pictures, 0.04);
    let whole = Judged::new(&film.raw, ".h264").pictures();
    // The last pictures of a cut are shown before others that did not come: B-frames.
    let cut = file.pictures();
    assert!(cut.len() >= pictures.len() - 2);
    assert_eq!(cut[..48], whole[..48]);
    let sound = file.packets("a");
    assert_even(&sound, 1_024.0 / 48_000.0);
    assert!(sound[0].decoded.abs() < 0.03);
    let end = sound.last().unwrap().decoded;
    assert!((1.9..2.1).contains(&end), "{end}");
}

#[tokio::test]
async fn a_file_that_was_taken_late_and_has_a_gap_is_faultless() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 6 * RATE, "-bf 2");
    let (camera, projector) = cinema(&relay, &film).await;
    // Keeps the stream open.
    let _early = first_viewer(&relay, &camera, FILE).await;
    let shown = film.part(0.0..3.0);
    projector.show(&shown).await;
    let received = r#"sightline_relay_frames_received_total{camera="farm/gate"}"#;
    relay.metric_reaches(received, shown.len() as f64).await;
    let mut late = Client::get(relay.address, &format!("{FILE}?duration=3")).await;
    let head = late.head().await;
    assert_eq!(head.status, 200);
    // With the key frame at 3: what follows is of no use up to the next one.
    projector.lose(&film.part(3.0..3.5));
    projector.go_on(&film.part(3.5..6.0)).await;
    let file = Judged::new(&late.rest().await, ".mp4");
    file.assert_faultless();
    let pictures = file.packets("v");
    assert_eq!(pictures.len(), 3 * RATE as usize);
    assert!(pictures[0].decoded.abs() < 1e-6);
    assert_even(&pictures, 0.04);
    let whole = Judged::new(&film.raw, ".h264").pictures();
    let wanted = [&whole[50..75], &whole[100..148]].concat();
    assert_eq!(file.pictures()[..wanted.len()], wanted);
    let sound = file.packets("a");
    assert_even(&sound, 1_024.0 / 48_000.0);
    let end = sound.last().unwrap().decoded;
    assert!((2.8..3.1).contains(&end), "{end}");
}

#[tokio::test]
async fn a_file_without_sound_has_none() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 2 * RATE, "");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut client =
        Client::get(relay.address, "/api/stream.mp4?src=gate&audio=0&duration=1").await;
    camera.demanded(1).await;
    projector.show(&film.shots).await;
    let kind = client.head().await;
    assert!(!kind.header("content-type").unwrap().contains("mp4a"));
    let file = Judged::new(&client.rest().await, ".mp4");
    file.assert_faultless();
    assert!(file.packets("a").is_empty());
    assert_eq!(file.packets("v").len(), RATE as usize);
}

#[tokio::test]
async fn a_file_ends_between_two_frames_when_the_camera_changes_and_when_the_relay_leaves() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", 2 * RATE, "");
    let other = Film::make("320x240", RATE, "");
    let (camera, projector) = cinema(&relay, &film).await;
    let mut client = first_viewer(&relay, &camera, FILE).await;
    projector.show(&film.shots).await;
    client.head().await;
    // Another size, of the same publisher.
    projector.go_on(&other.later(2)).await;
    let file = Judged::new(&client.rest().await, ".mp4");
    file.assert_faultless();
    assert_eq!(file.packets("v").len(), 2 * RATE as usize);

    let mut client = Client::connect(relay.address).await;
    client
        .send(&format!("GET {FILE} HTTP/1.1\r\nHost: relay\r\n\r\n"))
        .await;
    relay
        .metric_reaches(r#"sightline_relay_viewers{route="mp4"}"#, 1.0)
        .await;
    projector.go_on(&other.later(3)).await;
    client.head().await;
    client.until(b"moof").await;
    relay.stop();
    // The last chunk: the answer is complete.
    assert!(client.rest().await.ends_with(b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn what_is_not_to_be_had_is_told_in_words() {
    let relay = Relay::start().await;
    let film = Film::make("160x120", RATE, "");
    let (camera, _) = cinema(&relay, &film).await;
    let _pictures = Camera::start(&relay.bus, "farm/old").await;
    known(&relay, "farm/old").await;
    for (path, status, code, words) in [
        (
            "/api/cameras/farm/none/stream.mp4",
            404,
            "unknown_camera",
            "farm/none",
        ),
        (
            "/api/cameras/farm/old/stream.mp4",
            404,
            "unknown_stream",
            "offers no stream of H.264; it offers jpeg (jpeg)",
        ),
        (
            "/api/cameras/farm/gate/stream.mp4?stream=sub",
            404,
            "unknown_stream",
            "offers no stream \"sub\"",
        ),
        (
            "/api/cameras/farm/gate/stream.mp4?stream=audio",
            404,
            "unplayable_stream",
            "stream audio of camera farm/gate is aac",
        ),
        (
            "/api/cameras/farm/gate/stream.mp4?duration=long",
            400,
            "bad_request",
            "duration",
        ),
    ] {
        let (head, json) = relay.get_json(path).await;
        assert_eq!(head.status, status, "{path}");
        assert_eq!(json["error"]["code"], code, "{path}");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{path}: {message}");
    }
    let mut client = Client::connect(relay.address).await;
    client.ask("HEAD", FILE).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert!(
        head.header("content-type")
            .unwrap()
            .starts_with("video/mp4; codecs=\"avc1.")
    );
    assert!(client.rest().await.is_empty());
    camera.say_goodbye().await;
    eventually("it is offline", async || {
        let (head, json) = relay.get_json(FILE).await;
        head.status == 503 && json["error"]["code"] == "camera_offline"
    })
    .await;
}
