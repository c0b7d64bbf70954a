//! What a viewer says.

use std::time::Duration;

use axum::{
    Error,
    extract::ws::{Message, WebSocket},
};
use futures_util::{StreamExt as _, stream::SplitStream};
use sightline_proto::{Message as _, ToRelay, to_relay};
use tokio::sync::mpsc::Sender;

use super::Close;

/// Hands on messages until the viewer leaves, breaks a rule, or is silent for `patience`: pings are
/// answered by browsers themselves.
pub(super) async fn messages(
    stream: &mut SplitStream<WebSocket>,
    commands: &Sender<to_relay::Message>,
    patience: Duration,
) -> Close {
    loop {
        let message = match tokio::time::timeout(patience, stream.next()).await {
            Err(_) => return Close::Silent,
            Ok(None) => return Close::Gone,
            Ok(Some(Err(error))) => return why(error),
            Ok(Some(Ok(message))) => message,
        };
        match message {
            Message::Binary(bytes) => match ToRelay::decode(bytes).map(|m| m.message) {
                // Waits while the writer is busy: a viewer that does not read is not read.
                Ok(Some(message)) => {
                    if commands.send(message).await.is_err() {
                        return Close::Gone;
                    }
                }
                // A kind of message that this relay does not know yet.
                Ok(None) => {}
                Err(_) => return Close::Malformed,
            },
            Message::Text(_) => return Close::Malformed,
            Message::Close(_) => return Close::Gone,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

fn why(error: Error) -> Close {
    use tokio_tungstenite::tungstenite::Error as Cause;
    match error.into_inner().downcast_ref::<Cause>() {
        Some(Cause::Capacity(_)) => Close::TooLarge,
        Some(Cause::Protocol(_) | Cause::Utf8(_)) => Close::Malformed,
        _ => Close::Gone,
    }
}
