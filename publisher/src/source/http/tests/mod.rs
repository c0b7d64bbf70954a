//! Against servers that speak HTTP by hand, each with a quirk of its own.

mod camera;
mod formats;
mod logins;
mod redirects;
mod silence;
mod tls;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::picture::Image;

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(20);

const PATIENT: Patience = Patience {
    connect: LONG,
    silence: LONG,
    picture: LONG,
};

/// Soon at its end.
const SHORT: Duration = Duration::from_millis(150);

fn source(url: &str) -> Http {
    with_patience(url, PATIENT)
}

fn with_patience(url: &str, patience: Patience) -> Http {
    Http::new(&SourceUrl::new(url, BTreeMap::new()).unwrap(), patience).unwrap()
}

/// Runs the source until it gives up, and says why.
async fn error_of(source: &Http) -> Error {
    let output = Output::default();
    let run = source.run(&output, CancellationToken::new());
    timeout(LONG, run)
        .await
        .expect("it gives up in time")
        .expect_err("it gives up")
}

/// Runs the source until it has given `count` pictures.
async fn pictures_of(source: &Http, count: usize) -> Vec<Bytes> {
    let output = Output::default();
    let stop = CancellationToken::new();
    let take = async {
        let mut pictures = Vec::new();
        while pictures.len() < count {
            let Image::Jpeg(jpeg) = output.take().await.image else {
                panic!("not a JPEG")
            };
            pictures.push(jpeg.data());
        }
        stop.cancel();
        pictures
    };
    let (result, pictures) = timeout(LONG, async {
        tokio::join!(source.run(&output, stop.clone()), take)
    })
    .await
    .expect("the pictures come in time");
    result.expect("it stops without an error");
    pictures
}

#[test]
fn the_url_is_taken_apart() {
    let http = source("http://us%40er:p%3Aw@cam:81/snap.jpg?a=b&pwd=c#fps=2.5&insecure=true");
    assert_eq!(http.target.url.as_str(), "http://cam:81/snap.jpg?a=b&pwd=c");
    assert_eq!(http.target.login, Some(("us@er".into(), "p:w".into())));
    assert_eq!(http.target.what, "http://cam:81/snap.jpg?a=...&pwd=...");
    assert!(http.target.insecure);
    assert_eq!(
        (http.hint().fps, http.interval()),
        (2.5, Duration::from_millis(400))
    );
    assert_eq!(source("http://cam/").interval(), Duration::from_millis(200));
    for (url, wanted) in [
        ("http://cam/#fps=61", "fps=61 is too often"),
        ("http://cam/#fps=0", "fps=0"),
        ("http://cam/#rate=1", "known are fps, insecure"),
        (
            "http://cam/#insecure=yes",
            "insecure=yes is not true or false",
        ),
        ("http://", "empty host"),
    ] {
        let url = SourceUrl::new(url, BTreeMap::new()).unwrap();
        let error = parse(&url).err().unwrap().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
