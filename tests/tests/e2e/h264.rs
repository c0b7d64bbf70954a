//! H.264 from cameras and files to viewers, by the routes that carry it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use sightline_proto::{Form, H264, Subscribe, WatchFrame, to_relay, to_viewer};
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    mjpeg::Stream,
    nats::{Server, Version},
    process,
    watch::Watch,
};

use crate::quiet::{alone, light};

const CAMERA: &str = "farm/gate";
const FIRST_PICTURE: Duration = Duration::from_millis(500);

async fn watch(relay: &Relay, camera: &str, form: Form) -> Watch {
    let mut watch = Watch::open(relay.address()).await.unwrap();
    let subscribe = Subscribe {
        camera: camera.into(),
        stream: H264.into(),
        form: form.into(),
        ..Subscribe::default()
    };
    watch
        .send(to_relay::Message::Subscribe(subscribe))
        .await
        .unwrap();
    watch
}

/// The first frame that a viewer gets.
async fn first(watch: &mut Watch) -> WatchFrame {
    let frame = watch.next_frame().await.unwrap();
    assert!(frame.key, "it starts with a key frame");
    frame
}

/// Reads `count` frames: none lost, none repeated.
async fn follow(watch: &mut Watch, count: usize) -> Vec<WatchFrame> {
    let mut frames: Vec<WatchFrame> = Vec::new();
    while frames.len() < count {
        match watch.next().await.unwrap() {
            to_viewer::Message::Frame(frame) => {
                if let Some(last) = frames.last() {
                    assert_eq!(frame.sequence, last.sequence + 1);
                }
                frames.push(frame);
            }
            to_viewer::Message::Skipped(skipped) => panic!("{skipped:?}"),
            to_viewer::Message::Refused(refused) => panic!("{refused:?}"),
            _ => {}
        }
    }
    frames
}

async fn bits_per_second(relay: &Relay, stream: &str) -> u64 {
    let camera = relay.camera(CAMERA).await.unwrap();
    let streams = camera["streams"].as_array().unwrap();
    let stream = streams.iter().find(|offer| offer["name"] == stream);
    stream.unwrap()["bits_per_second"].as_u64().unwrap()
}

/// What it decodes, one line a frame; it must have nothing to complain of.
async fn decode(arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["-nostdin", "-hide_banner", "-v", "warning", "-xerror"];
    all.extend(arguments);
    all.extend(["-an", "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let (code, text) = process::run("ffmpeg".as_ref(), &all, Duration::from_secs(60)).await;
    assert_eq!(code, 0, "{text}");
    let frames: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut last = i64::MIN;
    frames
        .iter()
        .map(|line| {
            let fields: Vec<_> = line.split(',').map(str::trim).collect();
            assert_eq!(fields.len(), 6, "{line}");
            let shown: i64 = fields[2].parse().unwrap();
            assert!(shown > last, "{line}, after {last}");
            last = shown;
            fields[5].to_owned()
        })
        .collect()
}

#[tokio::test]
async fn what_is_watched_as_one_codec_is_not_encoded_as_the_other() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let source = "test://?size=320x180&fps=20";
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", source)]);
    relay.until_online(CAMERA).await;

    let mut viewer = watch(&relay, CAMERA, Form::Frame).await;
    first(&mut viewer).await;
    follow(&mut viewer, 60).await;
    eventually("the rate of H.264 is told", SOON, async || {
        ensure!(bits_per_second(&relay, "h264").await > 0, "it is not");
        Ok(())
    })
    .await;
    assert_eq!(bits_per_second(&relay, "jpeg").await, 0);
    drop(viewer);
    relay
        .until(CAMERA, "is idle", |camera| camera["state"] == "idle")
        .await;

    let mut viewer = Stream::open(relay.address(), CAMERA).await.unwrap();
    for _ in 0..60 {
        viewer.next().await.unwrap();
    }
    eventually("the rate of JPEG is told", SOON, async || {
        ensure!(bits_per_second(&relay, "jpeg").await > 0, "it is not");
        Ok(())
    })
    .await;
    assert_eq!(bits_per_second(&relay, "h264").await, 0);
}

#[tokio::test]
async fn a_camera_that_someone_watches_is_seen_by_others_within_500_ms() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let relays = [
        Relay::start(&server.url()).await,
        Relay::start(&server.url()).await,
    ];
    let source = "test://?size=1280x720&fps=30";
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", source)]);
    relays[0].until_online(CAMERA).await;
    relays[1].until_online(CAMERA).await;
    let mut watcher = watch(&relays[0], CAMERA, Form::Frame).await;
    first(&mut watcher).await;
    let mut times = Vec::new();
    for n in 0..6 {
        // Key frames come every two seconds: each viewer comes at another place of a group.
        follow(&mut watcher, 37).await;
        let relay = &relays[n % 2];
        let start = Instant::now();
        let mut viewer = watch(relay, CAMERA, Form::Frame).await;
        first(&mut viewer).await;
        times.push(start.elapsed());
    }
    times.sort();
    println!("first pictures after {times:?}");
    assert!(times[times.len() / 2] < FIRST_PICTURE, "{times:?}");
}

