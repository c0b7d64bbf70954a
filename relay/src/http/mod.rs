//! The routes that viewers use, and the connections that they come over.

mod cameras;
mod caps;
mod control;
mod error;
mod events;
pub(crate) mod file;
mod headers;
mod health;
mod mp4;
mod multipart;
mod origin;
mod pages;
mod params;
mod refuse;
mod server;
mod snapshot;
pub(crate) mod socket;
mod stall;
mod status;
mod takeover;
mod target;
mod watch;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use sightline_bus::{Bus, Link};
use tokio::sync::{Semaphore, watch as watched};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock, config::Config, dialect, directory::Directory, fleet::Fleet, hub::Hub,
    metrics::Metrics,
};
pub(crate) use error::Error;
pub(crate) use mp4::answer as mp4;
pub(crate) use multipart::answer as stream;
pub(crate) use pages::wall;
pub(crate) use params::Params;
pub(crate) use server::serve;
pub(crate) use snapshot::answer as snapshot;
pub(crate) use target::{h264_of, jpeg_of, named, resolve};

/// What every handler works with.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// What this relay calls itself.
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) directory: Directory,
    pub(crate) hub: Hub,
    pub(crate) fleet: Fleet,
    pub(crate) bus: Bus,
    pub(crate) link: watched::Receiver<Link>,
    /// Places for requests to cameras.
    pub(crate) controls: Semaphore,
    /// Viewers are asked to leave.
    pub(crate) draining: CancellationToken,
    /// Viewers have not left in time.
    pub(crate) ended: CancellationToken,
    /// One for each connection, WebSockets included.
    pub(crate) connections: TaskTracker,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(
        config: Config,
        clock: Clock,
        metrics: Metrics,
        directory: Directory,
        hub: Hub,
        bus: Bus,
        draining: CancellationToken,
    ) -> Self {
        let name = config.display_name();
        Self(Arc::new(Shared {
            fleet: Fleet::new(
                name.clone(),
                clock,
                hub.clone(),
                metrics.clone(),
                draining.clone(),
            ),
            name,
            config,
            clock,
            metrics,
            directory,
            hub,
            link: bus.link(),
            bus,
            controls: Semaphore::new(control::MAX_AT_ONCE),
            draining,
            ended: CancellationToken::new(),
            connections: TaskTracker::new(),
        }))
    }

    /// Refuses new viewers once the relay is leaving.
    pub(crate) fn refuse_while_draining(&self) -> Result<(), Error> {
        if self.draining.is_cancelled() {
            return Err(Error::draining());
        }
        Ok(())
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route("/", get(dialect::mjpg_streamer::root))
        .route("/watch/{site}/{camera}", get(pages::camera))
        .route("/static/{*path}", get(pages::file))
        .route("/api/cameras", get(cameras::list))
        .route("/api/cameras/{site}/{camera}", get(cameras::one))
        .route(
            "/api/cameras/{site}/{camera}/stream.mjpeg",
            get(multipart::of_camera),
        )
        .route(
            "/api/cameras/{site}/{camera}/stream.mp4",
            get(mp4::of_camera),
        )
        .route(
            "/api/cameras/{site}/{camera}/snapshot.jpg",
            get(snapshot::of_camera),
        )
        .route(
            "/api/cameras/{site}/{camera}/keyframe",
            post(control::keyframe).options(control::preflight),
        )
        .route(
            "/api/cameras/{site}/{camera}/settings",
            post(control::settings).options(control::preflight),
        )
        .route(
            "/api/cameras/{site}/{camera}/controls",
            post(control::controls).options(control::preflight),
        )
        .route("/status", get(pages::status))
        .route("/api/status", get(status::fleet))
        .route("/api/events", get(events::follow))
        .route("/api/watch", get(watch::upgrade))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(dialect::routes())
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(middleware::from_fn_with_state(app.clone(), headers::add))
        .with_state(app)
}
