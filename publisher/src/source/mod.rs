//! Where pictures come from. A source is named by a URL; each scheme has a file of its own.

mod exec;
mod file;
mod http;
mod images;
mod kind;
mod live;
pub(crate) mod output;
pub(crate) mod passthrough;
mod rtsp;
mod test_pattern;
pub(crate) mod unit;
mod url;
pub(crate) mod v4l2;

use std::{collections::BTreeMap, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio_util::sync::CancellationToken;

pub(crate) use output::{DropReason, Output, Units};
pub(crate) use url::SourceUrl;

use crate::picture::Size;

/// Every scheme, for people, in the order of the documentation.
const SCHEMES: [&str; 8] = [
    "test://",
    "images://",
    "v4l2://",
    "http://",
    "https://",
    "rtsp://",
    "exec:",
    "file://",
];

fn known_schemes() -> String {
    SCHEMES.join(", ")
}

/// The source that `url` names. Opens nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    match url.scheme() {
        "test" => test_pattern::parse(url),
        "images" => images::parse(url),
        "v4l2" => v4l2::parse(url),
        "http" | "https" => http::parse(url),
        "rtsp" => rtsp::parse(url),
        "rtsps" => Err(rtsp::refuse_encrypted(url)),
        "exec" => exec::parse(url),
        "file" => file::parse(url),
        _ => Err(unknown_scheme(url)),
    }
}

fn unknown_scheme(url: &SourceUrl) -> InvalidSource {
    url.invalid(format!(
        "there is no source {}:, known are {}",
        url.scheme(),
        known_schemes()
    ))
}

/// What is known of the pictures of a source before it is opened; zero where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Hint {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: f32,
}

/// The URL of a source cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}")]
pub(crate) struct InvalidSource {
    /// Without user and password.
    pub(crate) url: String,
    pub(crate) reason: String,
}

/// What became of controls: their values, or why not, for people.
pub(crate) type SetControls = Result<BTreeMap<String, i64>, String>;

/// Why a source stopped giving pictures. The text goes to people through announcements and logs: it
/// never holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// It could not be opened.
    #[error("cannot open {what}: {reason}")]
    Open { what: String, reason: String },
    /// The camera refuses the user or password.
    #[error("{what} refuses the user or password")]
    Unauthorized { what: String },
    /// It was open, and broke.
    #[error("{what} failed: {reason}")]
    Failed { what: String, reason: String },
    /// It was open, and came to its end.
    #[error("{what} ended")]
    Ended { what: String },
    /// It is open, and gives nothing.
    #[error("no picture from {what} for {} s", .silence.as_secs())]
    Silent { what: String, silence: Duration },
}

/// A source that can be run again and again.
///
/// One value lives as long as its camera; `run` is called for each period of demand, and again after
/// each failure.
pub(crate) trait Source: Send + Sync {
    /// What is known before it is opened.
    fn hint(&self) -> Hint;

    /// Opens the source and hands its pictures to `output` until it fails or `stop` is cancelled, which
    /// gives `Ok`. When it returns, everything it held (device, socket, child process, thread) is free.
    /// After `stop` it returns within 500 ms.
    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// From its next opening on it gives pictures of this size, or of the nearest that its driver has. The error is
    /// for people.
    fn resize(&self, _size: Size) -> Result<(), String> {
        Err("this source gives pictures of one size: it is configured at the camera".into())
    }

    /// Sets controls at once, and at each later opening. Gives what the driver made of the values. The error is for
    /// people; controls before the one that it names may have been set.
    fn set_controls(&self, _wanted: BTreeMap<String, i64>) -> BoxFuture<'_, SetControls> {
        async { Err("this source has no controls; only v4l2:// sources have".into()) }.boxed()
    }
}
