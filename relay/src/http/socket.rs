//! WebSocket connections: who may open one, what it may send, and how it ends. What is said on it is up to
//! each route: a [`Talk`].
//!
//! tungstenite reads what viewers say and answers pings and goodbyes; what they are shown goes past it, in messages that
//! all viewers share.

mod ear;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::StreamExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    App, Error,
    origin::{self, Origin},
    takeover::{Connection, Takeover},
};
use crate::{
    form::websocket::{self, Kind},
    line::{Advance, Ended, Line, Next, Outbox, Show},
    metrics::Refusal,
};
use ear::Ear;

/// The longest message that a viewer may send.
const MAX_INBOUND_BYTES: usize = 16 << 10;

/// What is read at once: viewers say little.
const READ_BYTES: usize = 1 << 10;

/// Answers that wait for a viewer's socket. When there are so many, nothing more is read.
const MAX_WAITING: usize = 16;

/// How long viewers that were told that the relay is leaving may stay, to go on at another one without a gap; never more
/// than half of the grace period.
const HANDOVER: Duration = Duration::from_secs(2);

/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

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

/// What is said on a connection. None of it waits.
pub(crate) trait Talk: fmt::Debug + Send + 'static {
    /// What a viewer can ask for.
    type Command: Send;

    /// What a message asks for; `None` if nothing that this relay knows.
    fn read(said: Said) -> Result<Option<Self::Command>, Close>;

    /// Comes first. `line` is to be advanced when there is news.
    fn begin(&mut self, line: Weak<dyn Advance>, out: &mut Messages<'_>);

    fn obey(&mut self, command: Self::Command, out: &mut Messages<'_>) -> Result<(), Close>;

    /// Puts out what the viewer is shown next.
    fn next(&mut self, out: &mut Messages<'_>, now: Duration) -> Next;

    /// Tells the viewer that the relay is leaving. Says whether it may stay until it has found another one.
    fn leave(&mut self, _out: &mut Messages<'_>) -> bool {
        false
    }
}

/// Messages to a viewer.
#[derive(Debug)]
pub(crate) struct Messages<'a>(&'a mut Outbox);

impl Messages<'_> {
    /// A message as it goes over the wire, head and all.
    pub(crate) fn ready(&mut self, message: Bytes) {
        self.0.push(message);
    }

    /// A binary message of these pieces.
    pub(crate) fn binary<const N: usize>(&mut self, pieces: [Bytes; N]) {
        let len_bytes = pieces.iter().map(Bytes::len).sum();
        self.0.push(websocket::head(Kind::Binary, len_bytes));
        pieces.into_iter().for_each(|piece| self.0.push(piece));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.0
            .push(websocket::frame(Kind::Text, text.len(), |bytes| {
                bytes.extend_from_slice(text.as_bytes());
            }));
    }

    fn ping(&mut self) {
        self.0.push(websocket::frame(Kind::Ping, 0, |_| {}));
    }
}

/// A talk and its end.
#[derive(Debug)]
struct Speaker<T> {
    talk: T,
    close: Option<Close>,
}

impl<T: Talk> Show for Speaker<T> {
    fn attach(&mut self, _: Weak<dyn Advance>) {}

    fn next(&mut self, out: &mut Outbox, now: Duration) -> Next {
        match self.close.take() {
            None => self.talk.next(&mut Messages(out), now),
            Some(close) => {
                if let Some((code, reason)) = close.frame() {
                    out.push(websocket::close(code, &reason));
                }
                Next::End
            }
        }
    }
}

/// A request for a WebSocket that may have one.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) app: App,
    /// For the answer: RFC 6455, section 4.2.2.
    accept: HeaderValue,
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
        let accept = accept(&parts.method, &parts.headers)
            .map_err(|why| Error::bad_request(format!("not a WebSocket: {why}")))?;
        app.refuse_while_draining()?;
        Ok(Self {
            app: app.clone(),
            accept,
        })
    }
}

/// The answer to the key of a request, or why it is none for a WebSocket: RFC 6455, section 4.2.1.
fn accept(method: &Method, headers: &HeaderMap) -> Result<HeaderValue, String> {
    if method != Method::GET {
        return Err(format!("the method is {method}, not GET"));
    }
    require(headers, &header::CONNECTION, "upgrade")?;
    require(headers, &header::UPGRADE, "websocket")?;
    require(headers, &header::SEC_WEBSOCKET_VERSION, "13")?;
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .ok_or("header sec-websocket-key is missing")?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|error| error.to_string())
}

/// That a header lists `word`.
fn require(headers: &HeaderMap, name: &HeaderName, word: &str) -> Result<(), String> {
    let is_listed = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(word));
    if is_listed {
        Ok(())
    } else {
        Err(format!("header {name} does not say {word}"))
    }
}

impl Opening {
    /// Takes the connection over. It ends with the talk, when the viewer leaves, breaks a rule or is silent for three
    /// pings, and when the relay does.
    pub(crate) fn converse<T: Talk>(self, talk: T) -> Response {
        let Self { app, accept } = self;
        let headers = HeaderMap::from_iter([
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ]);
        let takeover = Takeover::new(false, async move |connection| {
            converse(&app, connection, talk).await;
        });
        takeover.respond(StatusCode::SWITCHING_PROTOCOLS, headers)
    }
}

