//! Asks a camera for its URL: follows redirects, logs in.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, HOST, HeaderMap, LOCATION, USER_AGENT, WWW_AUTHENTICATE},
};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Position, Url};

use super::{
    connection::{Connection, NoConnection, Origin},
    login::{Login, Verdict},
    tls,
};
use crate::source::Error;

/// Redirects that are followed; with one more, the camera is taken to lead in circles.
const MAX_REDIRECTS: usize = 5;

/// How much is read of a response that is not wanted, to use its connection again. With more to come, a
/// new one is cheaper.
const MAX_UNWANTED_BYTES: usize = 16 << 10;

/// How long a camera may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// To accept a connection, and again to agree on encryption.
    pub(super) connect: Duration,
    /// To send the next bytes of what was asked for.
    pub(super) silence: Duration,
    /// From one whole picture to the next, however busily it sends.
    pub(super) picture: Duration,
}

/// What is asked for.
#[derive(Clone)]
pub(super) struct Target {
    /// Without user, password and fragment.
    pub(super) url: Url,
    /// User and password.
    pub(super) login: Option<(String, String)>,
    /// For people, without anything secret.
    pub(super) what: String,
    /// Accept any certificate.
    pub(super) insecure: bool,
    pub(super) patience: Patience,
}

/// Asks for one target again and again, over one connection while that lasts.
pub(super) struct Client<'a> {
    target: &'a Target,
    tls: TlsConnector,
    connection: Option<Connection>,
    login: Option<Login>,
}

impl<'a> Client<'a> {
    pub(super) async fn new(target: &'a Target) -> Result<Self, Error> {
        let insecure = target.insecure;
        let tls = tokio::task::spawn_blocking(move || tls::tls(insecure));
        let login = target
            .login
            .clone()
            .map(|(user, password)| Login::new(user, password));
        let tls = tls.await.map_err(|error| target.open(error))?;
        Ok(Self {
            target,
            tls,
            connection: None,
            login,
        })
    }

    /// The response to the target, with status 200.
    pub(super) async fn get(&mut self) -> Result<Response<Incoming>, Error> {
        let mut url = self.target.url.clone();
        let (mut redirects, mut attempts) = (0, 0);
        loop {
            let uri = &url[Position::BeforePath..Position::AfterQuery];
            let mut login = self
                .login
                .as_mut()
                .filter(|_| may_know(&self.target.url, &url));
            let authorization = login.as_mut().and_then(|login| login.header(uri));
            let sent = authorization.is_some();
            let response = self.send(&url, authorization).await?;
            let status = response.status();
            match status {
                StatusCode::OK => return Ok(response),
                StatusCode::UNAUTHORIZED => {
                    let Some(login) = self
                        .login
                        .as_mut()
                        .filter(|_| may_know(&self.target.url, &url))
                    else {
                        return Err(self.no_login(&url));
                    };
                    match login.challenged(challenges(response.headers()), sent, attempts) {
                        Verdict::Again => {}
                        Verdict::Refused => {
                            return Err(Error::Unauthorized {
                                what: self.target.what.clone(),
                            });
                        }
                        Verdict::Unsupported(reason) => return Err(self.target.open(reason)),
                    }
                    attempts += 1;
                }
                _ if status.is_redirection() && response.headers().contains_key(LOCATION) => {
                    if redirects == MAX_REDIRECTS {
                        return Err(self
                            .target
                            .open(format!("more than {MAX_REDIRECTS} redirects")));
                    }
                    redirects += 1;
                    attempts = 0;
                    url = self.redirected(&url, &response)?;
                }
                _ => return Err(self.refused(&url, status)),
            }
            self.discard(response).await;
        }
    }

    /// Sends one request, over the connection that is there if it still works.
    async fn send(
        &mut self,
        url: &Url,
        authorization: Option<String>,
    ) -> Result<Response<Incoming>, Error> {
        let origin = Origin::of(url).ok_or_else(|| self.target.open("it is not http or https"))?;
        let request = || request(url, authorization.as_deref());
        let silence = self.target.patience.silence;
        let silent = || Error::Silent {
            what: self.target.what.clone(),
            silence,
        };
        if let Some(mut connection) = self
            .connection
            .take()
            .filter(|open| open.is_good_for(&origin))
        {
            let request = request().map_err(|error| self.target.open(error))?;
            let response = timeout(silence, connection.send(request))
                .await
                .map_err(|_| silent())?;
            // Cameras close connections at any time: what fails here may work on a new one.
            if let Ok(response) = response {
                self.connection = Some(connection);
                return Ok(response);
            }
        }
        let mut connection = Connection::open(&origin, &self.tls, self.target.patience.connect)
            .await
            .map_err(|error| self.not_connected(error))?;
        let request = request().map_err(|error| self.target.open(error))?;
        let response = timeout(silence, connection.send(request))
            .await
            .map_err(|_| silent())?;
        let response = response.map_err(|error| self.target.open(in_words(&error)))?;
        self.connection = Some(connection);
        Ok(response)
    }

