//! ustreamer: `/stream`, `/snapshot` and `/state`.

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    routing::get,
};
use serde_json::{Value, json};
use sightline_proto::JPEG;

use super::{asked, snapshot_of, stream_of};
use crate::{
    directory::Camera,
    http::{App, Error},
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/stream", get(stream_of))
        .route("/snapshot", get(snapshot_of))
        .route("/state", get(state_of))
}

async fn state_of(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Error> {
    let (_, camera) = asked(&app, query.as_deref())?;
    let viewers = app.hub.viewers();
    let viewers = viewers.get(&camera.name).copied().unwrap_or(0);
    Ok(Json(state(&camera, viewers)))
}

/// ustreamer's shape, as far as clients read it. What a relay cannot know is left out: the quality,
/// and the addresses of viewers.
fn state(camera: &Camera, viewers: usize) -> Value {
    let jpeg = camera
        .streams
        .iter()
        .find(|offer| offer.name.as_str() == JPEG);
    let (width, height) = jpeg.map_or((0, 0), |offer| (offer.width, offer.height));
    let fps = jpeg.map_or(0, |offer| offer.fps.round() as u32);
    json!({
        "ok": true,
        "result": {
            "instance_id": camera.name.to_string(),
            "encoder": {"type": "NOOP", "quality": 0},
            "source": {
                "resolution": {"width": width, "height": height},
                "online": camera.online,
                "desired_fps": fps,
                "captured_fps": fps,
            },
            "stream": {
                "queued_fps": fps,
                "clients": viewers,
                "clients_stat": {},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_proto::{Announce, Stream};

    #[test]
    fn the_state_has_what_clients_read() {
        let announce = Announce {
            streams: vec![Stream {
                name: JPEG.into(),
                width: 1_280,
                height: 720,
                fps: 29.97,
                ..Stream::default()
            }],
            ..Announce::default()
        };
        let camera = Camera::announced("farm/gate".parse().unwrap(), &announce, 0);
        let state = state(&camera, 2);
        assert_eq!(state["ok"], true);
        let source = &state["result"]["source"];
        assert_eq!(source["resolution"], json!({"width": 1_280, "height": 720}));
        assert_eq!(source["online"], true);
        assert_eq!(source["captured_fps"], 30);
        assert_eq!(state["result"]["stream"]["clients"], 2);
    }
}
