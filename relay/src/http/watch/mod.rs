//! `WS /api/watch`: many cameras on one connection. docs/ref/wire.md describes the messages.

mod feeds;
mod talk;
mod watched;

use axum::response::Response;

use super::socket::Opening;
use talk::Watch;

pub(super) async fn upgrade(opening: Opening) -> Response {
    let watch = Watch::new(opening.app.clone());
    opening.converse(watch)
}
