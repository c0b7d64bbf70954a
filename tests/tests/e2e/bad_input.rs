//! What is wrong is named, and harms nothing else.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use sightline_bus::{Bus, Options};
use sightline_proto::{CameraName, JPEG, Message as _, subject::Topic};
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    mjpeg::Stream,
    nats::{Server, Version},
    process::{binary, run},
};
use tempfile::TempDir;

use crate::quiet::light;

const GOOD: (&str, &str) = ("good", "test://?size=320x180&fps=20");

async fn assert_live(relay: &Relay, camera: &str) {
    let mut viewer = Stream::open(relay.address(), camera).await.unwrap();
    let first = viewer.next_fresh().await.unwrap().number().unwrap();
    assert!(viewer.next_fresh().await.unwrap().number().unwrap() > first);
}

/// Runs a program that must refuse what it is given, and gives what it says.
async fn refused(program: &str, arguments: &[&str], code: i32) -> String {
    let (ended, text) = run(&binary(program), arguments, Duration::from_secs(10)).await;
    assert_eq!(ended, code, "{program} {arguments:?}: {text}");
    text
}

#[tokio::test]
async fn settings_that_cannot_work_end_the_start_and_are_named() {
    let folder = TempDir::new().unwrap();
    let misspelt = |key: &str| {
        let file = folder.path().join(format!("{key}.toml"));
        std::fs::write(&file, format!("{key} = \"a\"\n")).unwrap();
        file.display().to_string()
    };
    let (sitee, lissten) = (misspelt("sitee"), misspelt("lissten"));
    let publisher: [(&[&str], i32, &[&str]); 6] = [
        (
            &["--camera", "gate=webcam://0"],
            78,
            &["cameras.gate.source", "webcam", "v4l2://"],
        ),
        (
            &["--camera", "gate=test://?size=big"],
            78,
            &["cameras.gate.source", "size"],
        ),
        (
            &["--camera", "gate=test://?sise=640x480"],
            78,
            &["cameras.gate.source", "sise"],
        ),
        (&["--camera", "Gate=test://"], 2, &["Gate"]),
        (
            &["--camera", "gate=test://", "--site", "a b"],
            78,
            &["site"],
        ),
        (
            &["--config", &sitee],
            78,
            &["sitee", "did you mean \"site\""],
        ),
    ];
    for (arguments, code, words) in publisher {
        let text = refused("sightline-publisher", arguments, code).await;
        for word in words {
            assert!(text.contains(word), "{word} is not in {text}");
        }
    }
    let relay: [(&[&str], i32, &[&str]); 4] = [
        (&["--listen", "everywhere"], 2, &["--listen", "everywhere"]),
        (&["--nats", "nats://ho st"], 78, &["nats.url"]),
        (&["--config", "not-there.toml"], 78, &["not-there.toml"]),
        (&["--config", &lissten], 78, &["did you mean \"listen\""]),
    ];
    for (arguments, code, words) in relay {
        let text = refused("sightline-relay", arguments, code).await;
        for word in words {
            assert!(text.contains(word), "{word} is not in {text}");
        }
    }
}

#[tokio::test]
async fn a_camera_that_is_not_there_says_so_and_disturbs_no_other() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let cameras = [
        GOOD,
        ("missing", "v4l2:///dev/video99"),
        ("refused", "http://127.0.0.1:1/video"),
        ("ended", "exec:false"),
        ("gone", "file:///not/there.mjpeg"),
    ];
    let _publisher = Publisher::start(&server.url(), "farm", &cameras);
    relay.until_online("farm/good").await;
    let mut viewers = Vec::new();
    for (name, words) in [
        ("missing", "/dev/video99"),
        ("refused", "127.0.0.1:1"),
        ("ended", "false"),
        ("gone", "/not/there.mjpeg"),
    ] {
        let camera = format!("farm/{name}");
        relay.until_online(&camera).await;
        viewers.push(Stream::open(relay.address(), &camera).await.unwrap());
        let failed = |camera: &serde_json::Value| {
            camera["state"] == "failed"
                && camera["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains(words))
        };
        relay
            .until(&camera, "has failed, and says why", failed)
            .await;
        let snapshot = relay
            .get(&format!("/api/cameras/{camera}/snapshot.jpg"))
            .await
            .unwrap();
        assert_eq!(snapshot.status, 503);
        let text = snapshot.json().unwrap().to_string();
        assert!(text.contains(words), "{text}");
    }
    assert_live(&relay, "farm/good").await;
}

