//! `POST /api/cameras/{site}/{camera}/keyframe`, `settings` and `controls`: what an operator allows viewers to ask of
//! a camera. Nothing is allowed by default.

mod ask;
mod request;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sightline_proto::{ControlReply, ControlsRequest, KeyframeRequest, Message as _};

use super::{
    App, Error, h264_of, named,
    origin::{self, Origin},
};
use crate::{
    config::Verb,
    directory::Camera,
    metrics::{Control, Refusal},
};
use ask::Kind;
pub(super) use ask::MAX_AT_ONCE;
use request::{Controls, Keyframe, Settings};

/// A key frame of a stream of video, now.
pub(super) async fn keyframe(
    State(app): State<App>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let call = Call::new(&app, &path, &headers, &[Verb::Keyframe])?;
    let wanted: Keyframe = call.body(&headers, body).await?;
    let stream = match wanted.stream {
        Some(stream) if call.camera.may_offer(&stream) => stream,
        Some(stream) => {
            let camera = call.camera.name.to_string();
            return Err(Error::unknown_stream(&camera, stream.as_str()));
        }
        None => h264_of(&call.camera, None)?.stream,
    };
    let request = KeyframeRequest {
        stream: stream.to_string(),
    };
    call.ask(Kind::Keyframe, request.encode_to_vec()).await?;
    Ok(answer(&serde_json::json!({"stream": stream.as_str()})))
}

/// JPEG quality, rate, and size of the source's pictures.
pub(super) async fn settings(
    State(app): State<App>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let some_of = [Verb::Quality, Verb::MaxFps, Verb::Size];
    let call = Call::new(&app, &path, &headers, &some_of)?;
    let settings: Settings = call.body(&headers, body).await?;
    for verb in settings.verbs() {
        call.allow(verb)?;
    }
    let request = settings.request()?.encode_to_vec();
    let now = call.ask(Kind::Settings, request).await?;
    let size = now.width.zip(now.height);
    Ok(answer(&serde_json::json!({
        "quality": now.jpeg_quality,
        "max_fps": now.max_fps,
        "size": size.map(|(width, height)| format!("{width}x{height}")),
    })))
}

/// V4L2 controls by name.
pub(super) async fn controls(
    State(app): State<App>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let call = Call::new(&app, &path, &headers, &[Verb::Controls])?;
    let Controls(controls) = call.body(&headers, body).await?;
    let request = ControlsRequest { controls }.encode_to_vec();
    let now = call.ask(Kind::Controls, request).await?;
    Ok(answer(&serde_json::json!(now.controls)))
}

/// What a browser asks before a page of another origin may send JSON.
pub(super) async fn preflight(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    check_origin(&app, &headers)?;
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"),
    ];
    Ok((StatusCode::NO_CONTENT, allowed).into_response())
}

/// One request that may be made, to a camera that is known.
struct Call<'a> {
    app: &'a App,
    camera: std::sync::Arc<Camera>,
}

impl<'a> Call<'a> {
    /// Refused unless its origin may, and at least one of `verbs` is allowed.
    fn new(
        app: &'a App,
        (site, camera): &(String, String),
        headers: &HeaderMap,
        verbs: &[Verb],
    ) -> Result<Self, Error> {
        check_origin(app, headers)?;
        if !verbs
            .iter()
            .any(|verb| app.config.http.control.contains(verb))
        {
            app.metrics.control(Control::Forbidden).inc();
            return Err(Error::not_allowed(verbs));
        }
        app.refuse_while_draining()?;
        Ok(Self {
            app,
            camera: named(app, site, camera)?,
        })
    }

    fn allow(&self, verb: Verb) -> Result<(), Error> {
        if self.app.config.http.control.contains(&verb) {
            return Ok(());
        }
        self.app.metrics.control(Control::Forbidden).inc();
        Err(Error::not_allowed(&[verb]))
    }

    async fn body<T: request::Body>(&self, headers: &HeaderMap, body: Body) -> Result<T, Error> {
        request::read(headers, body, self.app.config.http.request_timeout()).await
    }

    async fn ask(&self, kind: Kind, request: Vec<u8>) -> Result<ControlReply, Error> {
        let (outcome, result) = ask::ask(self.app, &self.camera, kind, request).await;
        self.app.metrics.control(outcome).inc();
        result
    }
}

fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Error> {
    match origin::of(headers, &app.config.http.allowed_origins) {
        Origin::Own | Origin::Allowed(_) => Ok(()),
        Origin::Foreign(origin) => {
            app.metrics.refused(Refusal::Origin).inc();
            Err(Error::forbidden_origin(
                origin.to_str().unwrap_or("another origin"),
            ))
        }
    }
}

fn answer(json: &serde_json::Value) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    ([(header::CACHE_CONTROL, no_store)], axum::Json(json)).into_response()
}
