//! A viewer of multipart JPEG that takes exactly the form that every known client takes, and nothing else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{Response, StatusCode, body::Incoming};

use crate::{http, picture};

const CONTENT_TYPE: &str = "multipart/x-mixed-replace;boundary=boundarydonotcross";
const BOUNDARY: &str = "--boundarydonotcross";

/// The next part, or its repetition, may take no longer than this.
const WAIT: Duration = Duration::from_secs(5);

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    response: Response<Incoming>,
    read: BytesMut,
}

/// One picture, or the repetition of one.
#[derive(Clone, Debug)]
pub struct Part {
    /// When the picture was taken, since 1970, by the publisher's clock.
    pub capture: Duration,
    /// For how long the camera has been silent, if the relay says that it is.
    pub stale: Option<Duration>,
    /// The picture.
    pub jpeg: Bytes,
}

impl Part {
    /// The frame number on the picture.
    pub fn number(&self) -> Result<u32> {
        picture::number(&self.jpeg)
    }

    /// How long ago the picture was taken. Publisher and test share a clock.
    pub fn age(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap_or_default().saturating_sub(self.capture)
    }
}

/// The path of a camera's stream.
pub fn path(camera: &str) -> String {
    format!("/api/cameras/{camera}/stream.mjpeg")
}

impl Stream {
    /// Opens the stream of a camera, named `site/camera`.
    pub async fn open(address: &str, camera: &str) -> Result<Self> {
        Self::open_path(address, &path(camera)).await
    }

    /// Opens the stream at `path`.
    pub async fn open_path(address: &str, path: &str) -> Result<Self> {
        let response = http::open(address, path).await?;
        ensure!(response.status() == StatusCode::OK, "{}", response.status());
        let content_type = response
            .headers()
            .get("content-type")
            .context("no content type")?;
        ensure!(
            content_type == CONTENT_TYPE,
            "content type {content_type:?}"
        );
        let mut stream = Self {
            response,
            read: BytesMut::new(),
        };
        ensure!(stream.line().await? == BOUNDARY, "no boundary at the start");
        Ok(stream)
    }

    /// The next part.
    pub async fn next(&mut self) -> Result<Part> {
        tokio::time::timeout(WAIT, self.part())
            .await
            .with_context(|| format!("no part within {WAIT:?}"))?
    }

    /// The next part that is fresh from the camera.
    pub async fn next_fresh(&mut self) -> Result<Part> {
        loop {
            let part = self.next().await?;
            if part.stale.is_none() {
                return Ok(part);
            }
        }
    }

    async fn part(&mut self) -> Result<Part> {
        let (mut len, mut capture, mut stale, mut is_jpeg) = (None, None, None, false);
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(": ")
                .with_context(|| format!("header {line:?}"))?;
            match name {
                "Content-Type" => is_jpeg = value == "image/jpeg",
                "Content-Length" => len = Some(value.parse::<usize>()?),
                "X-Timestamp" => capture = Some(Duration::try_from_secs_f64(value.parse()?)?),
                "X-Sightline-Stale" => stale = Some(Duration::try_from_secs_f64(value.parse()?)?),
                _ => bail!("header {line:?}"),
            }
        }
        ensure!(is_jpeg, "the part is not image/jpeg");
        let jpeg = self.bytes(len.context("no Content-Length")?).await?;
        ensure!(self.line().await?.is_empty(), "no CRLF after the JPEG");
        ensure!(self.line().await? == BOUNDARY, "no boundary after the JPEG");
        Ok(Part {
            capture: capture.context("no X-Timestamp")?,
            stale,
            jpeg,
        })
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line = self.read.split_to(end);
                self.read.advance(2);
                return Ok(String::from_utf8(line.to_vec())?);
            }
            ensure!(self.read.len() < 4096, "no end of line: {:?}", self.read);
            self.more().await?;
        }
    }

    async fn bytes(&mut self, len: usize) -> Result<Bytes> {
        while self.read.len() < len {
            self.more().await?;
        }
        Ok(self.read.split_to(len).freeze())
    }

    async fn more(&mut self) -> Result<()> {
        let frame = self.response.frame().await.context("the stream ended")??;
        if let Some(data) = frame.data_ref() {
            self.read.extend_from_slice(data);
        }
        Ok(())
    }
}
