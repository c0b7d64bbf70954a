//! `/api/cameras`: what there is to watch, as JSON.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{App, Error, named};
use crate::directory::View;

pub(super) async fn list(State(app): State<App>) -> Result<Response, Error> {
    Ok(answer(all(&app)?))
}

pub(super) async fn one(
    State(app): State<App>,
    Path((site, camera)): Path<(String, String)>,
) -> Result<Response, Error> {
    let camera = named(&app, &site, &camera)?;
    let viewers = app.hub.viewers();
    let viewers = viewers.get(&camera.name).copied().unwrap_or(0);
    Ok(answer(json(&camera.view(viewers))?))
}

/// Every camera, by name, as JSON.
pub(super) fn all(app: &App) -> Result<String, Error> {
    let cameras = app.directory.cameras();
    let viewers = app.hub.viewers();
    json(&All {
        cameras: cameras
            .iter()
            .map(|camera| camera.view(viewers.get(&camera.name).copied().unwrap_or(0)))
            .collect(),
    })
}

#[derive(Serialize)]
struct All<'a> {
    cameras: Vec<View<'a>>,
}

pub(super) fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal(format!("cannot write JSON: {error}")))
}

fn answer(json: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, json).into_response()
}