async fn converse<T: Talk>(app: &App, connection: Connection, talk: T) {
    let speaker = Speaker { talk, close: None };
    let line = Line::start(connection.stream, app.clock, speaker);
    let news: Weak<Line<Speaker<T>>> = Arc::downgrade(&line);
    line.with(|speaker, out| {
        out.push(connection.head);
        speaker.talk.begin(news, &mut Messages(out));
    });
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_INBOUND_BYTES)
        .max_message_size(Some(MAX_INBOUND_BYTES))
        .max_frame_size(Some(MAX_INBOUND_BYTES));
    let mut heard = WebSocketStream::from_partially_read(
        Ear::new(line.clone()),
        connection.leftover.to_vec(),
        Role::Server,
        Some(config),
    )
    .await;
    let ended = line.attend(app.config.http.stall_timeout());
    tokio::pin!(ended);
    let reason = tokio::select! {
        ended = &mut ended => {
            if ended == Ended::Stalled {
                app.metrics.refused(Refusal::Stalled).inc();
            }
            return;
        }
        reason = listen(&line, &mut heard, app.config.http.ping_interval()) => reason,
        () = leave(app, &line) => Close::Restart,
    };
    if reason == Close::Gone {
        return;
    }
    line.with(|speaker, _| speaker.close = Some(reason));
    let goodbye = async {
        if ended.await == Ended::Done {
            // Closing before the other side has read all would reset the connection.
            while heard.next().await.is_some_and(|message| message.is_ok()) {}
        }
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Waits until the relay is leaving and the viewer had the time to find another one.
async fn leave<T: Talk>(app: &App, line: &Line<Speaker<T>>) {
    app.draining.cancelled().await;
    if line.with(|speaker, out| speaker.talk.leave(&mut Messages(out))) {
        let grace = Duration::from_millis(app.config.drain_ms);
        tokio::time::sleep(HANDOVER.min(grace / 2)).await;
    }
}

/// Does what a viewer asks for until it leaves, breaks a rule, or is silent for three pings: those are answered by
/// browsers themselves.
async fn listen<T: Talk>(
    line: &Arc<Line<Speaker<T>>>,
    heard: &mut WebSocketStream<Ear<Speaker<T>>>,
    every: Duration,
) -> Close {
    let mut pings = interval_at(Instant::now() + every, every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent_since = Instant::now();
    loop {
        // A viewer that takes no answers is not listened to.
        while line.with(|_, out| out.len()) > MAX_WAITING {
            if line.socket().writable().await.is_err() {
                return Close::Gone;
            }
            tokio::task::yield_now().await;
            silent_since = Instant::now();
        }
        let message = tokio::select! {
            message = heard.next() => message,
            () = tokio::time::sleep_until(silent_since + 3 * every) => return Close::Silent,
            _ = pings.tick() => {
                line.with(|_, out| Messages(out).ping());
                continue;
            }
        };
        silent_since = Instant::now();
        let said = match message {
            None => return Close::Gone,
            Some(Err(error)) => return Close::by(&error),
            Some(Ok(Message::Binary(bytes))) => Said::Binary(bytes),
            Some(Ok(Message::Text(text))) => Said::Text(text.to_string()),
            Some(Ok(Message::Close(_))) => return Close::Gone,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
        };
        let obeyed = T::read(said).and_then(|command| {
            command.map_or(Ok(()), |command| {
                line.with(|speaker, out| speaker.talk.obey(command, &mut Messages(out)))
            })
        });
        if let Err(reason) = obeyed {
            return reason;
        }
    }
}

impl Close {
    fn frame(self) -> Option<(u16, String)> {
        let (code, text) = match self {
            Close::Restart => (1012, "this relay is shutting down: connect again"),
            Close::Malformed => (1008, "malformed message"),
            Close::TooLarge => (1009, "message too large"),
            Close::Silent => (1008, "no answer to pings"),
            Close::Refused(why) => return Some((1008, why)),
            Close::Gone => return None,
        };
        Some((code, text.to_owned()))
    }

    fn by(error: &tungstenite::Error) -> Self {
        use tungstenite::Error as Cause;
        match error {
            Cause::Capacity(_) => Close::TooLarge,
            Cause::Protocol(_) | Cause::Utf8(_) => Close::Malformed,
            _ => Close::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    const UPGRADE: [(HeaderName, &str); 4] = [
        (header::CONNECTION, "keep-alive, Upgrade"),
        (header::UPGRADE, "WebSocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_example_of_the_standard_is_accepted() {
        let accept = accept(&Method::GET, &headers(&UPGRADE)).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_header_that_is_missing_is_named() {
        for (name, _) in &UPGRADE {
            let mut headers = headers(&UPGRADE);
            headers.remove(name);
            let why = accept(&Method::GET, &headers).unwrap_err();
            assert!(why.contains(name.as_str()), "{why}");
        }
        assert!(accept(&Method::POST, &headers(&UPGRADE)).is_err());
    }
}
