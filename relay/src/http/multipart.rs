//! `stream.mjpeg`: pictures for as long as the viewer stays.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use super::{App, Error, Params, named, target::jpeg_of};
use crate::{
    directory::Camera,
    form::multipart::{CONTENT_TYPE, OPENING, OPENING_WITH_HEAD},
    hub::{Feed, Frame, Inbox, Wish, age},
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
    let body = if method == Method::HEAD {
        // Of no length that a header could tell; it is not sent.
        Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
    } else {
        let inbox = Inbox::default();
        let feed = app.hub.watch(&name, Wish::All, Route::Multipart, &inbox, 0);
        Body::from_stream(stream::unfold(
            Parts {
                app: app.clone(),
                feed,
                inbox,
                viewer: Viewer::new(params.fps),
                advance_heads: params.advance_headers,
                last: None,
                pending: Some(Bytes::from_static(
                    if params.advance_headers {
                        OPENING_WITH_HEAD
                    } else {
                        OPENING
                    }
                    .as_bytes(),
                )),
            },
            async |mut parts| {
                let bytes = parts.next().await?;
                Some((Ok::<_, Infallible>(bytes), parts))
            },
        ))
    };
    Ok((
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            // nginx would hold pictures back.
            (
                HeaderName::from_static("x-accel-buffering"),
                HeaderValue::from_static("no"),
            ),
        ],
        body,
    )
        .into_response())
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
struct Parts {
    app: App,
    feed: Feed,
    inbox: Inbox,
    viewer: Viewer,
    advance_heads: bool,
    /// What the viewer sees.
    last: Option<Arc<Frame>>,
    /// Bytes that must go before the next part.
    pending: Option<Bytes>,
}

impl Parts {
    /// The next bytes; nothing once the relay is leaving, which ends the answer between two parts.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.pending.take() {
            return Some(bytes);
        }
        loop {
            let now = self.app.clock.now();
            let held = self.viewer.held_until();
            let wake = held.or_else(|| self.viewer.repeat_at());
            let wake_at = self.app.clock.instant(wake.unwrap_or(now + IDLE));
            tokio::select! {
                biased;
                () = self.app.draining.cancelled() => return None,
                _ = self.inbox.ready() => {
                    if let Some(bytes) = self.offer() {
                        return Some(bytes);
                    }
                }
                () = tokio::time::sleep_until(wake_at) => {
                    let bytes = if held.is_some() { self.offer() } else { self.repeat() };
                    if bytes.is_some() {
                        return bytes;
                    }
                }
            }
        }
    }

    /// The newest frame, if the viewer's limit lets it pass now.
    fn offer(&mut self) -> Option<Bytes> {
        let frame = self.feed.take()?;
        let now = self.app.clock.now();
        let skipped = match self.viewer.offer(frame.number, now) {
            Decision::Send { skipped } => skipped,
            Decision::Hold { skipped, .. } => {
                self.feed.skipped(skipped);
                return None;
            }
            Decision::Nothing => return None,
        };
        self.feed.skipped(skipped);
        let stale = self.stale_for(&frame, now);
        let bytes = self.part(&frame, stale);
        if stale.is_some() {
            self.feed.sent_again(bytes.len());
        } else {
            self.feed.sent(&frame, bytes.len());
        }
        self.last = Some(frame);
        Some(bytes)
    }

    fn repeat(&mut self) -> Option<Bytes> {
        let frame = self.last.clone()?;
        let now = self.app.clock.now();
        self.viewer.repeated(now);
        let stale = self.stale_for(&frame, now);
        let bytes = self.part(&frame, stale);
        self.feed.sent_again(bytes.len());
        Some(bytes)
    }

    fn stale_for(&self, frame: &Frame, now: Duration) -> Option<Duration> {
        let age = age(frame, now);
        let name = self.feed.name();
        let camera = self.app.directory.get(&name.camera);
        fresh::is_stale_of(camera.as_deref(), &name.stream, age).then_some(age)
    }

    fn part(&mut self, frame: &Frame, stale: Option<Duration>) -> Bytes {
        if self.advance_heads {
            return frame.open_part().clone();
        }
        match stale {
            None => frame.part().bytes.clone(),
            Some(age) => {
                let [head, rest] = frame.part().stale(age.as_secs());
                self.pending = Some(rest);
                head
            }
        }
    }
}

/// Without a frame to repeat, the answer waits for the first one; it looks up now and then.
const IDLE: Duration = Duration::from_secs(60);
