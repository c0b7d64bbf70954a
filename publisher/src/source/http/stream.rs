//! Reads a response's body: bytes with a limit on silence, and pictures out of a multipart stream.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{
    client::{Target, in_words},
    multipart::Parser,
};
use crate::{
    clock::now_us,
    source::{Error, Output, passthrough},
};

/// The bytes of a body, as they come.
pub(super) struct Body<'a> {
    target: &'a Target,
    body: Incoming,
}

/// Why a body gives no more bytes.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection ended, in words.
    Closed(String),
    Silent,
}

impl<'a> Body<'a> {
    pub(super) fn new(target: &'a Target, body: Incoming) -> Self {
        Self { target, body }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let frame = timeout(self.target.patience.silence, self.body.frame());
            match frame.await.map_err(|_| Broken::Silent)? {
                None => return Ok(None),
                Some(Err(error)) => return Err(Broken::Closed(in_words(&error))),
                // What is not data are trailers.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                    _ => {}
                },
            }
        }
    }
}

impl Target {
    /// The error that nothing came for so long.
    pub(super) fn silent(&self, silence: std::time::Duration) -> Error {
        Error::Silent {
            what: self.what.clone(),
            silence,
        }
    }
}

/// Hands on the pictures of a multipart stream until it ends. Never gives `Ok`.
pub(super) async fn multipart(
    target: &Target,
    body: Incoming,
    boundary: &str,
    output: &Output,
) -> Result<(), Error> {
    let mut body = Body::new(target, body);
    let mut parser = Parser::new(boundary, passthrough::MAX_BYTES, output.pool().clone());
    let mut watch = passthrough::Watch::new(target.patience.picture);
    loop {
        let next = timeout(watch.left(), body.next());
        let next = next
            .await
            .map_err(|_| target.silent(target.patience.picture))?;
        let bytes = match next {
            Ok(Some(bytes)) => bytes,
            Err(Broken::Silent) => return Err(target.silent(target.patience.silence)),
            ended => {
                if let Some(rest) = parser.finish() {
                    passthrough::put_split(output, rest);
                }
                return Err(match ended {
                    Err(Broken::Closed(reason)) => target.failed(reason),
                    _ => Error::Ended {
                        what: target.what.clone(),
                    },
                });
            }
        };
        let splits = parser
            .push(&bytes, now_us())
            .map_err(|error| target.failed(error))?;
        for split in splits {
            if passthrough::put_split(output, split) {
                watch.picture_came();
            }
        }
    }
}
