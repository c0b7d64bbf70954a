//! Which camera a request is about.

use std::sync::Arc;

use sightline_proto::{CameraName, JPEG, Token};

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
pub(super) fn jpeg_of(camera: &Camera) -> Result<StreamName, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use sightline_proto::Announce;

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
