//! The configurations that the project ships.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use sightline_tests::{
    eventually,
    fleet::{Publisher, Relay, SOON},
    haproxy,
    mjpeg::Stream,
    nats::{Server, Version},
    port,
    process::{self, Process, binary, root},
    watch::Watch,
};
use tempfile::TempDir;

use crate::quiet::light;

/// The system's, or the one that `scripts/install` unpacked.
fn nginx() -> PathBuf {
    let system = PathBuf::from("/usr/sbin/nginx");
    if system.exists() {
        return system;
    }
    root().join("target/tools/nginx/usr/sbin/nginx")
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
    let path = haproxy::config().display().to_string();
    let (code, text) = process::run(haproxy::PROGRAM.as_ref(), &["-c", "-f", &path], SOON).await;
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

/// The services of docker-compose.yml that run one of our programs, with the settings in their environment.
fn compose_services() -> Vec<(String, Vec<(String, String)>)> {
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let mut services = Vec::<(String, Vec<_>)>::new();
    for line in text.lines() {
        let name = line
            .strip_prefix("  ")
            .and_then(|rest| rest.split_once(':'));
        if let Some((name, _)) =
            name.filter(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()))
        {
            services.push((name.to_owned(), Vec::new()));
        }
        let setting = line
            .trim()
            .split_once(": ")
            .filter(|(key, _)| key.starts_with("SIGHTLINE_"));
        if let (Some((key, value)), Some((_, settings))) = (setting, services.last_mut()) {
            settings.push((key.to_owned(), value.trim_matches('"').to_owned()));
        }
    }
    services.retain(|(_, settings)| !settings.is_empty());
    services
}

#[tokio::test]
async fn our_programs_take_the_settings_of_the_containers() {
    let services = compose_services();
    assert_eq!(services.len(), 4, "{services:?}");
    for (name, settings) in services {
        let program = if name == "relay" {
            "sightline-relay"
        } else {
            "sightline-publisher"
        };
        let environment: Vec<_> = settings
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let arguments = ["check".to_owned()];
        let mut process =
            Process::start_with(&name, &binary(program), &arguments, &environment).unwrap();
        let status = process.until_ended(SOON).await;
        assert!(status.success(), "{name}: {:?}", process.log());
    }
}

#[tokio::test]
async fn each_program_knows_whether_it_is_well() {
    let _machine = light().await;
    let mut server = Server::start(Version::Current, "").await;
    let url = server.url();
    let relay = Relay::start(&url).await;
    let camera = "gate=test://?size=320x180";
    let _publisher = Publisher::start(&url, "farm", &[("gate", "test://?size=320x180")]);
    relay.until_online("farm/gate").await;
    let questions: [(&str, &[&str]); 2] = [
        (
            "sightline-relay",
            &["healthcheck", "--nats", &url, "--listen", relay.address()],
        ),
        (
            "sightline-publisher",
            &[
                "healthcheck",
                "--nats",
                &url,
                "--site",
                "farm",
                "--camera",
                camera,
            ],
        ),
    ];
    for (program, arguments) in questions {
        let (code, text) = process::run(&binary(program), arguments, SOON).await;
        assert_eq!(code, 0, "{program}: {text}");
    }
    server.kill();
    eventually("the relay notices", SOON, async || {
        let answer = relay.get("/readyz").await?;
        ensure!(answer.status == 503, "{}", answer.status);
        Ok(())
    })
    .await;
    for (program, arguments) in questions {
        let (code, text) = process::run(&binary(program), arguments, Duration::from_secs(20)).await;
        assert_eq!(code, 3, "{program}: {text}");
    }
}

async fn start_haproxy(relays: [&Relay; 2], folder: &TempDir) -> (Process, String) {
    haproxy::start(&relays, folder.path()).await
}

/// The shipped configuration with these relays, and with its folders in `folder`.
async fn start_nginx(relays: [&Relay; 2], folder: &TempDir) -> (Process, String) {
    let address = format!("127.0.0.1:{}", port::free());
    let place = folder.path().display();
    let mut config = std::fs::read_to_string(root().join("deploy/nginx/nginx.conf")).unwrap();
    let mut folders = String::from("http {\n");
    for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        folders += &format!("{name}_temp_path {place}/{name};\n");
    }
    for (from, to) in [
        ("http {", folders.as_str()),
        ("listen 8080", format!("listen {address}").as_str()),
        ("127.0.0.1:8081", relays[0].address()),
        ("127.0.0.1:8082", relays[1].address()),
    ] {
        assert!(config.contains(from), "{from}");
        config = config.replacen(from, to, 1);
    }
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, config).unwrap();
    let arguments = [
        "-c".to_owned(),
        path.display().to_string(),
        "-e".to_owned(),
        "stderr".to_owned(),
        "-g".to_owned(),
        // One process: whoever kills it leaves no workers behind.
        format!("daemon off; master_process off; pid {place}/nginx.pid;"),
    ];
    let process = Process::start("nginx", &nginx(), &arguments).unwrap();
    haproxy::until_passed_on(&address).await;
    (process, address)
}

#[tokio::test]
async fn viewers_behind_haproxy_go_on_when_a_relay_dies() {
    assert_viewers_go_on(start_haproxy).await;
}

#[tokio::test]
async fn viewers_behind_nginx_go_on_when_a_relay_dies() {
    assert_viewers_go_on(start_nginx).await;
}

/// With two relays behind the load balancer that `start` starts.
async fn assert_viewers_go_on(start: impl AsyncFnOnce([&Relay; 2], &TempDir) -> (Process, String)) {
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
    let (_balancer, address) = start([&first, &second], &folder).await;

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
