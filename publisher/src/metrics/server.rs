//! `GET /metrics`, `/healthz` and `/readyz` for those who look after a publisher. HTTP/1 without encryption and without
//! log-in, on an address that the configuration names.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use sightline_bus::{Bus, Link};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::Metrics;

/// Connections at the same time; a further one is closed at once.
pub(super) const MAX_CONNECTIONS: usize = 16;

/// How long a connection may take for a request head.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// How long a connection may last, whatever it does: a scraper connects again.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// The pause after an accept that failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until `shutdown`.
pub(crate) async fn serve(
    metrics: Metrics,
    bus: Bus,
    listener: TcpListener,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Ok(place) = places.clone().try_acquire_owned() {
                    let (metrics, bus) = (metrics.clone(), bus.clone());
                    connections.spawn(async move {
                        let _ = timeout(CONNECTION_LIMIT, converse(metrics, bus, stream)).await;
                        drop(place);
                    });
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection for metrics");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(metrics: Metrics, bus: Bus, stream: TcpStream) {
    let service = service_fn(|request| {
        let answer = answer(&metrics, &bus, &request);
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection for metrics ended");
    }
}

fn answer(metrics: &Metrics, bus: &Bus, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "use GET");
    }
    match request.uri().path() {
        "/healthz" => plain(StatusCode::OK, "ok"),
        "/readyz" => match &*bus.link().borrow() {
            Link::Up => plain(StatusCode::OK, "ready"),
            Link::Down(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, reason.clone()),
        },
        "/metrics" => match metrics.text() {
            Ok(text) => response(StatusCode::OK, OPENMETRICS, text),
            Err(error) => plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("cannot write the metrics: {error}"),
            ),
        },
        _ => plain(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz and /readyz",
        ),
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", text)
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}
