//! Bodies of requests: JSON, small, and nothing in it that is not known.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::{Body as Stream, to_bytes},
    http::{HeaderMap, header},
};
use serde::{Deserialize, de::DeserializeOwned};
use sightline_proto::{SettingsRequest, Token};

use super::super::Error;
use crate::config::Verb;

/// The longest body: a request with every control of a camera has a tenth of it.
const MAX_BODY_BYTES: usize = 16 << 10;

/// `{"stream": "h264"}`; without one, that of the camera's video.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GivenKeyframe {
    stream: Option<String>,
}

/// Which stream is to begin anew.
#[derive(Debug, PartialEq)]
pub(super) struct Keyframe {
    pub(super) stream: Option<Token>,
}

/// `{"quality": 60, "max_fps": 5, "size": "640x360"}`: what is absent stays.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    quality: Option<u32>,
    max_fps: Option<f32>,
    size: Option<String>,
}

/// `{"brightness": 128}`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub(super) struct Controls(pub(super) BTreeMap<String, i64>);

/// What a body is read into.
pub(super) trait Body: Sized {
    type Given: DeserializeOwned;

    /// Whether there may be no body at all.
    const MAY_BE_ABSENT: bool;

    fn check(given: Self::Given) -> Result<Self, Error>;
}

impl Body for Keyframe {
    type Given = GivenKeyframe;
    const MAY_BE_ABSENT: bool = true;

    fn check(given: GivenKeyframe) -> Result<Self, Error> {
        let stream = given.stream.map(|stream| stream.parse::<Token>());
        let stream = stream
            .transpose()
            .map_err(|error| Error::bad_request(format!("stream: {error}")))?;
        Ok(Self { stream })
    }
}

impl Body for Settings {
    type Given = Self;
    const MAY_BE_ABSENT: bool = false;

    fn check(given: Self) -> Result<Self, Error> {
        if given == Self::default() {
            return Err(Error::bad_request(
                "nothing is to be changed: give quality, max_fps or size",
            ));
        }
        Ok(given)
    }
}

impl Body for Controls {
    type Given = Self;
    const MAY_BE_ABSENT: bool = false;

    fn check(given: Self) -> Result<Self, Error> {
        if given.0.is_empty() {
            return Err(Error::bad_request(
                "no control is to be set: give some as {\"brightness\": 128}",
            ));
        }
        Ok(given)
    }
}

impl Settings {
    /// What has to be allowed for it.
    pub(super) fn verbs(&self) -> impl Iterator<Item = Verb> {
        [
            self.quality.is_some().then_some(Verb::Quality),
            self.max_fps.is_some().then_some(Verb::MaxFps),
            self.size.is_some().then_some(Verb::Size),
        ]
        .into_iter()
        .flatten()
    }

    pub(super) fn request(&self) -> Result<SettingsRequest, Error> {
        let size = self.size.as_deref().map(|text| {
            let sides = text.split_once('x');
            let sides = sides.and_then(|(width, height)| {
                Some((width.parse::<u32>().ok()?, height.parse::<u32>().ok()?))
            });
            sides.ok_or_else(|| {
                Error::bad_request("size: use <width>x<height>, for example \"640x360\"")
            })
        });
        let (width, height) = size.transpose()?.unzip();
        Ok(SettingsRequest {
            jpeg_quality: self.quality,
            max_fps: self.max_fps,
            width,
            height,
        })
    }
}

