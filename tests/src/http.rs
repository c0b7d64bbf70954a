//! The least HTTP client: one connection, one request.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, Response, StatusCode, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// No answer may take longer than this to begin.
const WAIT: Duration = Duration::from_secs(10);

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Gets all of `path` from the server at `address` (`host:port`).
pub async fn get(address: &str, path: &str) -> Result<Answer> {
    let response = open(address, path).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = tokio::time::timeout(WAIT, response.into_body().collect()).await??;
    Ok(Answer {
        status,
        headers,
        body: body.to_bytes(),
    })
}

/// Posts `body` as JSON to `path` at the server at `address` (`host:port`), and gets all of the answer.
pub async fn post(address: &str, path: &str, body: &serde_json::Value) -> Result<Answer> {
    let request = Request::post(path)
        .header("Host", address)
        .header("Content-Type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))?;
    let response = exchange(address, request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = tokio::time::timeout(WAIT, response.into_body().collect()).await??;
    Ok(Answer {
        status,
        headers,
        body: body.to_bytes(),
    })
}

/// Asks for `path`, and leaves the body to be read.
pub async fn open(address: &str, path: &str) -> Result<Response<Incoming>> {
    let request = Request::get(path)
        .header("Host", address)
        .body(Full::<Bytes>::default())?;
    exchange(address, request).await
}

async fn exchange(address: &str, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
    let path = request.uri().clone();
    let exchange = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the body, or when the test's runtime does.
        tokio::spawn(connection);
        anyhow::Ok(sender.send_request(request).await?)
    };
    tokio::time::timeout(WAIT, exchange)
        .await
        .with_context(|| format!("{address}{path} does not answer within {WAIT:?}"))?
        .with_context(|| format!("cannot get {address}{path}"))
}
