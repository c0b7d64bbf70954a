//! `stream.mp4`: a file that grows for as long as the viewer stays, or is as long as it asked for.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;

use super::{
    App, Error, Params,
    file::{File, Part, Wanted, WantedSound},
    multipart::offline_since,
    named,
    target::h264_of,
};
use crate::{directory::Camera, metrics::Route};

/// A file of a given length ends after so much more time than that, though the camera did not give enough for it.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn of_camera(
    State(app): State<App>,
    Path((site, camera)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Result<Response, Error> {
    let camera = named(&app, &site, &camera)?;
    let params = Params::parse(query.as_deref())?;
    answer(&app, camera, params, &method).await
}

/// A file of `camera`, once there is a key frame to begin with. It goes on while the camera is away, and ends when the
/// relay does, or when the camera's parameters change, which a file cannot say.
pub(crate) async fn answer(
    app: &App,
    camera: Arc<Camera>,
    params: Params,
    method: &Method,
) -> Result<Response, Error> {
    if method == Method::HEAD {
        return head(app, &camera, &params);
    }
    let wanted = Wanted {
        stream: params.stream,
        sound: if params.muted {
            WantedSound::None
        } else {
            WantedSound::Any
        },
        burst_bytes: None,
    };
    let file = File::begin(app.clone(), camera, wanted, Route::Mp4).await?;
    let mime = file.mime();
    let growing = Growing {
        app: app.clone(),
        file,
        has_begun: false,
        pending: None,
        limit: params.duration.map(Limit::of),
    };
    let body = stream::unfold(growing, async |mut growing| {
        let bytes = growing.next().await?;
        Some((Ok::<_, Infallible>(bytes), growing))
    });
    Ok(respond(&mime, Body::from_stream(body)))
}

/// The same without a body. Of the codecs it tells what is known without asking the camera.
fn head(app: &App, camera: &Camera, params: &Params) -> Result<Response, Error> {
    app.refuse_while_draining()?;
    let name = h264_of(camera, params.stream.as_ref())?;
    if !camera.online {
        return Err(Error::camera_offline(offline_since(camera)));
    }
    let codecs = camera
        .offer(&name.stream)
        .map_or("", |offer| &offer.codec_string);
    let mime = if codecs.is_empty() {
        "video/mp4".to_owned()
    } else {
        format!("video/mp4; codecs=\"{codecs}\"")
    };
    // Of no length that a header could tell; it is not sent.
    let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    Ok(respond(&mime, body))
}

fn respond(mime: &str, body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    // A codec string is announced: it may hold anything.
    let mime = HeaderValue::try_from(mime).unwrap_or(HeaderValue::from_static("video/mp4"));
    headers.insert(header::CONTENT_TYPE, mime);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    // nginx would hold fragments back.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

/// How long a file is to be.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// By the file's time.
    end_us: u64,
    /// By the clock.
    until: Instant,
}

impl Limit {
    fn of(duration: Duration) -> Self {
        let now = Instant::now();
        Self {
            end_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            // One that no clock will see is none.
            until: now
                .checked_add(duration.saturating_add(GRACE))
                .unwrap_or(now + FAR),
        }
    }
}

/// A year.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// One viewer's answer, made as fast as its connection takes it. Nothing is made in advance.
struct Growing {
    app: App,
    file: File,
    has_begun: bool,
    /// The frame, whose head is on its way.
    pending: Option<Bytes>,
    limit: Option<Limit>,
}

impl Growing {
    /// The next bytes; nothing at the end, which is between two fragments.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(payload) = self.pending.take() {
            return Some(payload);
        }
        let is_long_enough = self
            .limit
            .is_some_and(|limit| self.file.end_us() >= limit.end_us);
        if is_long_enough && self.file.is_taken() {
            return None;
        }
        let until = self
            .limit
            .map_or_else(|| Instant::now() + FAR, |limit| limit.until);
        let part = tokio::select! {
            biased;
            () = self.app.draining.cancelled() => return None,
            part = self.file.next() => part,
            () = tokio::time::sleep_until(until) => return None,
        };
        match part {
            Part::Init(_) if self.has_begun => None,
            Part::Init(bytes) => {
                self.has_begun = true;
                Some(bytes)
            }
            Part::Fragment(fragment) => {
                self.pending = Some(fragment.payload);
                Some(fragment.head)
            }
        }
    }
}
