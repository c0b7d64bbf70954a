//! `/api/status`: all relays, sites and cameras, as far as this relay knows.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{App, Error, cameras};
use crate::{
    clock::wall_us,
    fleet::{FleetView, Own, Peer},
};

pub(super) async fn fleet(State(app): State<App>) -> Result<Response, Error> {
    let own = Peer::new(app.hub.relay_id(), &app.fleet.own(), app.clock.now());
    let relays: Vec<_> = std::iter::once(own).chain(app.fleet.others()).collect();
    let (now_us, viewers) = (wall_us(), app.hub.viewers());
    let recent = app.metrics.recent();
    let cameras = app.directory.cameras();
    let cameras = cameras.iter().map(|camera| {
        let (age_ms, dropped) = recent.look(&camera.name, now_us);
        let own = Own {
            viewers: viewers.get(&camera.name).copied().unwrap_or(0),
            age_ms,
            dropped,
        };
        (&**camera, own)
    });
    let json = cameras::json(&FleetView::new(now_us, &relays, cameras))?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, json).into_response())
}
