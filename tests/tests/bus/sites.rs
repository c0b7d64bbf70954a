//! What the credentials of a site and of relays allow, with the server configurations that the project ships.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sightline_bus::{Bus, Delivery, Options, Tls};
use sightline_proto::{CameraName, Pattern, Subject, subject::Topic};
use sightline_tests::{
    eventually,
    nats::{Server, Version},
    port,
    process::{self, root},
};
use tempfile::TempDir;

use crate::rig::{A_WHILE, SOON, connected, name, next_message, options, subject};

/// A server that two sites and relays reach, each with the key that `deploy/nats/credentials` made.
struct Hub {
    server: Server,
    folder: TempDir,
    leaf_port: u16,
}

impl Hub {
    async fn start(version: Version) -> Self {
        let (folder, leaf_port) = (TempDir::new().unwrap(), port::free());
        certificates(folder.path());
        for owner in [&["relay"][..], &["site", "farm"], &["site", "shop"]] {
            credentials(folder.path(), owner).await;
        }
        let file = copy_configs(
            version,
            "hub",
            folder.path(),
            &[
                (
                    "port: 443",
                    format!("host: 127.0.0.1\n    port: {}", port::free()).as_str(),
                ),
                (
                    "port: 7422",
                    format!("host: 127.0.0.1\n    port: {leaf_port}").as_str(),
                ),
                (
                    "127.0.0.1:8222",
                    format!("127.0.0.1:{}", port::free()).as_str(),
                ),
            ],
        );
        let server = Server::start(version, &include(&file)).await;
        Self {
            server,
            folder,
            leaf_port,
        }
    }

