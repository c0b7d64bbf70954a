//! `WS /api/watch`: many cameras on one connection. docs/ref/wire.md describes the messages.

mod feeds;
mod read;
mod write;

use std::time::Duration;

use axum::{
    Extension,
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
        },
    },
    http::HeaderMap,
    response::Response,
};
use futures_util::{SinkExt as _, StreamExt as _};
use sightline_proto::MAX_FRAME_BYTES;
use tokio::sync::mpsc;

use super::{
    App, Error,
    origin::{self, Origin},
    server::Held,
};
use crate::metrics::Refusal;

/// The longest message that a viewer may send.
const MAX_INBOUND_BYTES: usize = 16 << 10;

/// One frame in its largest form, and a little. Each message is flushed before the next one is
/// written, so it is never reached.
const MAX_WRITE_BUFFER_BYTES: usize = MAX_FRAME_BYTES + (64 << 10);

/// Messages from a viewer that wait to be carried out. When it is full, no more are read.
const COMMANDS: usize = 16;

/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why the relay ends a connection: RFC 6455, section 7.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// The relay is leaving.
    Restart,
    /// A message could not be read.
    Malformed,
    /// A message was too large.
    TooLarge,
    /// The viewer answers nothing.
    Silent,
    /// The viewer has left, or its connection broke.
    Gone,
}

pub(super) async fn upgrade(
    State(app): State<App>,
    Extension(place): Extension<Held>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    if let Origin::Foreign(origin) = origin::of(&headers, &app.config.http.allowed_origins) {
        app.metrics.refused(Refusal::Origin).inc();
        return Err(Error::forbidden_origin(
            origin.to_str().unwrap_or("an unreadable origin"),
        ));
    }
    let socket =
        socket.map_err(|rejection| Error::bad_request(format!("not a WebSocket: {rejection}")))?;
    app.refuse_while_draining()?;
    let token = app.connections.token();
    Ok(socket
        .max_message_size(MAX_INBOUND_BYTES)
        .max_frame_size(MAX_INBOUND_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .on_upgrade(async move |socket| {
            run(app, socket).await;
            drop((token, place));
        }))
}

async fn run(app: App, socket: WebSocket) {
    let ended = app.ended.clone();
    tokio::select! {
        () = converse(app, socket) => {}
        () = ended.cancelled() => {}
    }
}

async fn converse(app: App, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (commands, queue) = mpsc::channel(COMMANDS);
    let reason = tokio::select! {
        reason = read::messages(&mut stream, &commands, 3 * app.config.http.ping_interval()) => reason,
        reason = write::messages(&app, &mut sink, queue) => reason,
        () = app.draining.cancelled() => Close::Restart,
    };
    let Some((code, text)) = reason.frame() else {
        return;
    };
    let frame = Message::Close(Some(CloseFrame {
        code,
        reason: text.into(),
    }));
    let goodbye = async {
        if sink.send(frame).await.is_ok() {
            // Closing before the other side has read all would reset the connection.
            while stream.next().await.is_some_and(|message| message.is_ok()) {}
        }
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

impl Close {
    fn frame(self) -> Option<(u16, &'static str)> {
        match self {
            Close::Restart => Some((1012, "this relay is shutting down: connect again")),
            Close::Malformed => Some((1008, "malformed message")),
            Close::TooLarge => Some((1009, "message too large")),
            Close::Silent => Some((1008, "no answer to pings")),
            Close::Gone => None,
        }
    }
}
