//! `stream.mjpeg`: pictures for as long as the viewer stays.

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

use super::{App, Error, Params, named, takeover::Takeover, target::jpeg_of};
use crate::{
    directory::Camera,
    form::multipart::{CONTENT_TYPE, OPENING, OPENING_WITH_HEAD},
    hub::{Feed, Frame, Inbox, Wish, age},
    line::{Advance, Next, Outbox, Show},
    metrics::Route,
    viewer::{Decision, Viewer, fresh},
};

pub(super) async fn of_camera(
    State(app): State<App>,
    Path((site, camera)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
) -> Result<Response, Error> {
    let camera = named(&app, &site, &camera)?;
    answer(&app, &camera, &Params::parse(query.as_deref())?, &method)
}

/// The stream of `camera`. It goes on while the camera is away, and ends when the relay does.
pub(crate) fn answer(
    app: &App,
    camera: &Camera,
    params: &Params,
    method: &Method,
) -> Result<Response, Error> {
    app.refuse_while_draining()?;
    let name = jpeg_of(camera)?;
    if !camera.online && app.hub.last_picture(&name).is_none() {
        return Err(Error::camera_offline(offline_since(camera)));
    }
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would hold pictures back.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ]);
    if method == Method::HEAD {
        // Of no length that a header could tell; it is not sent.
        let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        return Ok((headers, body).into_response());
    }
    let parts = {
        let inbox = Inbox::default();
        let feed = app.hub.watch(&name, Wish::All, Route::Multipart, &inbox, 0);
        Parts {
            app: app.clone(),
            feed,
            inbox,
            viewer: Viewer::new(params.fps),
            advance_heads: params.advance_headers,
            last: None,
            has_begun: false,
        }
    };
    // Not in chunks: there are clients that do not know them, and the end of a picture is told by its part.
    let takeover = Takeover::show(app.clone(), false, move |_| parts);
    Ok(takeover.respond(StatusCode::OK, headers))
}

pub(super) fn offline_since(camera: &Camera) -> String {
    format!(
        "camera {} is offline, last seen at {} s since 1970; it was {}{}{}",
        camera.name,
        camera.last_seen_us / 1_000_000,
        camera.state.word(),
        if camera.reason.is_empty() { "" } else { ": " },
        camera.reason
    )
}

/// One viewer's answer, made as fast as its connection takes it. Nothing is made in advance.
#[derive(Debug)]
struct Parts {
    app: App,
    feed: Feed,
    inbox: Inbox,
    viewer: Viewer,
    advance_heads: bool,
    /// What the viewer sees.
    last: Option<Arc<Frame>>,
    has_begun: bool,
}

impl Show for Parts {
    fn attach(&mut self, line: Weak<dyn Advance>) {
        self.inbox.attach(line);
    }

    fn next(&mut self, out: &mut Outbox, now: Duration) -> Next {
        if !self.has_begun {
            self.has_begun = true;
            let opening = if self.advance_heads {
                OPENING_WITH_HEAD
            } else {
                OPENING
            };
            out.push(Bytes::from_static(opening.as_bytes()));
            return Next::More;
        }
        let has_news = self.inbox.try_ready().is_some();
        let held = self.viewer.held_until();
        if has_news || held.is_some_and(|until| until <= now) {
            self.offer(now, out);
        } else if held.is_none() && self.viewer.repeat_at().is_some_and(|at| at <= now) {
            self.repeat(now, out);
        }
        Next::Only(self.viewer.held_until().or_else(|| self.viewer.repeat_at()))
    }
}

impl Parts {
    /// The newest frame, if the viewer's limit lets it pass now.
    fn offer(&mut self, now: Duration, out: &mut Outbox) {
        let Some(frame) = self.feed.take() else {
            self.viewer.release();
            return;
        };
        let skipped = match self.viewer.offer(frame.number, now) {
            Decision::Send { skipped } => skipped,
            Decision::Hold { skipped, .. } => {
                self.feed.skipped(skipped);
                return;
            }
            Decision::Nothing => return,
        };
        self.feed.skipped(skipped);
        let stale = self.stale_for(&frame, now);
        let len_bytes = self.put(&frame, stale, out);
        if stale.is_some() {
            self.feed.sent_again(len_bytes);
        } else {
            self.feed.sent(&frame, len_bytes);
        }
        self.last = Some(frame);
    }

    fn repeat(&mut self, now: Duration, out: &mut Outbox) {
        let Some(frame) = self.last.clone() else {
            return;
        };
        self.viewer.repeated(now);
        let stale = self.stale_for(&frame, now);
        let len_bytes = self.put(&frame, stale, out);
        self.feed.sent_again(len_bytes);
    }

    fn stale_for(&self, frame: &Frame, now: Duration) -> Option<Duration> {
        let age = age(frame, now);
        if age < fresh::NEW {
            return None;
        }
        let name = self.feed.name();
        let camera = self.app.directory.get(&name.camera);
        fresh::is_stale_of(camera.as_deref(), &name.stream, age).then_some(age)
    }

    /// Puts out a part, and says how long it is.
    fn put(&self, frame: &Frame, stale: Option<Duration>, out: &mut Outbox) -> usize {
        if self.advance_heads {
            let part = frame.open_part().clone();
            let len_bytes = part.len();
            out.push(part);
            return len_bytes;
        }
        let part = frame.part();
        match stale {
            None => out.push(part.bytes.clone()),
            Some(age) => part
                .stale(age.as_secs())
                .into_iter()
                .for_each(|piece| out.push(piece)),
        }
        part.bytes.len()
    }
}