    /// As `relay`, `site-farm` or `site-shop`, over TLS.
    async fn connect(&self, owner: &str) -> Bus {
        connected(&Options {
            url: format!("tls://{}", self.server.address()),
            nkey_file: self.path(&format!("{owner}.nk")),
            tls: Tls {
                ca_file: self.path("ca.pem"),
                ..Tls::default()
            },
            ..Options::default()
        })
        .await
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A leaf node with the key of `site`, and a connection to it.
    async fn leaf(&self, site: &str) -> (Server, TempDir, Bus) {
        let key = std::fs::read_to_string(self.path(&format!("site-{site}.nk"))).unwrap();
        let folder = TempDir::new().unwrap();
        let url = format!(
            "\"tls://127.0.0.1:{}\"\n            tls: {{ ca_file: {:?} }}",
            self.leaf_port,
            self.path("ca.pem")
        );
        let file = copy_configs(
            Version::Current,
            "leaf",
            folder.path(),
            &[("$NATS_HUB", url.as_str()), ("$NATS_SITE_KEY", key.trim())],
        );
        let server = Server::start(Version::Current, &include(&file)).await;
        let bus = connected(&options(&server)).await;
        (server, folder, bus)
    }
}

/// An authority, and a certificate of this host, where the configurations expect them.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    std::fs::create_dir(folder.join("tls")).unwrap();
    std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
    std::fs::write(folder.join("tls/cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("tls/key.pem"), key.serialize_pem()).unwrap();
}

/// Runs the shipped command, with keys and users in `folder`.
async fn credentials(folder: &Path, owner: &[&str]) {
    let path = folder.to_str().unwrap();
    let arguments = [&["--folder", path, "--keys", path], owner].concat();
    let program = root().join("deploy/nats/credentials");
    let (code, text) = process::run(&program, &arguments, SOON).await;
    assert_eq!(code, 0, "{text}");
}

/// Copies `deploy/nats/<name>.conf` for this version, and what it includes, to `folder` with `changes`; each must
/// be one. Gives the copy.
fn copy_configs(version: Version, name: &str, folder: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let suffix = if version == Version::Debian {
        "-2.9"
    } else {
        ""
    };
    let place = folder.to_str().unwrap();
    let read = |name: &str| {
        std::fs::read_to_string(root().join(format!("deploy/nats/{name}{suffix}.conf"))).unwrap()
    };
    let base = read("nats").replace("port: 4222", "");
    std::fs::write(folder.join(format!("nats{suffix}.conf")), base).unwrap();
    let mut text = read(name).replace("/etc/nats", place);
    // The test's own address stands in the file that includes this one.
    text = text.replace("host: \"127.0.0.1\"", "");
    for (from, to) in changes {
        // The ports for leaf nodes and WebSockets are those of current servers alone.
        assert!(version == Version::Debian || text.contains(from), "{from}");
        text = text
            .lines()
            .map(|line| changed(line, from, to) + "\n")
            .collect();
    }
    let path = folder.join(format!("{name}{suffix}.conf"));
    std::fs::write(&path, text).unwrap();
    path
}

fn changed(line: &str, from: &str, to: &str) -> String {
    if line.trim_start().starts_with('#') {
        line.to_owned()
    } else {
        line.replace(from, to)
    }
}

/// Included files are looked for from the folder of the one that includes them, even those with a whole path.
fn include(file: &Path) -> String {
    let folder = file.parent().unwrap().file_name().unwrap();
    let name = file.file_name().unwrap();
    format!(
        "include \"../{}/{}\"",
        folder.to_str().unwrap(),
        name.to_str().unwrap()
    )
}

/// The relays, and the publishers of two sites.
struct Fleet {
    relay: Bus,
    farm: Bus,
    shop: Bus,
    /// How many cameras were made up, to pass messages.
    markers: Cell<u32>,
}

impl Fleet {
    fn new(relay: Bus, farm: Bus, shop: Bus) -> Self {
        Self {
            relay,
            farm,
            shop,
            markers: Cell::new(0),
        }
    }

    /// Whether what `from` publishes to `subject` comes to a subscription of `to`.
    ///
    /// Both first agree on a message that is allowed on the same way, and again after it: everything in between
    /// has then been carried, or refused.
    async fn carries(&self, from: &Bus, to: &Bus, subject: &Subject, pattern: &Pattern) -> bool {
        let mut subscription = to.subscribe(pattern).await.unwrap();
        self.pass(from, to).await;
        from.publish(subject, Bytes::from_static(b"x"))
            .await
            .unwrap();
        self.pass(from, to).await;
        let mut heard = false;
        while let Some(Some(Delivery::Message(message))) = subscription.next().now_or_never() {
            heard |= message.payload == b"x"[..];
        }
        heard
    }

    /// A message from `from` to relays, then one from relays to `to`: all the ways that there are.
    async fn pass(&self, from: &Bus, to: &Bus) {
        if let Some(site) = self.site_of(from) {
            self.mark_from(site).await;
        }
        self.mark_to(self.site_of(to).unwrap_or("farm")).await;
        if self.site_of(to).is_none() {
            self.mark_from("farm").await;
        }
    }

    /// Of the publishers of two sites; nothing of relays.
    fn site_of(&self, bus: &Bus) -> Option<&'static str> {
        [("farm", &self.farm), ("shop", &self.shop)]
            .into_iter()
            .find_map(|(site, own)| std::ptr::eq(own, bus).then_some(site))
    }

    fn bus_of(&self, site: &str) -> &Bus {
        if site == "farm" {
            &self.farm
        } else {
            &self.shop
        }
    }

    async fn mark_from(&self, site: &str) {
        let topic = Topic::Announce(self.new_marker(site));
        arrives(self.bus_of(site), &self.relay, &topic).await;
    }

    async fn mark_to(&self, site: &str) {
        let topic = Topic::Demand(self.new_marker(site));
        arrives(&self.relay, self.bus_of(site), &topic).await;
    }

    /// One that nobody has asked for: what comes on it shows that all servers on the way know of this subscription,
    /// and so of those before it. An end of an earlier one on the same subject may still be under way.
    fn new_marker(&self, site: &str) -> CameraName {
        let number = self.markers.get();
        self.markers.set(number + 1);
        name(site, &format!("marker-{number}"))
    }

    async fn assert_permissions(&self) {
        let (relay, farm, shop) = (&self.relay, &self.farm, &self.shop);
        let frame = subject("farm", "gate");
        let announce = Topic::Announce(name("farm", "gate")).subject();
        let demand = Topic::Demand(name("farm", "gate")).subject();
        let control = Topic::Control(name("farm", "gate"), "keyframe".parse().unwrap()).subject();
        let every = Pattern::every_announce;
        let same = |subject: &Subject| Pattern::from(subject.clone());
        let cases = [
            // What each needs.
            (
                "frames come to relays",
                true,
                farm,
                relay,
                &frame,
                same(&frame),
            ),
            (
                "announcements come to relays",
                true,
                farm,
                relay,
                &announce,
                every(),
            ),
            (
                "demand comes to the site",
                true,
                relay,
                farm,
                &demand,
                same(&demand),
            ),
            (
                "control comes to the site",
                true,
                relay,
                farm,
                &control,
                same(&control),
            ),
            // A site that speaks for another one.
            ("foreign frames", false, shop, relay, &frame, same(&frame)),
            (
                "foreign announcements",
                false,
                shop,
                relay,
                &announce,
                every(),
            ),
            (
                "demand by a site",
                false,
                shop,
                farm,
                &demand,
                same(&demand),
            ),
            (
                "control by a site",
                false,
                shop,
                farm,
                &control,
                same(&control),
            ),
            // A site that listens to another one.
            ("frames to a site", false, farm, shop, &frame, same(&frame)),
            (
                "announcements to a site",
                false,
                farm,
                shop,
                &announce,
                every(),
            ),
            ("foreign demand", false, relay, shop, &demand, same(&demand)),
            (
                "foreign control",
                false,
                relay,
                shop,
                &control,
                same(&control),
            ),
            // A relay that plays a publisher.
            ("frames by relays", false, relay, farm, &frame, same(&frame)),
            (
                "announcements by relays",
                false,
                relay,
                farm,
                &announce,
                same(&announce),
            ),
        ];
        for (what, wanted, from, to, subject, pattern) in cases {
            assert_eq!(
                self.carries(from, to, subject, &pattern).await,
                wanted,
                "{what}"
            );
        }
        self.assert_control_is_answered().await;
    }

    async fn assert_control_is_answered(&self) {
        let camera = name("farm", "door");
        let control = Topic::Control(camera.clone(), "settings".parse().unwrap()).subject();
        let mut requests = self
            .farm
            .subscribe(&Pattern::control_of(&camera))
            .await
            .unwrap();
        self.pass(&self.relay, &self.farm).await;
        let answers = async {
            let request = next_message(&mut requests).await;
            let reply = request.reply.expect("the request says where to answer");
            self.farm
                .reply(reply, Bytes::from_static(b"done"))
                .await
                .unwrap();
        };
        let asked = self.relay.request(&control, Bytes::new(), SOON);
        let ((), answer) = tokio::join!(answers, asked);
        assert_eq!(answer.unwrap(), b"done"[..]);
    }
}

/// Waits until a message on `topic` came from one to the other.
async fn arrives(from: &Bus, to: &Bus, topic: &Topic) {
    let subject = topic.subject();
    let mut marks = to.subscribe(&subject.clone().into()).await.unwrap();
    eventually("an allowed message", SOON, async || {
        from.publish(&subject, Bytes::new()).await?;
        tokio::time::timeout(A_WHILE, marks.next()).await?;
        anyhow::Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_site_has_its_own_cameras_and_no_others() {
    for version in [Version::Debian, Version::Current] {
        let hub = Hub::start(version).await;
        let relay = hub.connect("relay").await;
        let farm = hub.connect("site-farm").await;
        let shop = hub.connect("site-shop").await;
        Fleet::new(relay, farm, shop).assert_permissions().await;
    }
}

#[tokio::test]
async fn a_leaf_node_is_bound_to_its_site() {
    let hub = Hub::start(Version::Current).await;
    let (_farm_server, _farm_folder, farm) = hub.leaf("farm").await;
    let (_shop_server, _shop_folder, shop) = hub.leaf("shop").await;
    let relay = hub.connect("relay").await;
    Fleet::new(relay, farm, shop).assert_permissions().await;
}
