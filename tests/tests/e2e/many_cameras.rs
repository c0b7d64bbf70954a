//! A relay that hears of very many cameras at once.

use anyhow::ensure;
use sightline_proto::{Announce, CameraName, CameraState, Message as _, Stream, subject::Topic};
use sightline_tests::{
    eventually,
    fleet::{Relay, SOON},
    nats::{Server, Version},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::quiet::light;

const CAMERAS: usize = 1_000;

/// All publishers answer the question of a relay that has just started, and no two of them know of each other.
#[tokio::test]
async fn a_thousand_cameras_that_announce_themselves_in_one_go_are_all_known() {
    let _machine = light().await;
    let server = Server::start(Version::Current, "").await;
    let relay = Relay::start(&server.url()).await;
    relay.until_ready().await;

    let mut burst = b"CONNECT {\"verbose\":false}\r\n".to_vec();
    for number in 0..CAMERAS {
        let name: CameraName = format!("farm/camera-{number}").parse().unwrap();
        let announcement = announcement();
        let (subject, len) = (Topic::Announce(name).subject(), announcement.len());
        burst.extend(format!("PUB {} {len}\r\n", subject.as_str()).as_bytes());
        burst.extend([&announcement[..], b"\r\n"].concat());
    }
    burst.extend(b"PING\r\n");
    let mut publisher = TcpStream::connect(server.address()).await.unwrap();
    publisher.write_all(&burst).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"PONG\r\n") {
        assert_ne!(publisher.read_buf(&mut said).await.unwrap(), 0);
    }

    let metrics = eventually("all are known", SOON, async || {
        let answer = relay.get("/metrics").await?;
        let text = String::from_utf8(answer.body.to_vec())?;
        let online = format!("sightline_relay_cameras{{presence=\"online\"}} {CAMERAS}\n");
        ensure!(text.contains(&online), "{text}");
        Ok(text)
    })
    .await;
    assert!(
        metrics.contains("sightline_relay_announcements_lost_total 0\n"),
        "{metrics}"
    );
}

fn announcement() -> Vec<u8> {
    Announce {
        epoch: 1,
        state: CameraState::Idle.into(),
        streams: vec![Stream {
            name: "jpeg".into(),
            ..Stream::default()
        }],
        instance: "one-of-many".into(),
        ..Announce::default()
    }
    .encode_to_vec()
}
