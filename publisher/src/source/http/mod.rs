//! `http://` and `https://`: a camera on the network that gives Motion JPEG (multipart), or single
//! pictures, which are then asked for at a rate. Which of the two, its Content-Type says.
//!
//! What stands behind `?` belongs to the camera; our own parameters stand behind `#`, as in
//! `http://user:password@cam/snap.jpg?channel=1#fps=2`:
//!
//! - `fps`: how often a single picture is asked for, at most; 5 if not given. There is never more than
//!   one request under
//!   way. A multipart stream comes at the camera's own rate.
//! - `insecure=true`: accept any certificate, as cameras often sign their own.
//!
//! Proxies named in the environment are not used: cameras are near.

mod client;
mod connection;
mod kind;
mod login;
mod multipart;
mod poll;
mod stream;
mod tls;

use std::time::Duration;

use futures_util::{FutureExt as _, future::BoxFuture};
use hyper::{Response, body::Incoming, header::CONTENT_TYPE};
use percent_encoding::percent_decode_str;
use tokio_util::sync::CancellationToken;

use self::{
    client::{Client, Patience, Target},
    kind::Kind,
};
use super::{Error, Hint, InvalidSource, Output, Source, SourceUrl};

/// How often a single picture is asked for if the URL does not say.
const DEFAULT_FPS: f64 = 5.0;

/// More often than this a single picture is not asked for.
const MAX_FPS: f64 = 60.0;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(4),
    silence: Duration::from_secs(4),
    picture: Duration::from_secs(20),
};

/// How much of a web page is read to see whether it is a login page.
const PAGE_BYTES: usize = 16 << 10;

/// The source that `url` names. Opens nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    Ok(Box::new(Http::new(url, PATIENCE)?))
}

struct Http {
    target: Target,
    /// Set in the URL.
    fps: Option<f64>,
}

impl Http {
    fn new(url: &SourceUrl, patience: Patience) -> Result<Self, InvalidSource> {
        let mut parameters = url.fragment_parameters()?;
        let fps = parameters.fps()?;
        if let Some(fps) = fps.filter(|&fps| fps > MAX_FPS) {
            return Err(url.invalid(format!("fps={fps} is too often, use up to {MAX_FPS}")));
        }
        let insecure = parameters
            .take("insecure", "true or false")?
            .unwrap_or(false);
        parameters.finish()?;
        let mut plain = url.url()?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!plain.username().is_empty() || plain.password().is_some()).then(|| {
            (
                decoded(plain.username()),
                decoded(plain.password().unwrap_or_default()),
            )
        });
        // Both fail for URLs without a host only, and those do not parse.
        let _ = plain.set_username("");
        let _ = plain.set_password(None);
        plain.set_fragment(None);
        client::request(&plain, None).map_err(|error| url.invalid(error))?;
        Ok(Self {
            target: Target {
                url: plain,
                login,
                what: url.to_string(),
                insecure,
                patience,
            },
            fps,
        })
    }

    async fn pictures(&self, output: &Output) -> Result<(), Error> {
        let target = &self.target;
        if target.insecure {
            tracing::warn!(camera = %target.what, "any certificate is accepted (insecure=true)");
        }
        let mut client = Client::new(target).await?;
        let response = client.get().await?;
        match kind(&response) {
            Kind::Multipart { boundary } => {
                stream::multipart(target, response.into_body(), &boundary, output).await
            }
            Kind::Picture | Kind::Unsaid => {
                poll::pictures(target, &mut client, response, self.interval(), output).await
            }
            Kind::Page => Err(page(target, response).await),
            Kind::Other(kind) => Err(target.open(format!(
                "it gives {kind}; supported are multipart Motion JPEG and image/jpeg"
            ))),
        }
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.fps.unwrap_or(DEFAULT_FPS))
    }
}

fn kind(response: &Response<Incoming>) -> Kind {
    let header = response.headers().get(CONTENT_TYPE);
    kind::of(
        header
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .as_deref(),
    )
}

async fn page(target: &Target, response: Response<Incoming>) -> Error {
    let mut body = stream::Body::new(target, response.into_body());
    let mut page = Vec::new();
    while let Ok(Some(bytes)) = body.next().await {
        page.extend_from_slice(&bytes);
        if page.len() >= PAGE_BYTES {
            break;
        }
    }
    let page = if kind::asks_for_password(&page) {
        "login page, made for people"
    } else {
        "web page"
    };
    target.open(format!(
        "it answers with a {page} (text/html); its manual may name an address for MJPEG or snapshots"
    ))
}

impl Source for Http {
    fn hint(&self) -> Hint {
        #[allow(clippy::cast_possible_truncation)]
        Hint {
            fps: self.fps.unwrap_or(0.0) as f32,
            ..Hint::default()
        }
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            stop.run_until_cancelled(self.pictures(output))
                .await
                .unwrap_or(Ok(()))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