#[tokio::test]
async fn wrong_credentials_are_named_by_both_parts() {
    let _machine = light().await;
    let config = "authorization { user: farm, password: right }";
    let server = Server::start(Version::Current, config).await;
    let relay = Relay::start_unready(
        &server.url(),
        &[
            ("SIGHTLINE_NATS__USER", "farm"),
            ("SIGHTLINE_NATS__PASSWORD", "wrong"),
        ],
    );
    let mut publisher = Publisher::start(&server.url(), "farm", &[GOOD]);
    eventually("the relay says why it is not ready", SOON, async || {
        let answer = relay.get("/readyz").await?;
        let text = String::from_utf8_lossy(&answer.body).to_lowercase();
        ensure!(
            answer.status == 503 && text.contains("authorization"),
            "{text}"
        );
        ensure!(!text.contains("wrong"), "{text}");
        Ok(())
    })
    .await;
    publisher
        .process()
        .until_logged("authorization violation")
        .await;
    assert!(
        publisher.process().ended().unwrap().is_none(),
        "it goes on trying"
    );
}

#[tokio::test]
async fn broken_pictures_are_dropped_and_counted() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    // Two good pictures, and one that lacks its end, which only the next start reveals.
    let mut good = Vec::new();
    let pixels = vec![128; 320 * 180];
    let encoder = jpeg_encoder::Encoder::new(&mut good, 80);
    encoder
        .encode(&pixels, 320, 180, jpeg_encoder::ColorType::Luma)
        .unwrap();
    let cut = &good[..good.len() / 2];
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("broken.mjpeg");
    std::fs::write(&path, [&good, cut, b"no picture at all", &good].concat()).unwrap();
    let source = format!("file://{}?fps=20", path.display());
    let _publisher = Publisher::start(&server.url(), "farm", &[("broken", &source), GOOD]);
    relay.until_online("farm/broken").await;
    let mut viewer = Stream::open(relay.address(), "farm/broken").await.unwrap();
    for _ in 0..20 {
        assert!(viewer.next_fresh().await.unwrap().jpeg == good);
    }
    let counted = |camera: &serde_json::Value| {
        let dropped = |reason: &str| camera["dropped"][reason].as_u64().unwrap_or_default();
        dropped("truncated") + dropped("corrupt") > 0
    };
    relay
        .until("farm/broken", "counts what it dropped", counted)
        .await;
    assert_live(&relay, "farm/good").await;
}

