//! `stream.mp4`: a file that grows for as long as the viewer stays, or is as long as it asked for.

use std::{
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use super::{
    App, Error, Params,
    file::{File, Part, Wanted, WantedSound},
    multipart::offline_since,
    named,
    takeover::{CHUNK_END, LAST_CHUNK, Takeover, chunk_head},
    target::h264_of,
};
use crate::{
    directory::Camera,
    line::{Advance, Next, Outbox, Show},
    metrics::Route,
};

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
    let headers = headers(&file.mime());
    let app = app.clone();
    let takeover = Takeover::show(app.clone(), true, move |connection| Growing {
        file,
        is_chunked: connection.is_chunked,
        has_begun: false,
        limit: params
            .duration
            .map(|duration| Limit::of(duration, app.clock.now())),
    });
    Ok(takeover.respond(StatusCode::OK, headers))
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
    Ok((headers(&mime), body).into_response())
}

fn headers(mime: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
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
    headers
}

/// How long a file is to be.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// By the file's time.
    end_us: u64,
    /// By the relay's clock.
    until: Duration,
}

impl Limit {
    fn of(duration: Duration, now: Duration) -> Self {
        Self {
            end_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            // One that no clock will see is none.
            until: now
                .saturating_add(duration)
                .saturating_add(GRACE)
                .min(now + FAR),
        }
    }
}

/// A year.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// One viewer's answer, made as fast as its connection takes it. Nothing is made in advance.
#[derive(Debug)]
struct Growing {
    file: File,
    is_chunked: bool,
    has_begun: bool,
    limit: Option<Limit>,
}

impl Show for Growing {
    fn attach(&mut self, line: Weak<dyn Advance>) {
        self.file.attach(line);
    }

    /// Ends between two fragments.
    fn next(&mut self, out: &mut Outbox, now: Duration) -> Next {
        let is_long_enough = self
            .limit
            .is_some_and(|limit| self.file.end_us() >= limit.end_us && self.file.is_taken());
        if is_long_enough || self.limit.is_some_and(|limit| limit.until <= now) {
            return self.end(out);
        }
        match self.file.next() {
            Some(Part::Init(_)) if self.has_begun => self.end(out),
            Some(Part::Init(bytes)) => {
                self.has_begun = true;
                self.put([bytes, Bytes::new()], out)
            }
            Some(Part::Fragment(fragment)) => self.put([fragment.head, fragment.payload], out),
            None => Next::Wait(self.limit.map(|limit| limit.until)),
        }
    }

    fn finish(&mut self, out: &mut Outbox) {
        self.end(out);
    }
}

impl Growing {
    fn put(&self, pieces: [Bytes; 2], out: &mut Outbox) -> Next {
        if self.is_chunked {
            out.push(chunk_head(pieces.iter().map(Bytes::len).sum()).into());
        }
        pieces.into_iter().for_each(|piece| out.push(piece));
        if self.is_chunked {
            out.push(Bytes::from_static(CHUNK_END.as_bytes()));
        }
        Next::More
    }

    fn end(&self, out: &mut Outbox) -> Next {
        if self.is_chunked {
            out.push(Bytes::from_static(LAST_CHUNK.as_bytes()));
        }
        Next::End
    }
}
