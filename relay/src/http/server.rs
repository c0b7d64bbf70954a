//! Accepts connections and runs HTTP/1.1 on them.
//!
//! hyper's HTTP/1 server is used without axum's: that one has no time limits for connections that send
//! nothing. HTTP/2 is not spoken on a plain port: telling the two apart would need one more limit.

use std::{
    convert::Infallible,
    future::Future as _,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use hyper::{
    Version,
    body::Incoming,
    http::response,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use prometheus_client::metrics::counter::Counter;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    App,
    caps::{Caps, Place},
    refuse::Refuser,
    router,
    stall::Stall,
    takeover::Takeover,
};
use crate::metrics::Refusal;

/// What the kernel holds for a viewer that takes nothing; it doubles the number. Without it, 2 to 5 MB
/// of old pictures wait there.
const SEND_BUFFER_BYTES: usize = 128 << 10;

/// What hyper reads ahead, and the longest request head.
const HTTP_BUFFER_BYTES: usize = 16 << 10;

/// The pause after an accept that failed, mostly for want of file descriptors. It doubles each time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// Such failures come in rows: one line is logged for each of these times.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Serves until the app is draining, and then until all viewers have left, at most `grace`.
pub(crate) async fn serve(app: App, listener: TcpListener, grace: Duration) {
    let server = Server {
        router: router(app.clone()),
        caps: Caps::new(
            app.config.http.max_connections,
            app.config.http.max_connections_per_address,
            app.metrics.connections.clone(),
        ),
        refuser: Refuser::new(app.connections.clone()),
        stalled: app.metrics.refused(Refusal::Stalled),
        app: app.clone(),
    };
    tokio::select! {
        () = server.accept_all(&listener) => {}
        () = app.draining.cancelled() => {}
    }
    drop(listener);
    let viewers = app.connections.len();
    tracing::info!(connections = viewers, "no longer accepting connections");
    app.connections.close();
    if tokio::time::timeout(grace, app.connections.wait())
        .await
        .is_err()
    {
        let left = app.connections.len();
        tracing::warn!(
            connections = left,
            ?grace,
            "ending connections that did not leave"
        );
        app.ended.cancel();
        app.connections.wait().await;
    }
}

struct Server {
    app: App,
    router: Router,
    caps: Arc<Caps>,
    refuser: Refuser,
    stalled: Counter,
}

impl Server {
    /// Never returns. An error of one connection, or for want of something, does not end it.
    async fn accept_all(&self, listener: &TcpListener) {
        let mut pause = ACCEPT_PAUSE;
        let mut logged: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pause = ACCEPT_PAUSE;
                    self.take(stream, peer);
                }
                // The client went before it was accepted.
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    if logged.is_none_or(|at| at.elapsed() > LOG_EVERY) {
                        logged = Some(Instant::now());
                        tracing::warn!(%error, "cannot accept connections for now");
                    }
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_ACCEPT_PAUSE);
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        match self.caps.admit(peer.ip()) {
            Ok(place) => {
                self.prepare(&stream);
                self.app.connections.spawn(run(
                    self.app.clone(),
                    self.router.clone(),
                    Stall::new(
                        stream,
                        self.app.config.http.stall_timeout(),
                        self.stalled.clone(),
                    ),
                    place,
                ));
            }
            Err(reason) => {
                self.app.metrics.refused(reason).inc();
                self.refuser.refuse(stream, reason);
            }
        }
    }

    /// A socket that refuses a setting works without it.
    fn prepare(&self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        // Notices viewers that vanished, even where little is sent.
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(self.app.config.http.stall_timeout()));
    }
}

async fn run(app: App, router: Router, stream: Stall<TcpStream>, place: Place) {
    // Apart, so that what hyper needs is gone while a takeover serves.
    let taken = Box::pin(speak(&app, router, stream)).await;
    if let Some(taken) = taken {
        let Answer {
            takeover,
            version,
            parts,
        } = taken.answer;
        let stream = taken.io.into_inner().into_inner();
        tokio::select! {
            () = takeover.run(version, parts, stream, taken.read_buf) => {}
            () = app.ended.cancelled() => {}
        }
    }
    drop(place);
}

/// An answer that takes the connection over.
struct Answer {
    takeover: Takeover,
    version: Version,
    parts: response::Parts,
}

struct Taken {
    answer: Answer,
    io: TokioIo<Stall<TcpStream>>,
    read_buf: Bytes,
}

/// Speaks HTTP until the connection ends or is taken over.
async fn speak(app: &App, router: Router, stream: Stall<TcpStream>) -> Option<Taken> {
    let waiting = stream.waiting();
    let taken: Arc<Mutex<Option<Answer>>> = Arc::default();
    let router = TowerToHyperService::new(router);
    let service = service_fn({
        let taken = taken.clone();
        move |request: hyper::Request<Incoming>| {
            let version = request.version();
            let (answer, taken) = (router.call(request), taken.clone());
            async move {
                let mut response = answer.await?;
                let Some(takeover) = response.extensions_mut().remove::<Takeover>() else {
                    return Ok::<_, Infallible>(response);
                };
                let (parts, _) = response.into_parts();
                *lock(&taken) = Some(Answer {
                    takeover,
                    version,
                    parts,
                });
                // hyper is not to answer this one.
                std::future::pending().await
            }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also for the first byte of a connection, and between two requests.
        .header_read_timeout(app.config.http.request_timeout())
        .max_buf_size(HTTP_BUFFER_BYTES)
        // Clients in firmware compare names of headers as they are written in books.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut answer = None;
    let ended = async {
        let mut is_draining = false;
        loop {
            tokio::select! {
                result = std::future::poll_fn(|cx| {
                    let polled = Pin::new(&mut connection).poll(cx);
                    // An answer to an earlier request goes first.
                    if polled.is_pending() && !waiting.is_waiting() {
                        answer = lock(&taken).take();
                        if answer.is_some() {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    polled
                }) => return result,
                () = app.draining.cancelled(), if !is_draining => {
                    is_draining = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
            }
        }
    };
    tokio::select! {
        result = ended => if let Err(error) = result {
            tracing::trace!(%error, "connection ended");
        },
        () = app.ended.cancelled() => {}
    }
    let answer = answer?;
    let http1::Parts { io, read_buf, .. } = connection.into_parts();
    Some(Taken {
        answer,
        io,
        read_buf,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
