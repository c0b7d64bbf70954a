//! Which camera a request is about.

use std::sync::Arc;

use sightline_proto::{CameraName, Codec, H264, JPEG, Token};

use super::{App, Error};
use crate::{directory::Camera, hub::StreamName};

/// The camera that a path names.
pub(crate) fn named(app: &App, site: &str, camera: &str) -> Result<Arc<Camera>, Error> {
    let text = format!("{site}/{camera}");
    text.parse()
        .ok()
        .and_then(|name: CameraName| app.directory.get(&name))
        .ok_or_else(|| Error::unknown_camera(&text))
}

/// The camera that `src` names: `site/camera`, or the camera alone where no other site has one of that
/// name. Without `src`, the first camera by name.
pub(crate) fn resolve(app: &App, src: Option<&str>) -> Result<Arc<Camera>, Error> {
    choose(&app.directory.cameras(), src)
}

fn choose(cameras: &[Arc<Camera>], src: Option<&str>) -> Result<Arc<Camera>, Error> {
    let Some(src) = src else {
        return cameras.first().cloned().ok_or_else(Error::no_camera);
    };
    let mut matching = cameras.iter().filter(|camera| {
        let name = &camera.name;
        match src.split_once('/') {
            Some((site, camera)) => {
                (name.site().as_str(), name.camera().as_str()) == (site, camera)
            }
            None => name.camera().as_str() == src,
        }
    });
    match (matching.next(), matching.next()) {
        (Some(camera), None) => Ok(camera.clone()),
        (Some(one), Some(other)) => Err(Error::bad_request(format!(
            "src is ambiguous: {} or {}?",
            one.name, other.name
        ))),
        (None, _) => Err(Error::unknown_camera(src)),
    }
}

/// The stream of pictures of a camera.
pub(crate) fn jpeg_of(camera: &Camera) -> Result<StreamName, Error> {
    let stream: Token = JPEG
        .parse()
        .map_err(|_| Error::internal("no stream name"))?;
    if !camera.may_offer(&stream) {
        return Err(Error::unknown_stream(&camera.name.to_string(), JPEG));
    }
    Ok(StreamName {
        camera: camera.name.clone(),
        stream,
    })
}

/// The stream of H.264 of a camera that `wanted` names; without a name `h264`, or else the first of its kind.
pub(crate) fn h264_of(camera: &Camera, wanted: Option<&Token>) -> Result<StreamName, Error> {
    let usual: Token = H264
        .parse()
        .map_err(|_| Error::internal("no stream name"))?;
    let found = match wanted {
        Some(name) => camera.offer(name),
        None => [camera.offer(&usual)]
            .into_iter()
            .flatten()
            .chain(&camera.streams)
            .find(|offer| offer.codec == Codec::H264),
    };
    let stream = match found {
        Some(offer) if !matches!(offer.codec, Codec::H264 | Codec::Unspecified) => {
            return Err(Error::unplayable(format!(
                "stream {} of camera {} is {}, and this route carries H.264 alone; {}",
                offer.name,
                camera.name,
                offer.codec.word(),
                offered(camera)
            )));
        }
        Some(offer) => offer.name.clone(),
        None if camera.streams.is_empty() => wanted.cloned().unwrap_or(usual),
        None => {
            return Err(Error::no_stream(format!(
                "camera {} offers no stream {}; {}",
                camera.name,
                wanted.map_or("of H.264".to_owned(), |name| format!("{:?}", name.as_str())),
                offered(camera)
            )));
        }
    };
    Ok(StreamName {
        camera: camera.name.clone(),
        stream,
    })
}

/// The streams of a camera, in words.
fn offered(camera: &Camera) -> String {
    let streams: Vec<_> = camera
        .streams
        .iter()
        .map(|offer| format!("{} ({})", offer.name, offer.codec.word()))
        .collect();
    format!("it offers {}", streams.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use sightline_proto::{Announce, Stream};

    fn cameras(names: &[&str]) -> Vec<Arc<Camera>> {
        names
            .iter()
            .map(|name| {
                Arc::new(Camera::announced(
                    name.parse().unwrap(),
                    &Announce::default(),
                    0,
                ))
            })
            .collect()
    }

    fn chosen(names: &[&str], src: Option<&str>) -> Result<String, StatusCode> {
        choose(&cameras(names), src)
            .map(|camera| camera.name.to_string())
            .map_err(|error| error.status())
    }

    fn h264(streams: &[(&str, Codec)], wanted: Option<&str>) -> Result<String, String> {
        let announce = Announce {
            streams: streams
                .iter()
                .map(|(name, codec)| Stream {
                    name: (*name).into(),
                    codec: (*codec).into(),
                    ..Stream::default()
                })
                .collect(),
            ..Announce::default()
        };
        let camera = Camera::announced("farm/gate".parse().unwrap(), &announce, 0);
        let wanted = wanted.map(|name| name.parse().unwrap());
        h264_of(&camera, wanted.as_ref())
            .map(|name| name.stream.to_string())
            .map_err(|error| error.json()["error"].to_string())
    }

    #[test]
    fn the_stream_of_h264_is_the_one_that_is_named_or_the_first_of_its_kind() {
        let all = [
            ("jpeg", Codec::Jpeg),
            ("sub", Codec::H264),
            ("h264", Codec::H264),
        ];
        assert_eq!(h264(&all, None).unwrap(), "h264");
        assert_eq!(h264(&all, Some("sub")).unwrap(), "sub");
        assert_eq!(h264(&all[..2], None).unwrap(), "sub");
        assert_eq!(h264(&[], None).unwrap(), "h264");
        assert_eq!(h264(&[], Some("sub")).unwrap(), "sub");
    }

    #[test]
    fn what_this_route_cannot_carry_is_refused_in_words() {
        let all = [("jpeg", Codec::Jpeg), ("h265", Codec::H265)];
        let refused = h264(&all, Some("h265")).unwrap_err();
        assert!(
            refused.contains("unplayable_stream") && refused.contains("is h265"),
            "{refused}"
        );
        let refused = h264(&all, None).unwrap_err();
        assert!(refused.contains("unknown_stream"), "{refused}");
        assert!(
            refused.contains("it offers jpeg (jpeg), h265 (h265)"),
            "{refused}"
        );
        let refused = h264(&all, Some("sub")).unwrap_err();
        assert!(refused.contains("no stream \\\"sub\\\""), "{refused}");
    }

    #[test]
    fn src_is_a_whole_name_or_an_unambiguous_camera() {
        let all = ["barn/gate", "farm/door", "farm/gate"];
        assert_eq!(chosen(&all, Some("farm/gate")).unwrap(), "farm/gate");
        assert_eq!(chosen(&all, Some("door")).unwrap(), "farm/door");
        assert_eq!(chosen(&all, None).unwrap(), "barn/gate");
        assert_eq!(chosen(&all, Some("gate")), Err(StatusCode::BAD_REQUEST));
        assert_eq!(chosen(&all, Some("shed")), Err(StatusCode::NOT_FOUND));
        assert_eq!(chosen(&all, Some("")), Err(StatusCode::NOT_FOUND));
        assert_eq!(chosen(&[], None), Err(StatusCode::NOT_FOUND));
    }
}
