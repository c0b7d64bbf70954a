//! Several publishers and relays around one nats-server.

use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    mjpeg::{self, Stream},
    nats::{Server, Version},
    process,
};

use crate::quiet::{alone, light};

/// A viewer that writes what it complains of to standard error, and nothing else.
async fn ffmpeg(url: &str, frames: u32) {
    let frames = frames.to_string();
    let arguments = [
        "-nostdin",
        "-hide_banner",
        "-v",
        "warning",
        "-f",
        "mpjpeg",
        "-i",
        url,
        "-frames:v",
        &frames,
        "-f",
        "null",
        "-",
    ];
    let (code, text) = process::run("ffmpeg".as_ref(), &arguments, Duration::from_secs(60)).await;
    assert_eq!((code, text.as_str()), (0, ""), "{url}");
}

#[tokio::test]
async fn every_camera_is_on_every_relay_and_moves() {
    let _machine = light().await;
    for version in [Version::Debian, Version::Current] {
        let config = std::fs::read_to_string(version.shipped_config()).unwrap();
        let server = Server::start(version, &config.replace("port: 4222", "")).await;
        let url = server.url();
        let relays = [Relay::start(&url).await, Relay::start(&url).await];
        let publishers = [
            (
                "farm",
                vec![
                    ("gate", "test://?size=320x180&fps=10"),
                    ("barn", "test://?size=160x120&fps=5"),
                ],
            ),
            ("shop", vec![("door", "test://?size=320x240&fps=10")]),
            ("home", vec![("desk", "images://?fps=5")]),
        ];
        let mut names = Vec::new();
        let mut running = Vec::new();
        for (site, cameras) in &publishers {
            names.extend(cameras.iter().map(|(camera, _)| format!("{site}/{camera}")));
            running.push(Publisher::start(&url, site, cameras));
        }
        names.sort();
        for relay in &relays {
            eventually("the relay lists all cameras by name", SOON, async || {
                let listed = relay.get("/api/cameras").await?.json()?;
                let listed: Vec<_> = listed["cameras"].as_array().into_iter().flatten().collect();
                let online = |camera: &&&Value| camera["online"] == true;
                let online: Vec<_> = listed
                    .iter()
                    .filter(online)
                    .map(|camera| &camera["name"])
                    .collect();
                ensure!(online == names.iter().collect::<Vec<_>>(), "{online:?}");
                Ok(())
            })
            .await;
            for name in &names {
                let mut stream = Stream::open(relay.address(), name).await.unwrap();
                let first = stream.next_fresh().await.unwrap();
                let moved = eventually("the picture moves", SOON, async || {
                    let next = stream.next_fresh().await?;
                    ensure!(next.jpeg != first.jpeg, "it is the same");
                    Ok(next)
                })
                .await;
                assert!(moved.capture > first.capture);
            }
        }
    }
}

#[tokio::test]
async fn ffmpeg_decodes_a_hundred_frames_without_a_complaint() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    let _publisher = Publisher::start(
        &server.url(),
        "farm",
        &[("gate", "test://?size=640x360&fps=30")],
    );
    relay.until_online("farm/gate").await;
    for path in [
        mjpeg::path("farm/gate").as_str(),
        "/?action=stream",
        "/stream",
        "/api/stream.mjpeg?src=gate",
        "/video_feed",
    ] {
        ffmpeg(&format!("http://{}{path}", relay.address()), 100).await;
    }
}
