//! `snapshot.jpg`: one picture.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use sightline_proto::CameraState;

use super::{App, Error, multipart::offline_since, named, target::jpeg_of};
use crate::{
    directory::Camera,
    form::multipart::timestamp,
    hub::{Feed, Frame, Inbox, Wish, age},
    metrics::Route,
    viewer::fresh,
};

/// A picture that came within this time answers a request, and the camera is not asked again.
const NEW_ENOUGH: Duration = Duration::from_millis(250);

/// A camera that says it gives no pictures may have recovered: it gets this long to show it.
const WAIT_FOR_THE_ILL: Duration = Duration::from_secs(2);

pub(super) async fn of_camera(
    State(app): State<App>,
    Path((site, camera)): Path<(String, String)>,
) -> Result<Response, Error> {
    let camera = named(&app, &site, &camera)?;
    answer(&app, &camera).await
}

/// The newest picture of `camera`, taken for this request if nobody watches it. Of a camera that is
/// away or gives nothing, its last one.
pub(crate) async fn answer(app: &App, camera: &Camera) -> Result<Response, Error> {
    app.refuse_while_draining()?;
    let name = jpeg_of(camera)?;
    if !camera.online {
        return match app.hub.last_picture(&name) {
            Some(frame) => Ok(picture(app, &frame, true)),
            None => Err(Error::camera_offline(offline_since(camera))),
        };
    }
    let inbox = Inbox::default();
    let feed = app.hub.watch(&name, Wish::One, Route::Snapshot, &inbox, 0);
    let fresh = fresh_frame(app, camera, &feed, &inbox).await;
    let stale = fresh.is_none();
    let Some(frame) = fresh.or_else(|| feed.take()) else {
        return Err(Error::no_picture(why_not(app, camera)));
    };
    feed.sent_again(frame.data.len());
    Ok(picture(app, &frame, stale))
}

/// The first frame that is new enough, within the time that the camera gets.
async fn fresh_frame(app: &App, camera: &Camera, feed: &Feed, inbox: &Inbox) -> Option<Arc<Frame>> {
    let asked = app.clock.now();
    let is_flowing = feed.is_flowing();
    let new_enough = |frame: &Frame| {
        let age_then = age(frame, asked);
        // While others watch, the newest picture is as new as the camera's rate allows.
        age_then <= NEW_ENOUGH
            || is_flowing && !fresh::is_stale_of(Some(camera), &feed.name().stream, age_then)
    };
    let ill = matches!(camera.state, CameraState::Failed | CameraState::Stalled);
    let longest = app.config.http.snapshot_timeout();
    let wait = if ill {
        longest.min(WAIT_FOR_THE_ILL)
    } else {
        longest
    };
    let coming = async {
        loop {
            inbox.ready().await;
            if let Some(frame) = feed.take().filter(|frame| new_enough(frame)) {
                return frame;
            }
        }
    };
    tokio::select! {
        frame = tokio::time::timeout(wait, coming) => frame.ok(),
        () = app.draining.cancelled() => None,
    }
}

pub(super) fn why_not(app: &App, camera: &Camera) -> String {
    // It may have said by now what is wrong.
    let now = app.directory.get(&camera.name);
    let camera = now.as_deref().unwrap_or(camera);
    if camera.reason.is_empty() {
        format!(
            "camera {} gave no picture; it is {}",
            camera.name,
            camera.state.word()
        )
    } else {
        format!("camera {} gives no picture: {}", camera.name, camera.reason)
    }
}

fn picture(app: &App, frame: &Frame, stale: bool) -> Response {
    let age = age(frame, app.clock.now());
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    headers.insert(
        HeaderName::from_static("x-sightline-age-ms"),
        HeaderValue::from(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
    );
    if let Ok(time) = HeaderValue::try_from(timestamp(frame.capture_time_us)) {
        headers.insert(HeaderName::from_static("x-timestamp"), time);
    }
    if stale {
        headers.insert(
            HeaderName::from_static("x-sightline-stale"),
            HeaderValue::from_static("1"),
        );
    }
    (headers, frame.data.clone()).into_response()
}
