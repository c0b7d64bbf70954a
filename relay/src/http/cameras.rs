//! `/api/cameras`: what there is to watch, as JSON.

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{App, Error, named};

pub(super) async fn list(State(app): State<App>) -> Response {
    no_store(all(&app))
}

pub(super) async fn one(
    State(app): State<App>,
    Path((site, camera)): Path<(String, String)>,
) -> Result<Response, Error> {
    let camera = named(&app, &site, &camera)?;
    let viewers = app.hub.viewers();
    let view = camera.view(viewers.get(&camera.name).copied().unwrap_or(0));
    Ok(no_store(json!(view)))
}

/// Every camera, by name.
pub(super) fn all(app: &App) -> Value {
    let cameras = app.directory.cameras();
    let viewers = app.hub.viewers();
    let views: Vec<_> = cameras
        .iter()
        .map(|camera| camera.view(viewers.get(&camera.name).copied().unwrap_or(0)))
        .collect();
    json!({ "cameras": views })
}

fn no_store(value: Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(value)).into_response()
}
