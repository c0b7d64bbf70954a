//! flask-video-streaming: `/video_feed`.

use axum::{Router, routing::get};

use super::stream_of;
use crate::http::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/video_feed", get(stream_of))
}
