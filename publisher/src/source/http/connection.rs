//! One connection to one camera, used again while it lasts.

use std::{fmt, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Url};

/// Addresses of one name that are tried, in the resolver's order. Others are left out.
const MAX_ADDRESSES: usize = 4;

/// Room for the head of a response, and for what is read of its body at once. A longer head fails.
const BUFFER_BYTES: usize = 64 << 10;

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// Nobody answers there, in words.
    Unreachable(String),
    /// They do not agree on how to encrypt, or the certificate is not accepted.
    Tls(io::Error),
}

/// A connection, and where it leads.
pub(super) struct Connection {
    origin: Origin,
    sender: http1::SendRequest<Empty<Bytes>>,
    /// Moves the bytes. Dropping it closes the connection.
    _task: AbortOnDropHandle<()>,
}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tls: bool,
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// `None` if it is not an http or https URL.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Some(Self {
            tls,
            host,
            port: url.port_or_known_default()?,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.host, self.port)
    }
}

impl Connection {
    /// Connects within `limit`, and agrees on encryption within as much again.
    pub(super) async fn open(
        origin: &Origin,
        tls: &TlsConnector,
        limit: Duration,
    ) -> Result<Self, NoConnection> {
        let unreachable = |reason: String| NoConnection::Unreachable(format!("{origin}: {reason}"));
        let late = |_| unreachable(format!("no connection within {limit:?}"));
        let tcp = timeout(limit, connect(origin, limit))
            .await
            .map_err(late)?
            .map_err(unreachable)?;
        if !origin.tls {
            return Self::over(origin, tcp).await;
        }
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|_| unreachable("not a name that a certificate can hold".into()))?;
        let tls = timeout(limit, tls.connect(name, tcp)).await.map_err(|_| {
            NoConnection::Tls(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {limit:?}"),
            ))
        })?;
        Self::over(origin, tls.map_err(NoConnection::Tls)?).await
    }

    async fn over<S>(origin: &Origin, stream: S) -> Result<Self, NoConnection>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            // Some cameras know header names in this case only, and some send headers that are none.
            .title_case_headers(true)
            .ignore_invalid_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| NoConnection::Unreachable(format!("{origin}: {error}")))?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "the connection broke");
            }
        });
        Ok(Self {
            origin: origin.clone(),
            sender,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// Whether it leads to `origin` and takes another request, as far as can be known.
    pub(super) fn is_good_for(&self, origin: &Origin) -> bool {
        self.origin == *origin && !self.sender.is_closed()
    }

    /// Sends a request and waits for the head of its response, as long as it takes.
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }
}

/// The first address that answers. An error says what went wrong with the last one.
async fn connect(origin: &Origin, limit: Duration) -> Result<TcpStream, String> {
    let addresses: Vec<SocketAddr> = lookup_host((origin.host.as_str(), origin.port))
        .await
        .map_err(|error| format!("the name cannot be resolved ({error})"))?
        .take(MAX_ADDRESSES)
        .collect();
    let mut reason = "the name has no address".to_owned();
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Requests are one small packet; a failure costs a delay and nothing else.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => reason = error.to_string(),
            Err(_) => reason = format!("no connection within {share:?}"),
        }
    }
    Err(reason)
}
