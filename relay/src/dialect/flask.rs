//! flask-video-streaming: `/video_feed`.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::Method,
    response::Response,
    routing::get,
};

use crate::http::{App, Error, Params, resolve, stream};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/video_feed", get(video_feed))
}

async fn video_feed(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Result<Response, Error> {
    let params = Params::parse(query.as_deref())?;
    let camera = resolve(&app, params.src.as_deref())?;
    stream(&app, &camera, &params, &method)
}
