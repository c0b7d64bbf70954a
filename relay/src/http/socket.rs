//! WebSocket connections: who may open one, what it may send, and how it ends. What is said on it is up to
//! each route: a [`Conversation`].

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{
        FromRequestParts,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    http::request::Parts,
    response::Response,
};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use sightline_proto::MAX_FRAME_BYTES;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

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

/// The longest reason that a close frame holds, in bytes: RFC 6455, section 5.5.
const MAX_REASON_BYTES: usize = 123;

/// Why the relay ends a connection: RFC 6455, section 7.4.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// The relay is leaving.
    Restart,
    /// A message could not be read.
    Malformed,
    /// A message was too large.
    TooLarge,
    /// The viewer answers nothing.
    Silent,
    /// What the viewer asks for is not to be had, on a route that has no other way to say so.
    Refused(String),
    /// The viewer has left, or its connection broke.
    Gone,
}

/// What a viewer may say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Text(String),
    Binary(Bytes),
}

/// What is said on a connection.
pub(crate) trait Conversation: Send + 'static {
    /// What a viewer can ask for.
    type Command: Send + 'static;

    /// What a message asks for; `None` if nothing that this relay knows.
    fn read(said: Said) -> Result<Option<Self::Command>, Close>;

    /// Carries out commands and sends what is watched, until there is a reason to end. It sends pings when
    /// they are due.
    fn speak(
        self,
        outlet: &mut Outlet,
        commands: mpsc::Receiver<Self::Command>,
    ) -> impl Future<Output = Close> + Send;
}

/// A request for a WebSocket that may have one.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) app: App,
    place: Held,
    upgrade: WebSocketUpgrade,
}

impl FromRequestParts<App> for Opening {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if let Origin::Foreign(origin) =
            origin::of(&parts.headers, &app.config.http.allowed_origins)
        {
            app.metrics.refused(Refusal::Origin).inc();
            return Err(Error::forbidden_origin(
                origin.to_str().unwrap_or("an unreadable origin"),
            ));
        }
        let upgrade = WebSocketUpgrade::from_request_parts(parts, app)
            .await
            .map_err(|rejection| Error::bad_request(format!("not a WebSocket: {rejection}")))?;
        app.refuse_while_draining()?;
        let place = parts
            .extensions
            .get::<Held>()
            .cloned()
            .ok_or_else(|| Error::internal("a connection without a place"))?;
        Ok(Self {
            app: app.clone(),
            place,
            upgrade,
        })
    }
}

impl Opening {
    /// Takes the connection over. It ends with the conversation, when the viewer leaves, breaks a rule or
    /// is silent for three pings, and when the relay does.
    pub(crate) fn converse<C: Conversation>(self, conversation: C) -> Response {
        let Self {
            app,
            place,
            upgrade,
        } = self;
        let token = app.connections.token();
        upgrade
            .max_message_size(MAX_INBOUND_BYTES)
            .max_frame_size(MAX_INBOUND_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
            .on_upgrade(async move |socket| {
                let ended = app.ended.clone();
                tokio::select! {
                    () = converse(&app, socket, conversation) => {}
                    () = ended.cancelled() => {}
                }
                drop((token, place));
            })
    }
}

async fn converse<C: Conversation>(app: &App, socket: WebSocket, conversation: C) {
    let (sink, mut stream) = socket.split();
    let (commands, queue) = mpsc::channel(COMMANDS);
    let every = app.config.http.ping_interval();
    let mut outlet = Outlet::new(sink, every);
    let reason = tokio::select! {
        reason = listen::<C>(&mut stream, &commands, 3 * every) => reason,
        reason = conversation.speak(&mut outlet, queue) => reason,
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
        if outlet.sink.send(frame).await.is_ok() {
            // Closing before the other side has read all would reset the connection.
            while stream.next().await.is_some_and(|message| message.is_ok()) {}
        }
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Hands on what a viewer asks for until it leaves, breaks a rule, or is silent for `patience`: pings are
/// answered by browsers themselves.
async fn listen<C: Conversation>(
    stream: &mut SplitStream<WebSocket>,
    commands: &mpsc::Sender<C::Command>,
    patience: Duration,
) -> Close {
    loop {
        let message = match tokio::time::timeout(patience, stream.next()).await {
            Err(_) => return Close::Silent,
            Ok(None) => return Close::Gone,
            Ok(Some(Err(error))) => return Close::by(error),
            Ok(Some(Ok(message))) => message,
        };
        let said = match message {
            Message::Binary(bytes) => Said::Binary(bytes),
            Message::Text(text) => Said::Text(text.to_string()),
            Message::Close(_) => return Close::Gone,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        match C::read(said) {
            // Waits while the writer is busy: a viewer that does not read is not read.
            Ok(Some(command)) => {
                if commands.send(command).await.is_err() {
                    return Close::Gone;
                }
            }
            Ok(None) => {}
            Err(reason) => return reason,
        }
    }
}

/// Whether a message has gone to the connection.
pub(crate) type Sent = Result<(), axum::Error>;

/// The way to a viewer. Each message has left the relay's memory before the next one is taken.
#[derive(Debug)]
pub(crate) struct Outlet {
    sink: SplitSink<WebSocket, Message>,
    pings: Interval,
}

impl Outlet {
    fn new(sink: SplitSink<WebSocket, Message>, every: Duration) -> Self {
        let mut pings = interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { sink, pings }
    }

    pub(crate) async fn binary(&mut self, bytes: Bytes) -> Sent {
        self.sink.send(Message::Binary(bytes)).await
    }

    pub(crate) async fn text(&mut self, text: String) -> Sent {
        self.sink.send(Message::Text(text.into())).await
    }

    /// Returns when a ping is to be sent. Cancel safe.
    pub(crate) async fn ping_due(&mut self) {
        self.pings.tick().await;
    }

    pub(crate) async fn ping(&mut self) -> Sent {
        self.sink.send(Message::Ping(Bytes::new())).await
    }
}

impl Close {
    fn frame(self) -> Option<(u16, String)> {
        let (code, text) = match self {
            Close::Restart => (1012, "this relay is shutting down: connect again"),
            Close::Malformed => (1008, "malformed message"),
            Close::TooLarge => (1009, "message too large"),
            Close::Silent => (1008, "no answer to pings"),
            Close::Refused(why) => {
                let fits = |end: &usize| *end <= MAX_REASON_BYTES && why.is_char_boundary(*end);
                let end = (0..=why.len()).rev().find(fits).unwrap_or(0);
                return Some((1008, why[..end].to_owned()));
            }
            Close::Gone => return None,
        };
        Some((code, text.to_owned()))
    }

    fn by(error: axum::Error) -> Self {
        use tokio_tungstenite::tungstenite::Error as Cause;
        match error.into_inner().downcast_ref::<Cause>() {
            Some(Cause::Capacity(_)) => Close::TooLarge,
            Some(Cause::Protocol(_) | Cause::Utf8(_)) => Close::Malformed,
            _ => Close::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_a_close_frame_whatever_it_says() {
        let (code, text) = Close::Refused("é".repeat(200)).frame().unwrap();
        assert_eq!(code, 1008);
        assert_eq!(text, "é".repeat(61));
        let (_, short) = Close::Refused("no".into()).frame().unwrap();
        assert_eq!(short, "no");
    }
}
