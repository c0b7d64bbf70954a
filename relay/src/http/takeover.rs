//! Answers without an end, which take their connection from hyper: frames go to the socket itself.

use std::{
    fmt,
    fmt::Write as _,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use hyper::{HeaderMap, Version, http::response::Parts};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::App;
use crate::{
    line::{Ended, Line, Show},
    metrics::Refusal,
};

/// What a client may send after its request, which nobody reads.
const MAX_IGNORED_BYTES: usize = 64 << 10;

/// A connection whose request was read, and not answered yet.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    /// The status and the headers, to be sent first.
    pub(crate) head: Bytes,
    /// What was read beyond the request.
    pub(crate) leftover: Bytes,
    /// The body goes in chunks. Otherwise it ends with the connection.
    pub(crate) is_chunked: bool,
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = Box<dyn FnOnce(Connection) -> Serving + Send>;

/// Serves a connection once the request is answered by it: an extension of a [`Response`], whose body is not
/// sent.
#[derive(Clone)]
pub(crate) struct Takeover {
    /// Extensions are cloned; the one who serves takes it out.
    serve: Arc<Mutex<Option<Serve>>>,
    may_be_chunked: bool,
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}

impl Takeover {
    /// `serve` runs until the connection is to be closed. `may_be_chunked`: clients that know chunks get them, and can
    /// tell an answer that is complete from one that was cut.
    pub(crate) fn new<F>(
        may_be_chunked: bool,
        serve: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve: Serve = Box::new(move |connection| Box::pin(serve(connection)));
        Self {
            serve: Arc::new(Mutex::new(Some(serve))),
            may_be_chunked,
        }
    }

    /// Shows viewers what `show` makes of the connection, until it ends, the viewer leaves, or the relay does.
    pub(crate) fn show<S: Show + fmt::Debug>(
        app: App,
        may_be_chunked: bool,
        show: impl FnOnce(&Connection) -> S + Send + 'static,
    ) -> Self {
        Self::new(may_be_chunked, async move |connection| {
            let show = show(&connection);
            serve(&app, connection, show).await;
        })
    }

    /// As an answer with these headers.
    pub(crate) fn respond(self, status: StatusCode, headers: HeaderMap) -> Response {
        let mut response = status.into_response();
        *response.headers_mut() = headers;
        response.extensions_mut().insert(self);
        response
    }

    /// Serves the connection, whose request asked for `version` and was answered by `parts`.
    pub(super) async fn run(
        self,
        version: Version,
        parts: Parts,
        stream: TcpStream,
        leftover: Bytes,
    ) {
        let serve = self
            .serve
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let is_chunked = self.may_be_chunked && version == Version::HTTP_11;
        if let Some(serve) = serve {
            serve(Connection {
                stream,
                head: head(version, parts, is_chunked),
                leftover,
                is_chunked,
            })
            .await;
        }
    }
}

async fn serve<S: Show + fmt::Debug>(app: &App, connection: Connection, show: S) {
    let Connection { stream, head, .. } = connection;
    let line = Line::start(stream, app.clock, show);
    line.with(|_, out| out.push(head));
    let ended = line.attend(app.config.http.stall_timeout());
    tokio::pin!(ended);
    let ended = tokio::select! {
        ended = &mut ended => ended,
        () = gone(line.socket()) => return,
        () = app.draining.cancelled() => {
            line.finish();
            ended.await
        }
    };
    match ended {
        Ended::Done => {
            let _ = SockRef::from(line.socket()).shutdown(std::net::Shutdown::Write);
        }
        Ended::Stalled => {
            app.metrics.refused(Refusal::Stalled).inc();
        }
        Ended::Broken => {}
    }
}

/// Returns once the viewer has left, or sends what it should not.
async fn gone(socket: &TcpStream) {
    let mut buffer = [0; 256];
    let mut ignored = 0;
    while ignored < MAX_IGNORED_BYTES && socket.readable().await.is_ok() {
        match socket.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => ignored += len,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// An answer's first bytes. Who asks by HTTP/1.0 is answered so.
fn head(version: Version, parts: Parts, is_chunked: bool) -> Bytes {
    let Parts {
        status,
        mut headers,
        ..
    } = parts;
    headers.remove(header::CONTENT_LENGTH);
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let (name, value) = if is_chunked {
            (header::TRANSFER_ENCODING, "chunked")
        } else {
            (header::CONNECTION, "close")
        };
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut text = format!(
        "{:?} {} {}\r\nDate: {}\r\n",
        version.min(Version::HTTP_11),
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        httpdate::fmt_http_date(std::time::SystemTime::now())
    )
    .into_bytes();
    for (name, value) in &headers {
        text.extend(title(name.as_str()));
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.into()
}

/// `Content-Type` of `content-type`: clients in firmware compare names as they are written in books.
fn title(name: &str) -> impl Iterator<Item = u8> {
    let mut starts = true;
    name.bytes().map(move |byte| {
        let byte = if starts {
            byte.to_ascii_uppercase()
        } else {
            byte
        };
        starts = byte == b'-';
        byte
    })
}

/// What goes before a chunk of a body, and after it.
pub(crate) fn chunk_head(len_bytes: usize) -> String {
    let mut head = String::with_capacity(12);
    // Writing to a string does not fail.
    let _ = write!(head, "{len_bytes:x}\r\n");
    head
}

pub(crate) const CHUNK_END: &str = "\r\n";

/// The chunk that ends a body.
pub(crate) const LAST_CHUNK: &str = "0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(status: StatusCode) -> Parts {
        let mut response = status.into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        response.into_parts().0
    }

    fn text(head: &Bytes) -> &str {
        std::str::from_utf8(head).unwrap()
    }

    #[test]
    fn a_head_is_a_status_and_headers_as_written_in_books() {
        let head = head(Version::HTTP_11, parts(StatusCode::OK), false);
        let text = text(&head);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nDate: "), "{text}");
        assert!(text.contains("\r\nContent-Type: video/mp4\r\n"), "{text}");
        assert!(text.ends_with("\r\nConnection: close\r\n\r\n"), "{text}");
        assert!(!text.contains("Content-Length"), "{text}");
    }

    #[test]
    fn who_asks_by_an_old_version_is_answered_by_it() {
        let head = head(Version::HTTP_10, parts(StatusCode::OK), false);
        assert!(text(&head).starts_with("HTTP/1.0 200 OK\r\n"));
    }

    #[test]
    fn a_body_in_chunks_keeps_the_connection() {
        let head = head(Version::HTTP_11, parts(StatusCode::OK), true);
        let text = text(&head);
        assert!(
            text.contains("\r\nTransfer-Encoding: chunked\r\n"),
            "{text}"
        );
        assert!(!text.contains("Connection"), "{text}");
        assert_eq!(chunk_head(26), "1a\r\n");
    }
}
