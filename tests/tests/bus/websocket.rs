//! NATS over WebSockets: where a firewall lets out nothing but web traffic.

use std::path::Path;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sightline_bus::{Bus, Delivery, Link, Options, Tls};
use sightline_tests::{
    eventually,
    nats::{Server, Version},
    port,
};
use tempfile::TempDir;

use crate::rig::{A_WHILE, SOON, connected, next_message, options, settle, subject};

/// A server with a port for WebSockets, encrypted if there are certificates in `folder`.
async fn server(version: Version, folder: Option<&Path>) -> (Server, u16) {
    let port = port::free();
    let security = folder.map_or_else(
        || "no_tls: true".to_owned(),
        |folder| {
            let file = |name: &str| folder.join(name).display().to_string();
            format!(
                "tls {{ cert_file: {:?}, key_file: {:?} }}",
                file("server.pem"),
                file("server.key")
            )
        },
    );
    let config = format!("websocket {{ host: \"127.0.0.1\", port: {port}, {security} }}");
    (Server::start(version, &config).await, port)
}

fn web(scheme: &str, port: u16, ca_file: &Path) -> Options {
    Options {
        url: format!("{scheme}://127.0.0.1:{port}"),
        tls: Tls {
            ca_file: ca_file.to_owned(),
            ..Tls::default()
        },
        ..Options::default()
    }
}

/// An authority in `ca.pem`, and a certificate of this host.
fn certificates() -> TempDir {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let folder = TempDir::new().unwrap();
    for (file, text) in [
        ("ca.pem", issuer.pem()),
        ("server.pem", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

/// Large and small messages go both ways between `web` and somebody on the usual port.
async fn assert_carries(web: &Bus, plain: &Bus) {
    let to_plain = subject("farm", "gate");
    let to_web = subject("farm", "door");
    let mut plain_hears = plain.subscribe(&to_plain.clone().into()).await.unwrap();
    let mut web_hears = web.subscribe(&to_web.clone().into()).await.unwrap();
    settle(web).await;
    settle(plain).await;
    for len in [0, 1, 4_096, 100_000, web.max_payload_bytes()] {
        let payload = Bytes::from(vec![7; len]);
        web.publish(&to_plain, payload.clone()).await.unwrap();
        assert_eq!(next_message(&mut plain_hears).await.payload, payload);
        plain.publish(&to_web, payload.clone()).await.unwrap();
        assert_eq!(next_message(&mut web_hears).await.payload, payload);
    }
}

#[tokio::test]
async fn messages_of_every_size_go_over_websockets() {
    for version in [Version::Debian, Version::Current] {
        let (server, port) = server(version, None).await;
        let web = connected(&web("ws", port, Path::new(""))).await;
        assert_carries(&web, &connected(&options(&server)).await).await;
    }
}

#[tokio::test]
async fn they_are_encrypted_with_an_authority_of_ones_own_and_trust_no_other() {
    let (own, strange) = (certificates(), certificates());
    for version in [Version::Debian, Version::Current] {
        let (server, port) = server(version, Some(own.path())).await;
        let options_of = |folder: &TempDir| web("wss", port, &folder.path().join("ca.pem"));
        let web = connected(&options_of(&own)).await;
        assert_carries(&web, &connected(&options(&server)).await).await;
        let refused = Bus::connect(&options_of(&strange)).await.unwrap();
        eventually("the link says why", SOON, async || {
            let link = refused.link().borrow().clone();
            let Link::Down(reason) = link else {
                anyhow::bail!("it connected")
            };
            anyhow::ensure!(reason.contains("invalid peer certificate"), "{reason}");
            Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_outage_is_noticed_and_nothing_stale_follows_it() {
    let (mut server, port) = server(Version::Current, None).await;
    let web = connected(&web("ws", port, Path::new(""))).await;
    server.kill();
    let mut link = web.link();
    let down = link.wait_for(|link| *link != Link::Up);
    tokio::time::timeout(SOON, down).await.unwrap().unwrap();
    let subject = subject("farm", "gate");
    for _ in 0..10 {
        assert!(
            web.publish(&subject, Bytes::from_static(b"old"))
                .await
                .is_err()
        );
    }
    server.restart().await;
    let mut link = web.link();
    let up = link.wait_for(|link| *link == Link::Up);
    tokio::time::timeout(SOON, up).await.unwrap().unwrap();
    let plain = connected(&options(&server)).await;
    let mut hears = plain.subscribe(&subject.clone().into()).await.unwrap();
    settle(&plain).await;
    web.publish(&subject, Bytes::from_static(b"new"))
        .await
        .unwrap();
    assert_eq!(next_message(&mut hears).await.payload, b"new"[..]);
    let more = tokio::time::timeout(A_WHILE, hears.next()).await;
    assert!(!matches!(more, Ok(Some(Delivery::Message(_)))), "{more:?}");
}
