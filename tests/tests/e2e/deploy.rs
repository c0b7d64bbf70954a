//! The configurations that the project ships.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    http,
    mjpeg::Stream,
    nats::{Server, Version},
    port,
    process::{self, Process, binary, root},
    watch::Watch,
};
use tempfile::TempDir;

use crate::quiet::light;

fn haproxy() -> PathBuf {
    "/usr/sbin/haproxy".into()
}

fn haproxy_config() -> PathBuf {
    root().join("deploy/haproxy/haproxy.cfg")
}

#[tokio::test]
async fn nats_servers_take_their_configuration() {
    for version in [Version::Debian, Version::Current] {
        Server::check_config(version, &version.shipped_config())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn haproxy_takes_its_configuration() {
    let path = haproxy_config().display().to_string();
    let (code, text) = process::run(&haproxy(), &["-c", "-f", &path], SOON).await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test]
async fn our_programs_take_the_sample_settings() {
    let sample = |program: &str| {
        let path = root().join(format!("deploy/config/{program}.toml"));
        path.display().to_string()
    };
    let (publisher, relay) = (sample("publisher"), sample("relay"));
    for (program, arguments) in [
        // A sample can name no camera: there is none that everybody has.
        (
            "sightline-publisher",
            vec!["check", "--config", &publisher, "--camera", "gate=test://"],
        ),
        ("sightline-relay", vec!["check", "--config", &relay]),
    ] {
        let (code, text) = process::run(&binary(program), &arguments, SOON).await;
        assert_eq!(code, 0, "{text}");
    }
}

/// The shipped configuration with two relays of this machine in the place of containers.
async fn start_haproxy(relays: [&Relay; 2], folder: &TempDir) -> (Process, String) {
    let address = format!("127.0.0.1:{}", port::free());
    let shipped = std::fs::read_to_string(haproxy_config()).unwrap();
    let mut config = String::new();
    for line in shipped.lines() {
        if line.trim() == "bind :8080" {
            config += &format!("    bind {address}\n");
        } else if line.trim().starts_with("server-template") {
            for (n, relay) in relays.iter().enumerate() {
                config += &format!("    server relay-{n} {}\n", relay.address());
            }
        } else {
            config += &format!("{line}\n");
        }
    }
    assert!(config.contains(&address) && config.contains(relays[1].address()));
    let path = folder.path().join("haproxy.cfg");
    std::fs::write(&path, config).unwrap();
    let arguments = ["-f".to_owned(), path.display().to_string()];
    let process = Process::start("haproxy", &haproxy(), &arguments).unwrap();
    eventually("haproxy passes requests on", SOON, async || {
        let answer = http::get(&address, "/healthz").await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(())
    })
    .await;
    (process, address)
}

#[tokio::test]
async fn viewers_behind_a_load_balancer_go_on_when_a_relay_dies() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let unlimited = [("SIGHTLINE_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "0")];
    let mut first = Relay::start_with(&server.url(), &unlimited).await;
    let second = Relay::start_with(&server.url(), &unlimited).await;
    let _publisher = Publisher::start(
        &server.url(),
        "farm",
        &[("gate", "test://?size=320x180&fps=20")],
    );
    for relay in [&first, &second] {
        relay.until_online("farm/gate").await;
    }
    let folder = TempDir::new().unwrap();
    let (_haproxy, address) = start_haproxy([&first, &second], &folder).await;

    // Viewers are spread over both.
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = Stream::open(&address, "farm/gate").await.unwrap();
        stream.next_fresh().await.unwrap();
        streams.push(stream);
    }
    for relay in [&first, &second] {
        let viewers = relay.camera("farm/gate").await.unwrap()["viewers"].clone();
        assert_eq!(viewers, 2);
    }
    let mut watch = Watch::open(&address).await.unwrap();
    watch.subscribe("farm/gate").await.unwrap();
    watch.next_frame().await.unwrap();

    // One dies: whoever connects again is at once with the other.
    first.kill();
    for _ in 0..4 {
        let tried = tokio::time::timeout(Duration::from_secs(3), async {
            let mut stream = Stream::open(&address, "farm/gate").await?;
            stream.next_fresh().await
        });
        tried.await.expect("within 3 s").unwrap();
    }

    // It comes back and is used again.
    first.restart();
    first.until_ready().await;
    eventually("new viewers come to it", SOON, async || {
        let mut stream = Stream::open(&address, "farm/gate").await?;
        stream.next_fresh().await?;
        let viewers = first.camera("farm/gate").await?["viewers"].as_u64();
        ensure!(viewers > Some(0), "{viewers:?}");
        Ok(())
    })
    .await;
}
