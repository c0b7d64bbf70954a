//! Encrypted connections, with an authority of one's own.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sightline_bus::{Bus, Link, Options, Tls};
use sightline_tests::{
    eventually,
    nats::{Server, Version},
};
use tempfile::TempDir;

use crate::rig::{SOON, connected, settle};

/// An authority, and the files of those whom it vouches for.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes `<file>.pem` and `<file>.key` for somebody who is called `name`.
    fn vouch(&self, file: &str, name: &str) -> &Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
        self
    }

    fn server_config(&self, verify: bool) -> String {
        let file = |name: &str| self.path(name).display().to_string();
        format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: {verify} }}",
            file("server.pem"),
            file("server.key"),
            file("ca.pem")
        )
    }
}

fn options(server: &Server, scheme: &str, ca_file: &Path) -> Options {
    Options {
        url: format!("{scheme}://{}", server.address()),
        tls: Tls {
            ca_file: ca_file.to_owned(),
            ..Tls::default()
        },
        ..Options::default()
    }
}

/// Holds if the connection is refused, and the link gives `reason`.
async fn assert_refused(options: &Options, reason: &str) {
    let bus = Bus::connect(options).await.unwrap();
    eventually("the link says why", SOON, async || {
        let link = format!("{:?}", *bus.link().borrow());
        anyhow::ensure!(*bus.link().borrow() != Link::Up, "it connected");
        anyhow::ensure!(link.contains(reason), "{link}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_the_own_authority_vouches_for_is_trusted_and_no_other() {
    let (own, strange) = (Authority::new(), Authority::new());
    own.vouch("server", "127.0.0.1");
    for version in [Version::Debian, Version::Current] {
        let server = Server::start(version, &own.server_config(false)).await;
        for scheme in ["tls", "nats"] {
            let options = options(&server, scheme, &own.path("ca.pem"));
            settle(&connected(&options).await).await;
        }
        assert_refused(
            &options(&server, "tls", &strange.path("ca.pem")),
            "invalid peer certificate",
        )
        .await;
    }
}

#[tokio::test]
async fn a_server_with_another_name_is_not_trusted() {
    let own = Authority::new();
    own.vouch("server", "nats.example");
    let server = Server::start(Version::Current, &own.server_config(false)).await;
    assert_refused(
        &options(&server, "tls", &own.path("ca.pem")),
        "not valid for name",
    )
    .await;
}

#[tokio::test]
async fn a_client_certificate_opens_the_door() {
    let own = Authority::new();
    own.vouch("server", "127.0.0.1").vouch("client", "relay");
    for version in [Version::Debian, Version::Current] {
        let server = Server::start(version, &own.server_config(true)).await;
        let mut options = options(&server, "tls", &own.path("ca.pem"));
        let without = Bus::connect(&options).await.unwrap();
        options.tls.cert_file = own.path("client.pem");
        options.tls.key_file = own.path("client.key");
        settle(&connected(&options).await).await;
        assert_ne!(*without.link().borrow(), Link::Up);
    }
}

#[tokio::test]
async fn a_server_without_encryption_is_refused_where_it_is_required() {
    let server = Server::start(Version::Current, "").await;
    let mut options = options(&server, "nats", Path::new(""));
    options.tls.required = true;
    assert_refused(&options, "does not encrypt").await;
}
