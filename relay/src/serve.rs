//! A relay from its start to its end.

use std::{net::SocketAddr, time::Duration};

use sightline_bus::{Bus, Link};
use sightline_proto::CameraState;
use tokio::{net::TcpListener, runtime::Handle, sync::broadcast::error::RecvError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    config::{Config, InvalidSetting},
    directory::{Change, Directory},
    frames::FrameThread,
    http,
    hub::{Hub, StreamName},
    metrics::Metrics,
};

/// Why a relay could not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot work; nothing was started.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// The listener is of no use.
    #[error("cannot accept connections")]
    Listener(#[source] std::io::Error),
    /// The operating system gives no more threads.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// Serves viewers at `listener` with the cameras on `bus` until `shutdown`, and then until all
/// viewers have left, at most [`Config::drain_ms`].
///
/// The bus may be down, now or at any time: the relay then says that it is not ready.
pub async fn serve(
    config: Config,
    bus: Bus,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let frames = FrameThread::start().map_err(Error::Thread)?;
    serve_on(&frames, config, bus, listener, shutdown).await
}

/// The same, with frames on a thread on which the bus may run as well.
pub(crate) async fn serve_on(
    frames: &FrameThread,
    config: Config,
    bus: Bus,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    config.check()?;
    let address = listener.local_addr().map_err(Error::Listener)?;
    announce(address, &config);

    let clock = Clock::start();
    let metrics = Metrics::new([Handle::current(), frames.handle().clone()]);
    // Ends after the last viewer.
    let stop_bus = CancellationToken::new();
    let directory = Directory::new(clock, metrics.clone());
    let hub = Hub::new(
        bus.clone(),
        clock,
        metrics.clone(),
        directory.clone(),
        &config.streams,
        stop_bus.clone(),
        frames.handle().clone(),
    );
    let tasks = TaskTracker::new();
    tasks.spawn({
        let (directory, bus, stop) = (directory.clone(), bus.clone(), stop_bus.clone());
        async move { directory.run(bus, stop).await }
    });
    tasks.spawn(watch_readiness(
        bus.clone(),
        metrics.clone(),
        shutdown.clone(),
        stop_bus.clone(),
    ));

    tasks.spawn(remind_idle_cameras(
        directory.clone(),
        hub.clone(),
        stop_bus.clone(),
    ));

    let grace = Duration::from_millis(config.drain_ms);
    let app = http::App::new(
        config,
        clock,
        metrics,
        directory,
        hub.clone(),
        bus.clone(),
        shutdown,
    );
    tasks.spawn({
        let (fleet, stop) = (app.fleet.clone(), stop_bus.clone());
        async move { fleet.run(bus, stop).await }
    });
    http::serve(app, listener, grace).await;

    stop_bus.cancel();
    tasks.close();
    tasks.wait().await;
    hub.closed().await;
    tracing::info!("stopped");
    Ok(())
}

fn announce(address: SocketAddr, config: &Config) {
    tracing::info!("serving viewers at http://{address}");
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "there is no authentication: everyone who reaches this address can watch every camera"
        );
        if !config.http.control.is_empty() {
            tracing::warn!(
                allowed = ?config.http.control,
                "and everyone can ask cameras for what http.control allows"
            );
        }
    }
}

/// A camera that says it is idle while it is watched here has not heard of it: it just started. It is
/// told at once, so that its viewers need not wait for the next heartbeat.
async fn remind_idle_cameras(directory: Directory, hub: Hub, stop: CancellationToken) {
    let mut changes = directory.follow();
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = stop.cancelled() => return,
        };
        match change {
            Ok(Change::Camera(camera)) if camera.online && camera.state == CameraState::Idle => {
                for offer in &camera.streams {
                    hub.remind(&StreamName {
                        camera: camera.name.clone(),
                        stream: offer.name.clone(),
                    });
                }
            }
            // Whatever was missed comes with the heartbeat.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Keeps the metrics of the bus and of readiness true.
async fn watch_readiness(
    bus: Bus,
    metrics: Metrics,
    draining: CancellationToken,
    stop: CancellationToken,
) {
    let mut link = bus.link();
    loop {
        let up = *link.borrow_and_update() == Link::Up;
        let ready = up && !draining.is_cancelled();
        metrics.bus_up.set(i64::from(up));
        metrics.ready.set(i64::from(ready));
        tokio::select! {
            changed = link.changed() => if changed.is_err() {
                return;
            },
            () = draining.cancelled(), if ready => {}
            () = stop.cancelled() => return,
        }
    }
}
