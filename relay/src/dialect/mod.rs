//! The paths of other servers, so that their clients work unchanged. Each maps onto the handlers of
//! `http`; none knows another.

mod flask;
mod go2rtc;
pub(crate) mod mjpg_streamer;
mod ustreamer;
mod wfs;

use std::sync::Arc;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::Method,
    response::Response,
};

use crate::{
    directory::Camera,
    http::{App, Error, Params, resolve, snapshot, stream},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(ustreamer::routes())
        .merge(go2rtc::routes())
        .merge(flask::routes())
        .merge(wfs::routes())
}

/// What a query asks for, and the camera that its `src` names.
fn asked(app: &App, query: Option<&str>) -> Result<(Params, Arc<Camera>), Error> {
    let params = Params::parse(query)?;
    let camera = resolve(app, params.src.as_deref())?;
    Ok((params, camera))
}

/// Multipart JPEG of the camera that `src` names.
async fn stream_of(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Result<Response, Error> {
    let (params, camera) = asked(&app, query.as_deref())?;
    stream(&app, &camera, &params, &method)
}

/// One JPEG of the camera that `src` names.
async fn snapshot_of(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let (_, camera) = asked(&app, query.as_deref())?;
    snapshot(&app, &camera).await
}