/// Reads a whole body, at most for `wait`. Only what says that it is JSON is read: a browser lets no page of another
/// origin send that without asking first.
pub(super) async fn read<T: Body>(
    headers: &HeaderMap,
    body: Stream,
    wait: Duration,
) -> Result<T, Error> {
    let bytes = tokio::time::timeout(wait, to_bytes(body, MAX_BODY_BYTES))
        .await
        .map_err(|_| Error::slow_body(wait))?
        .map_err(|_| Error::large_body(MAX_BODY_BYTES))?;
    if bytes.is_empty() && T::MAY_BE_ABSENT {
        return parse(b"{}");
    }
    if !is_json(headers) {
        return Err(Error::no_json());
    }
    parse(&bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE);
    let text = given.and_then(|value| value.to_str().ok());
    text.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

fn parse<T: Body>(bytes: &[u8]) -> Result<T, Error> {
    let given = serde_json::from_slice(bytes)
        .map_err(|error| Error::bad_request(format!("the body: {error}")))?;
    T::check(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    const WAIT: Duration = Duration::from_secs(5);

    async fn read_json<T: Body>(text: &str) -> Result<T, Error> {
        let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
        read(&headers.into_iter().collect(), text.to_owned().into(), WAIT).await
    }

    #[tokio::test]
    async fn what_is_asked_for_comes_out_of_json() {
        let all = r#"{"quality": 60, "max_fps": 2.5, "size": "640x360"}"#;
        let settings: Settings = read_json(all).await.unwrap();
        assert_eq!(
            settings.verbs().collect::<Vec<_>>(),
            [Verb::Quality, Verb::MaxFps, Verb::Size]
        );
        let request = settings.request().unwrap();
        assert_eq!(
            (request.jpeg_quality, request.max_fps),
            (Some(60), Some(2.5))
        );
        assert_eq!((request.width, request.height), (Some(640), Some(360)));
        let settings: Settings = read_json(r#"{"max_fps": 0}"#).await.unwrap();
        assert_eq!(settings.verbs().collect::<Vec<_>>(), [Verb::MaxFps]);
        let keyframe: Keyframe = read_json(r#"{"stream": "sub"}"#).await.unwrap();
        assert_eq!(keyframe.stream.unwrap().as_str(), "sub");
        let Controls(controls) = read_json(r#"{"gain": -3}"#).await.unwrap();
        assert_eq!(controls["gain"], -3);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        async fn refused<T: Body>(text: &str) -> String {
            let error = read_json::<T>(text).await.err().unwrap();
            assert_eq!(error.status(), StatusCode::BAD_REQUEST);
            error.message().to_owned()
        }
        assert!(
            refused::<Settings>("{}")
                .await
                .contains("nothing is to be changed")
        );
        assert!(refused::<Settings>("").await.contains("EOF"));
        assert!(refused::<Settings>(r#"{"fps": 1}"#).await.contains("`fps`"));
        assert!(
            refused::<Keyframe>(r#"{"stream": "A B"}"#)
                .await
                .contains("stream: ")
        );
        assert!(refused::<Controls>("{}").await.contains("brightness"));
        assert!(
            refused::<Controls>(r#"{"gain": 1.5}"#)
                .await
                .contains("the body: ")
        );
        for size in ["640", "640x", "x", "axb", "-1x1", "1x1x1"] {
            let settings: Settings = read_json(&format!(r#"{{"size": "{size}"}}"#))
                .await
                .unwrap();
            assert!(settings.request().is_err(), "{size}");
        }
    }

    #[tokio::test]
    async fn only_json_of_a_bounded_size_is_read() {
        let long = format!("{{\"stream\": \"{}\"}}", "x".repeat(MAX_BODY_BYTES));
        let error = read_json::<Keyframe>(&long).await.err().unwrap();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let form = HeaderMap::from_iter([(header::CONTENT_TYPE, "text/plain".parse().unwrap())]);
        let error = read::<Keyframe>(&form, "{}".into(), WAIT)
            .await
            .err()
            .unwrap();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let nothing = read::<Keyframe>(&HeaderMap::new(), Stream::empty(), WAIT).await;
        assert_eq!(nothing.unwrap(), Keyframe { stream: None });
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let never = Stream::from_stream(futures_util::stream::pending::<
            Result<bytes::Bytes, std::io::Error>,
        >());
        let error = read::<Keyframe>(&HeaderMap::new(), never, WAIT)
            .await
            .err()
            .unwrap();
        assert_eq!(error.status(), StatusCode::REQUEST_TIMEOUT);
    }
}
