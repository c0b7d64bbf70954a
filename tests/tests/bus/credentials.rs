//! Who may connect, and what happens to those who may not.

use std::path::PathBuf;

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use sightline_bus::{Bus, Options};
use sightline_proto::subject::Topic;
use sightline_tests::{
    eventually,
    nats::{Server, Version},
};
use tempfile::TempDir;

use crate::rig::{SOON, assert_silent, connected, logs_of, name, options, settle, subject};

const VERSIONS: [Version; 2] = [Version::Debian, Version::Current];

/// The server lets in who comes with `right`; who comes with `wrong` learns that he is not let in.
async fn assert_lets_in(
    config: &str,
    right: impl Fn(Options) -> Options,
    wrong: impl Fn(Options) -> Options,
) {
    for version in VERSIONS {
        let server = Server::start(version, config).await;
        settle(&connected(&right(options(&server))).await).await;
        for refused in [wrong(options(&server)), options(&server)] {
            let bus = Bus::connect(&refused).await.unwrap();
            let reason = reason_for_refusal(&bus).await;
            assert!(reason.contains(&server.address()), "{reason}");
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}

/// Waits until the link says that it was refused.
async fn reason_for_refusal(bus: &Bus) -> String {
    eventually("the link speaks of authorization", SOON, async || {
        let link = format!("{:?}", *bus.link().borrow());
        anyhow::ensure!(link.to_lowercase().contains("authorization"), "{link}");
        Ok(link)
    })
    .await
}

#[tokio::test]
async fn user_and_password_open_the_door() {
    let user = |password: &'static str| {
        move |options| Options {
            user: "farm".into(),
            password: password.into(),
            ..options
        }
    };
    let config = "authorization { user: farm, password: secret-1 }";
    assert_lets_in(config, user("secret-1"), user("secret-2")).await;
}

#[tokio::test]
async fn a_token_opens_the_door() {
    let token = |token: &'static str| {
        move |options| Options {
            token: token.into(),
            ..options
        }
    };
    let config = "authorization { token: secret-1 }";
    assert_lets_in(config, token("secret-1"), token("secret-2")).await;
}

#[tokio::test]
async fn an_nkey_opens_the_door() {
    let (right, wrong) = (KeyPair::new_user(), KeyPair::new_user());
    let folder = TempDir::new().unwrap();
    let file = |key: &KeyPair, name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{}\n", key.seed().unwrap())).unwrap();
        move |options| Options {
            nkey_file: path.clone(),
            ..options
        }
    };
    let config = format!(
        "authorization {{ users: [{{ nkey: {} }}] }}",
        right.public_key()
    );
    assert_lets_in(&config, file(&right, "right"), file(&wrong, "wrong")).await;
}

#[tokio::test]
async fn a_creds_file_opens_the_door() {
    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let operator_token = token(
        &operator,
        &operator,
        "farmers",
        &json!({"type": "operator", "version": 2}),
    );
    let account_token = token(
        &operator,
        &account,
        "farm",
        &json!({"type": "account", "version": 2,
        "limits": {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1,
            "leaf": -1, "wildcards": true}}),
    );
    let config = format!(
        "operator: {operator_token}\nresolver: MEMORY\nresolver_preload: {{ {}: {account_token} }}",
        account.public_key()
    );
    let folder = TempDir::new().unwrap();
    let stranger = KeyPair::new_account();
    let creds = |issuer: &KeyPair, file: &str| {
        let path = creds_file(&folder, issuer, file);
        move |options| Options {
            creds_file: path.clone(),
            ..options
        }
    };
    assert_lets_in(&config, creds(&account, "right"), creds(&stranger, "wrong")).await;
}

/// A file as `nsc generate creds` writes it, for a new user of the account `issuer`.
fn creds_file(folder: &TempDir, issuer: &KeyPair, name: &str) -> PathBuf {
    let user = KeyPair::new_user();
    let token = token(
        issuer,
        &user,
        "relay",
        &json!({"type": "user", "version": 2,
        "subs": -1, "data": -1, "payload": -1}),
    );
    let seed = user.seed().unwrap();
    let path = folder.path().join(name);
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A JSON web token of version 2, as NATS servers take it.
fn token(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let claims = json!({"jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(),
        "sub": subject.public_key(), "name": name, "nats": nats});
    let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

#[tokio::test]
async fn who_may_not_publish_or_subscribe_hears_of_it_in_the_log() {
    let config = r#"authorization { users: [
        { user: farm, password: p, permissions: {
            publish: ["sightline.v1.frame.settle.>"], subscribe: ["sightline.v1.frame.settle.>"] } },
        { user: all, password: p } ] }"#;
    for version in VERSIONS {
        let server = Server::start(version, config).await;
        let user = |user: &str| Options {
            user: user.into(),
            password: "p".into(),
            ..options(&server)
        };
        let (limited, free) = (
            connected(&user("farm")).await,
            connected(&user("all")).await,
        );
        let forbidden = Topic::Announce(name("farm", "gate")).subject();
        let mut subscription = free.subscribe(&forbidden.clone().into()).await.unwrap();
        settle(&free).await;
        let logged = logs_of(async {
            limited
                .publish(&forbidden, bytes::Bytes::new())
                .await
                .unwrap();
            let _refused = limited
                .subscribe(&subject("farm", "gate").into())
                .await
                .unwrap();
            settle(&limited).await;
        })
        .await;
        assert_silent(&mut subscription).await;
        for part in [
            "Publish",
            forbidden.as_str(),
            "Subscription",
            "frame.farm.gate",
            "lack a permission",
            "cameras.gate.site",
            "nats.user (farm)",
        ] {
            assert!(logged.contains(part), "{part} is not in {logged}");
        }
    }
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused_by_name() {
    let missing = PathBuf::from("not-there.pem");
    let url = |url: &str| Options {
        url: url.into(),
        ..Options::default()
    };
    let cases: Vec<(Options, &str)> = vec![
        (url(""), "nats.url: is empty"),
        (
            url("nats://user:secret@ho st:4222"),
            "nats.url: nats://...@ho st:4222",
        ),
        (
            Options {
                user: "a".into(),
                token: "b".into(),
                ..Options::default()
            },
            "nats.token: nats.user is given too",
        ),
        (
            Options {
                password: "a".into(),
                ..Options::default()
            },
            "nats.password: needs nats.user",
        ),
        (
            Options {
                nkey_file: missing.clone(),
                ..Options::default()
            },
            "nats.nkey_file: cannot read not-there.pem",
        ),
        (
            Options {
                creds_file: missing.clone(),
                ..Options::default()
            },
            "nats.creds_file: cannot read not-there.pem",
        ),
        (
            with_tls(|tls| tls.ca_file = missing.clone()),
            "nats.tls.ca_file: cannot read not-there.pem",
        ),
        (
            with_tls(|tls| tls.cert_file = missing.clone()),
            "nats.tls.cert_file: needs nats.tls.key_file",
        ),
        (
            with_tls(|tls| tls.key_file = missing.clone()),
            "nats.tls.key_file: needs nats.tls.cert_file",
        ),
    ];
    for (options, wanted) in cases {
        let error = Bus::connect(&options).await.unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}, not {wanted}");
        assert!(!error.contains("secret"), "{error}");
    }
}

fn with_tls(change: impl FnOnce(&mut sightline_bus::Tls)) -> Options {
    let mut options = Options::default();
    change(&mut options.tls);
    options
}