    /// Reads the rest of a response, or gives up its connection.
    async fn discard(&mut self, response: Response<Incoming>) {
        let rest = Limited::new(response.into_body(), MAX_UNWANTED_BYTES).collect();
        if !matches!(timeout(self.target.patience.silence, rest).await, Ok(Ok(_))) {
            self.connection = None;
        }
    }

    fn redirected(&self, from: &Url, response: &Response<Incoming>) -> Result<Url, Error> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let mut to = location
            .and_then(|location| from.join(location).ok())
            .filter(|to| Origin::of(to).is_some())
            .ok_or_else(|| {
                self.target
                    .open("it redirects to somewhere that is not http or https")
            })?;
        // Only our own settings say who we are.
        let _ = to.set_username("");
        let _ = to.set_password(None);
        to.set_fragment(None);
        tracing::debug!(from = shown(from), to = shown(&to), "redirected");
        Ok(to)
    }

    fn no_login(&self, url: &Url) -> Error {
        self.target.open(if self.login.is_some() {
            format!(
                "it redirects to {}, which asks for a login and is not told it",
                shown(url)
            )
        } else {
            "it asks for a login: write http://user:password@host/...".to_owned()
        })
    }

    fn refused(&self, url: &Url, status: StatusCode) -> Error {
        let mut reason = format!("it answers {status}");
        if *url != self.target.url {
            reason.push_str(&format!(" at {}, where it redirects to", shown(url)));
        }
        self.target.open(reason)
    }

    fn not_connected(&self, error: NoConnection) -> Error {
        self.target.open(match error {
            NoConnection::Unreachable(reason) => reason,
            NoConnection::Tls(error) => {
                let hint = match error.to_string().contains("certificate") {
                    true => "; to accept any certificate of this camera, add #insecure=true",
                    false => "",
                };
                format!("no encrypted connection: {error}{hint}")
            }
        })
    }
}

impl Target {
    /// The error that it cannot be opened.
    pub(super) fn open(&self, reason: impl std::fmt::Display) -> Error {
        Error::Open {
            what: self.what.clone(),
            reason: reason.to_string(),
        }
    }

    /// The error that it broke.
    pub(super) fn failed(&self, reason: impl std::fmt::Display) -> Error {
        Error::Failed {
            what: self.what.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Whether user and password for `ours` may be sent to `theirs`: the same host and port, or the same
/// host when it moves from http to https.
fn may_know(ours: &Url, theirs: &Url) -> bool {
    match (Origin::of(ours), Origin::of(theirs)) {
        (Some(ours), Some(theirs)) => {
            ours == theirs || (ours.host == theirs.host && !ours.tls && theirs.tls)
        }
        _ => false,
    }
}

pub(super) fn request(
    url: &Url,
    authorization: Option<&str>,
) -> hyper::http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(
            USER_AGENT,
            concat!("sightline-publisher/", env!("CARGO_PKG_VERSION")),
        )
        .header("Accept", "*/*");
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request.body(Empty::new())
}

fn challenges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
}

/// Where a URL leads, without what may be secret.
fn shown(url: &Url) -> &str {
    &url[..Position::AfterPath]
}

/// An error with its causes: the outermost alone says little.
pub(super) fn in_words(error: &hyper::Error) -> String {
    if error.is_parse() || error.is_parse_too_large() {
        return format!("its answer is not HTTP ({error})");
    }
    if error.is_incomplete_message() {
        return "it closed the connection early".into();
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_stays_with_its_host() {
        let url = |text: &str| Url::parse(text).unwrap();
        let ours = url("http://cam/x");
        for (theirs, allowed) in [
            ("http://cam/y?z", true),
            ("http://cam:80/", true),
            ("https://cam/", true),
            ("http://cam:8080/", false),
            ("http://other/", false),
            ("http://cam.example/", false),
        ] {
            assert_eq!(may_know(&ours, &url(theirs)), allowed, "{theirs}");
        }
        assert!(!may_know(&url("https://cam/"), &url("http://cam/")));
    }

    #[test]
    fn a_request_names_host_and_path_as_the_url_does() {
        let url = Url::parse("http://[::1]:81/a b?c=%20d").unwrap();
        let request = request(&url, Some("Basic x")).unwrap();
        assert_eq!(request.uri(), "/a%20b?c=%20d");
        assert_eq!(request.headers()[HOST], "[::1]:81");
        assert_eq!(request.headers()[AUTHORIZATION], "Basic x");
    }
}