#[tokio::test]
async fn a_file_that_is_taken_late_decodes_without_a_complaint() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let source = "test://?size=320x180&fps=25";
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", source)]);
    relay.until_online(CAMERA).await;
    let mut watcher = watch(&relay, CAMERA, Form::Fmp4).await;
    first(&mut watcher).await;
    follow(&mut watcher, 80).await;
    let url = format!(
        "http://{}/api/cameras/{CAMERA}/stream.mp4?duration=3",
        relay.address()
    );
    let frames = decode(&["-i", &url]).await;
    assert!((70..=85).contains(&frames.len()), "{}", frames.len());
}

async fn make_file(path: &Path, seconds: &str, encoder: &[&str]) {
    let path = path.display().to_string();
    let input = "testsrc2=size=320x180:rate=25";
    let mut arguments = vec![
        "-nostdin", "-v", "error", "-f", "lavfi", "-i", input, "-t", seconds,
    ];
    arguments.extend(["-c:v", "libx264", "-preset", "fast", "-pix_fmt", "yuv420p"]);
    arguments.extend(encoder);
    arguments.push(&path);
    let (code, text) = process::run("ffmpeg".as_ref(), &arguments, Duration::from_secs(60)).await;
    assert_eq!((code, text.as_str()), (0, ""));
}

#[tokio::test]
async fn frames_of_a_file_out_of_order_arrive_as_they_were() {
    let _machine = light().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frames.mp4");
    make_file(&file, "4", &["-bf", "3", "-g", "25"]).await;
    let wanted = decode(&["-i", &file.display().to_string()]).await;
    assert_eq!(wanted.len(), 100);
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let source = format!("file://{}", file.display());
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", &source)]);
    relay.until_online(CAMERA).await;
    let url = format!(
        "http://{}/api/cameras/{CAMERA}/stream.mp4?duration=6",
        relay.address()
    );
    let seen = decode(&["-i", &url]).await;
    assert!(seen.len() >= 140, "{}", seen.len());
    let start = wanted.iter().position(|frame| *frame == seen[0]);
    let start = start.expect("the first frame is one of the file");
    // The last ones may miss a frame that is shown before them and would have come after them.
    for (n, frame) in seen[..seen.len() - 4].iter().enumerate() {
        assert_eq!(*frame, wanted[(start + n) % 100], "frame {n} from {start}");
    }
}

/// Neither relay can ask a file for a key frame, and the next one is seconds away.
#[tokio::test]
async fn the_middle_of_a_long_group_is_joined_at_once_on_any_relay() {
    let _machine = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.mp4");
    make_file(
        &file,
        "20",
        &[
            "-bf",
            "0",
            "-g",
            "1000",
            "-keyint_min",
            "1000",
            "-sc_threshold",
            "0",
        ],
    )
    .await;
    let server = Server::start(Version::Current, "").await;
    let relays = [
        Relay::start(&server.url()).await,
        Relay::start(&server.url()).await,
    ];
    let source = format!("file://{}", file.display());
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", &source)]);
    relays[0].until_online(CAMERA).await;
    relays[1].until_online(CAMERA).await;
    let mut watcher = watch(&relays[0], CAMERA, Form::Frame).await;
    first(&mut watcher).await;
    follow(&mut watcher, 250).await;
    for relay in &relays {
        let start = Instant::now();
        let mut viewer = watch(relay, CAMERA, Form::Frame).await;
        first(&mut viewer).await;
        let took = start.elapsed();
        println!("the first picture after {took:?}");
        assert!(took < FIRST_PICTURE, "{took:?}");
        // The group so far, and on without a gap.
        follow(&mut viewer, 290).await;
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
    }
    // The one who was there before noticed nothing.
    follow(&mut watcher, 50).await;
}
