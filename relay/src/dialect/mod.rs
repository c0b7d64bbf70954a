//! The paths of other servers, so that their clients work unchanged. Each maps onto the handlers of
//! `http`; none knows another.

mod flask;
mod go2rtc;
pub(crate) mod mjpg_streamer;
mod ustreamer;

use axum::Router;

use crate::http::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(ustreamer::routes())
        .merge(go2rtc::routes())
        .merge(flask::routes())
}
