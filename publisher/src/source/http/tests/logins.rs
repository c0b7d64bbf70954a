//! Cameras that ask who we are.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use http_auth::{PasswordClient, PasswordParams};

use super::{camera::*, *};
use crate::source::passthrough::samples;

const REFUSED: &str = "401 Unauthorized";

fn authorization(head: &str) -> Option<&str> {
    head.lines()
        .find_map(|line| line.strip_prefix("Authorization: "))
}

/// A parameter of a digest.
fn parameter<'a>(header: &'a str, name: &str) -> &'a str {
    let start = header.find(&format!("{name}=")).unwrap() + name.len() + 1;
    header[start..].split(',').next().unwrap().trim_matches('"')
}

/// Whether `header` is what someone who knows the password would send in answer to `challenge`.
fn is_right(challenge: &str, header: &str, password: &str) -> bool {
    let PasswordClient::Digest(mut digest) = PasswordClient::try_from(challenge).unwrap() else {
        panic!("not a digest")
    };
    let params = PasswordParams {
        username: "user",
        password,
        uri: parameter(header, "uri"),
        method: "GET",
        body: None,
    };
    let count = u32::from_str_radix(parameter(header, "nc"), 16).unwrap();
    let expected = (0..count)
        .map(|_| {
            digest
                .respond_with_testing_cnonce(&params, parameter(header, "cnonce"))
                .unwrap()
        })
        .last();
    expected.as_deref() == Some(header)
}

#[tokio::test]
async fn basic_authentication_is_answered_when_asked_for() {
    let jpeg = samples::jpeg(32, 32);
    let camera = Camera::new(move |head| match authorization(head) {
        // user:p@ss
        Some("Basic dXNlcjpwQHNz") => picture(&jpeg),
        _ => response(
            REFUSED,
            "WWW-Authenticate: Basic realm=\"cam\"\r\nConnection: keep-alive\r\n",
            b"no",
        ),
    })
    .await;
    pictures_of(&source(&camera.url_of("user:p%40ss", "/#fps=50")), 3).await;
    let requests = camera.requests();
    assert_eq!(authorization(&requests[0]), None);
    // From then on without being asked, and over the same connection.
    assert!(
        requests[1..]
            .iter()
            .all(|head| authorization(head).is_some())
    );
    assert_eq!(camera.connections(), 1);
}

#[tokio::test]
async fn digests_of_both_algorithms_are_answered_and_counted() {
    for algorithm in ["MD5", "SHA-256"] {
        let challenge = format!(
            "Digest realm=\"IP Camera(12345)\", qop=\"auth\", algorithm={algorithm}, nonce=\"abc\", opaque=\"\""
        );
        let jpeg = samples::jpeg(32, 32);
        let camera = {
            let challenge = challenge.clone();
            Camera::new(move |head| match authorization(head) {
                Some(header) if is_right(&challenge, header, "secret") => picture(&jpeg),
                _ => response(
                    REFUSED,
                    &format!("WWW-Authenticate: {challenge}\r\n"),
                    b"no",
                ),
            })
            .await
        };
        pictures_of(
            &source(&camera.url_of("user:secret", "/snap?a=b#fps=50")),
            3,
        )
        .await;
        let requests = camera.requests();
        let counts: Vec<_> = requests[1..4]
            .iter()
            .map(|head| parameter(head, "nc"))
            .collect();
        assert_eq!(counts, ["00000001", "00000002", "00000003"]);
        assert_eq!(parameter(&requests[1], "uri"), "/snap?a=b");
    }
}

#[tokio::test]
async fn a_nonce_that_got_too_old_is_renewed_without_a_failure() {
    let jpeg = samples::jpeg(32, 32);
    let served = Arc::new(AtomicUsize::new(0));
    let nonce = Arc::new(Mutex::new(0));
    let camera = {
        let (served, nonce) = (Arc::clone(&served), Arc::clone(&nonce));
        Camera::new(move |head| {
            let mut nonce = nonce.lock().unwrap();
            let challenge =
                |nonce: u32| format!("Digest realm=\"c\", qop=\"auth\", nonce=\"n{nonce}\"");
            if let Some(header) = authorization(head) {
                // Each nonce is good for two requests.
                if is_right(&challenge(*nonce), header, "secret") && !header.contains("nc=00000003")
                {
                    served.fetch_add(1, Ordering::SeqCst);
                    return picture(&jpeg);
                }
                *nonce += 1;
                let stale = format!("WWW-Authenticate: {}, stale=true\r\n", challenge(*nonce));
                return response(REFUSED, &stale, b"");
            }
            response(
                REFUSED,
                &format!("WWW-Authenticate: {}\r\n", challenge(*nonce)),
                b"",
            )
        })
        .await
    };
    pictures_of(&source(&camera.url_of("user:secret", "/#fps=50")), 7).await;
    assert!(served.load(Ordering::SeqCst) >= 7);
    assert!(*nonce.lock().unwrap() >= 3);
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_not_shown() {
    let digest = "Digest realm=\"c\", qop=\"auth\", nonce=\"n1\"";
    for challenge in [digest, "Basic realm=\"c\""] {
        let header = format!("WWW-Authenticate: {challenge}\r\n");
        let camera = Camera::new(move |_| response(REFUSED, &header, b"no")).await;
        let error = error_of(&source(&camera.url_of("user:wrong", "/"))).await;
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("{} refuses the user or password", camera.url("/"))
        );
        let sent: Vec<_> = camera
            .requests()
            .iter()
            .map(|head| authorization(head).is_some())
            .collect();
        assert_eq!(sent, [false, true]);
    }
}

#[tokio::test]
async fn a_camera_that_asks_for_what_we_do_not_have_is_named() {
    let camera =
        Camera::new(|_| response(REFUSED, "WWW-Authenticate: Basic realm=\"c\"\r\n", b"")).await;
    let error = error_of(&source(&camera.url("/"))).await.to_string();
    assert!(
        error.ends_with("it asks for a login: write http://user:password@host/..."),
        "{error}"
    );
    let camera =
        Camera::new(|_| response(REFUSED, "WWW-Authenticate: Bearer realm=\"c\"\r\n", b"")).await;
    let error = error_of(&source(&camera.url_of("a:b", "/")))
        .await
        .to_string();
    assert!(error.contains("a login that is not supported"), "{error}");
    assert_eq!(camera.requests().len(), 1);
}
