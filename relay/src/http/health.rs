//! Liveness, readiness and metrics.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use sightline_bus::Link;

use super::{App, Error};
use crate::metrics::CONTENT_TYPE;

pub(super) async fn live() -> &'static str {
    "ok"
}

pub(super) async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    app.refuse_while_draining()?;
    match &*app.link.borrow() {
        Link::Up => Ok("ready"),
        Link::Down(reason) => Err(Error::not_ready(reason.clone())),
    }
}

pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Error> {
    let text = app
        .metrics
        .text()
        .map_err(|error| Error::internal(format!("cannot write the metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
