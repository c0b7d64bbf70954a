//! go2rtc: `/api/ws?src=`, `/api/stream.mp4?src=`, `/api/stream.mjpeg?src=`, `/api/frame.jpeg?src=` and
//! `/api/streams`.

mod message;
mod ws;

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::Method,
    response::Response,
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{asked, snapshot_of, stream_of};
use crate::http::{App, Error, Params, mp4, resolve};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/ws", get(ws::upgrade))
        .route("/api/stream.mp4", get(file_of))
        .route("/api/stream.mjpeg", get(stream_of))
        .route("/api/frame.jpeg", get(snapshot_of))
        .route("/api/streams", get(streams))
}

/// A file of the camera that `src` names.
async fn file_of(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Result<Response, Error> {
    let (params, camera) = asked(&app, query.as_deref())?;
    mp4(&app, camera, params, &method).await
}

/// Each camera by the name that `src` takes, with a producer while it is online. With `src`, that
/// camera's entry alone, as go2rtc does.
async fn streams(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Error> {
    let params = Params::parse(query.as_deref())?;
    let viewers = app.hub.viewers();
    let entry = |camera: &crate::directory::Camera| {
        let consumers = viewers.get(&camera.name).copied().unwrap_or(0);
        let producers = if camera.online {
            vec![json!({"type": "sightline", "url": format!("{}:{}", camera.source, camera.name)})]
        } else {
            Vec::new()
        };
        json!({
            "producers": producers,
            "consumers": vec![json!({"type": "sightline"}); consumers],
        })
    };
    if let Some(src) = params.src.as_deref() {
        return Ok(Json(entry(&*resolve(&app, Some(src))?)));
    }
    let all: Map<String, Value> = app
        .directory
        .cameras()
        .iter()
        .map(|camera| (camera.name.to_string(), entry(camera)))
        .collect();
    Ok(Json(Value::Object(all)))
}
