//! Cameras that send us elsewhere.

use super::{camera::*, *};
use crate::source::passthrough::samples;

fn to(location: &str) -> Vec<u8> {
    response("302 Found", &format!("Location: {location}\r\n"), b"moved")
}

#[tokio::test]
async fn redirects_are_followed_and_keep_the_login_on_the_same_host() {
    let jpeg = samples::jpeg(32, 32);
    let camera = Camera::new(move |head| match head.split(' ').nth(1).unwrap() {
        "/a" => to("b/c?x=1#fragment"),
        "/b/c?x=1" => to("/d"),
        _ if head.contains("Authorization: Basic dTpw") => picture(&jpeg),
        _ => response(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=x\r\n",
            b"",
        ),
    })
    .await;
    pictures_of(&source(&camera.url_of("u:p", "/a")), 1).await;
    let paths: Vec<_> = camera
        .requests()
        .iter()
        .map(|head| head.split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(paths[..4], ["/a", "/b/c?x=1", "/d", "/d"]);
}

#[tokio::test]
async fn another_host_is_not_told_the_login() {
    let other = Camera::new(|_| {
        response(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=x\r\n",
            b"",
        )
    })
    .await;
    let elsewhere = format!("http://us:them@127.0.0.1:{}/x?key=hidden", other.port);
    let camera = Camera::new(move |head| {
        if head.contains("Authorization") {
            to(&elsewhere)
        } else {
            response(
                "401 Unauthorized",
                "WWW-Authenticate: Basic realm=x\r\n",
                b"",
            )
        }
    })
    .await;
    let error = error_of(&source(&camera.url_of("u:p", "/")))
        .await
        .to_string();
    assert!(
        error.contains("which asks for a login and is not told it"),
        "{error}"
    );
    assert!(
        !error.contains("hidden") && !error.contains("them"),
        "{error}"
    );
    assert!(
        other
            .requests()
            .iter()
            .all(|head| !head.contains("Authorization"))
    );
    assert_eq!(other.requests().len(), 1);
}

#[tokio::test]
async fn redirects_in_circles_end() {
    let camera = Camera::new(|_| to("/again")).await;
    let error = error_of(&source(&camera.url("/"))).await.to_string();
    assert!(error.ends_with("more than 5 redirects"), "{error}");
    assert_eq!(camera.requests().len(), 6);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_error() {
    for location in ["ftp://x/", "http://", ""] {
        let camera = Camera::new(move |_| to(location)).await;
        let error = error_of(&source(&camera.url("/"))).await.to_string();
        assert!(error.contains("redirect"), "{location}: {error}");
    }
    let camera = Camera::new(|head| match head.split(' ').nth(1).unwrap() {
        "/" => to("/gone"),
        _ => response("410 Gone", "", b""),
    })
    .await;
    let error = error_of(&source(&camera.url("/"))).await.to_string();
    assert!(
        error.contains("it answers 410 Gone at http://127.0.0.1"),
        "{error}"
    );
}