#[tokio::test]
async fn what_is_not_known_is_answered_in_json() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    for (path, status, code) in [
        ("/api/cameras/farm/gate", 404, "unknown_camera"),
        ("/api/cameras/farm/gate/stream.mjpeg", 404, "unknown_camera"),
        ("/api/cameras/farm/gate/snapshot.jpg", 404, "unknown_camera"),
        ("/api/stream.mjpeg?src=farm/gate", 404, "unknown_camera"),
        ("/?action=stream", 404, "unknown_camera"),
        ("/api/nothing", 404, "not_found"),
        ("/api/cameras/farm/GATE", 404, "unknown_camera"),
    ] {
        let answer = relay.get(path).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
        let error = answer.json().unwrap()["error"].clone();
        assert_eq!(error["code"], code, "{path}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn nonsense_on_the_bus_is_dropped_and_counted() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let _publisher = Publisher::start(&server.url(), "farm", &[GOOD]);
    relay.until_online("farm/good").await;
    let mut viewer = Stream::open(relay.address(), "farm/good").await.unwrap();
    viewer.next_fresh().await.unwrap();
    let options = Options {
        url: server.url(),
        ..Options::default()
    };
    let bus = Bus::connect(&options).await.unwrap();
    let camera: CameraName = "farm/good".parse().unwrap();
    let frames = Topic::Frame(camera.clone(), JPEG.parse().unwrap()).subject();
    let others = [
        Topic::Announce(camera.clone()),
        Topic::Demand(camera),
        Topic::QueryAnnounce,
    ];
    eventually("the bus is up", SOON, async || {
        bus.publish(&frames, Bytes::new()).await
    })
    .await;
    let forged = sightline_proto::Frame {
        epoch: u64::MAX,
        sequence: 1,
        part_count: 1,
        total_len_bytes: 4,
        data: Bytes::from_static(b"text"),
        ..Default::default()
    };
    let huge = sightline_proto::Frame {
        part_count: u32::MAX,
        total_len_bytes: u32::MAX,
        ..forged.clone()
    };
    for nonsense in [
        Bytes::from_static(&[0xff; 100]),
        Bytes::from_static(b"\x08\x01"),
        Bytes::from(vec![0; 100_000]),
        huge.encode_to_vec().into(),
    ] {
        bus.publish(&frames, nonsense.clone()).await.unwrap();
        for other in &others {
            bus.publish(&other.subject(), nonsense.clone())
                .await
                .unwrap();
        }
    }
    eventually("it is counted", SOON, async || {
        let text = relay.get("/metrics").await?;
        let text = String::from_utf8_lossy(&text.body).into_owned();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.rsplit(' ').next()?.parse::<f64>().ok()
        };
        let malformed =
            "sightline_relay_frames_dropped_total{camera=\"farm/good\",reason=\"malformed\"}";
        ensure!(value(malformed) > Some(1.0), "{text}");
        ensure!(
            value("sightline_relay_announcements_malformed_total") > Some(1.0),
            "{text}"
        );
        Ok(())
    })
    .await;
    for _ in 0..20 {
        let part = viewer.next().await.unwrap();
        assert_eq!(part.stale, None);
        part.number().unwrap();
    }
    assert_live(&relay, "farm/good").await;
}

#[tokio::test]
async fn of_two_publishers_of_one_camera_the_newer_wins_and_both_are_told() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let mut older = Publisher::start(
        &server.url(),
        "farm",
        &[("gate", "test://?size=320x180&fps=20")],
    );
    relay.until_online("farm/gate").await;
    let mut viewer = Stream::open(relay.address(), "farm/gate").await.unwrap();
    viewer.next_fresh().await.unwrap();
    let mut newer = Publisher::start(
        &server.url(),
        "farm",
        &[("gate", "test://?size=640x360&fps=20")],
    );
    eventually("the pictures are the newer one's", SOON, async || {
        let (_, width, _) = sightline_tests::picture::luma(&viewer.next_fresh().await?.jpeg)?;
        ensure!(width == 640, "{width}");
        Ok(())
    })
    .await;
    for _ in 0..40 {
        let (_, width, _) =
            sightline_tests::picture::luma(&viewer.next_fresh().await.unwrap().jpeg).unwrap();
        assert_eq!(width, 640);
    }
    for publisher in [&mut older, &mut newer] {
        publisher.process().until_logged("another publisher").await;
    }
    // Without the newer one the older one takes over.
    newer.kill();
    eventually("the pictures are the older one's", SOON, async || {
        let (_, width, _) = sightline_tests::picture::luma(&viewer.next_fresh().await?.jpeg)?;
        ensure!(width == 320, "{width}");
        Ok(())
    })
    .await;
}
