//! `/api/events`: cameras as they come, change and go, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, Method, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{App, Error, cameras};
use crate::directory::Change;

/// A comment is sent after so much silence: proxies cut silent connections.
const COMMENT_AFTER: Duration = Duration::from_secs(10);

pub(super) async fn follow(State(app): State<App>, method: Method) -> Result<Response, Error> {
    app.refuse_while_draining()?;
    let events = Events {
        changes: app.directory.follow(),
        started: false,
        app,
    };
    let body = if method == Method::HEAD {
        Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
    } else {
        Body::from_stream(stream::unfold(events, async |mut events| {
            let event = events.next().await?;
            Some((Ok::<_, Infallible>(event), events))
        }))
    };
    Ok((
        [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ],
        body,
    )
        .into_response())
}

struct Events {
    app: App,
    changes: Receiver<Change>,
    started: bool,
}

impl Events {
    async fn next(&mut self) -> Option<Bytes> {
        if !self.started {
            self.started = true;
            return Some(self.list());
        }
        tokio::select! {
            biased;
            () = self.app.draining.cancelled() => None,
            change = self.changes.recv() => match change {
                Ok(Change::Camera(camera)) => {
                    let viewers = self.app.hub.viewers();
                    let viewers = viewers.get(&camera.name).copied().unwrap_or(0);
                    Some(event("camera", cameras::json(&camera.view(viewers))))
                }
                // Too slow for the changes: the list says it all.
                Ok(Change::List) | Err(RecvError::Lagged(_)) => Some(self.list()),
                Err(RecvError::Closed) => None,
            },
            () = tokio::time::sleep(COMMENT_AFTER) => Some(Bytes::from_static(b":\n\n")),
        }
    }

    fn list(&self) -> Bytes {
        event("cameras", cameras::all(&self.app))
    }
}

/// JSON as it is written here has no line ends, so that one `data` line holds it. Without JSON it is a
/// comment.
fn event(name: &str, data: Result<String, Error>) -> Bytes {
    data.map_or_else(
        |_| Bytes::from_static(b":\n\n"),
        |data| format!("event: {name}\ndata: {data}\n\n").into(),
    )
}
