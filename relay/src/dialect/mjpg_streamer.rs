//! mjpg-streamer: `/?action=stream` and `/?action=snapshot`.
//!
//! The action is matched by prefix: `_0` names an input plugin, and OpenCV's users send
//! `/?action=stream?dummy=param.mjpg`, because OpenCV goes by the end of the URL.

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, Method},
    response::Response,
};

use super::asked;
use crate::http::{App, Error, snapshot, stream, wall};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Stream,
    Snapshot,
}

/// `/`: the wall, unless the query asks for an action.
pub(crate) async fn root(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let query = query.as_deref();
    let Some(action) = action(query) else {
        return Ok(wall(&app, &headers));
    };
    let (params, camera) = asked(&app, query)?;
    match action {
        Action::Stream => stream(&app, &camera, &params, &method),
        Action::Snapshot => snapshot(&app, &camera).await,
    }
}

fn action(query: Option<&str>) -> Option<Action> {
    let action = query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("action="))?;
    if action.starts_with("stream") {
        Some(Action::Stream)
    } else if action.starts_with("snapshot") {
        Some(Action::Snapshot)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_action_is_matched_by_prefix() {
        for (query, wanted) in [
            (Some("action=stream"), Some(Action::Stream)),
            (Some("action=stream_0"), Some(Action::Stream)),
            (Some("action=stream?dummy=param.mjpg"), Some(Action::Stream)),
            (Some("src=gate&action=snapshot&n=1"), Some(Action::Snapshot)),
            (Some("action=snapshot_0"), Some(Action::Snapshot)),
            (Some("action=command"), None),
            (Some("site=farm"), None),
            (None, None),
        ] {
            assert_eq!(action(query), wanted, "{query:?}");
        }
    }
}
