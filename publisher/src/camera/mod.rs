//! One camera: from the demand for it to the frames on the bus.
//!
//! [`run`] joins small loops that share one [`Shared`]: [`demand`](listen) is heard, the source is
//! [captured](capture) while it is wanted, its pictures are [published](publish), and what happens is
//! [announced](announce).

mod announce;
mod backoff;
mod capture;
mod control;
mod demand;
mod listen;
mod meter;
mod publish;
mod rate;
mod rivals;
mod shared;
mod silence;

use std::sync::Arc;

use sightline_bus::Bus;
use sightline_proto::CameraName;
use tokio_util::sync::CancellationToken;

use crate::{picture::Size, source::Source};
pub(crate) use shared::Publisher;
use shared::Shared;

/// What is known of a camera before it runs.
#[derive(Clone)]
pub(crate) struct Camera {
    pub(crate) name: CameraName,
    /// For people; may be empty.
    pub(crate) title: String,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) scheme: String,
    /// The source's URL without credentials.
    pub(crate) shown_source: String,
    /// What holds at the start.
    pub(crate) settings: Settings,
    pub(crate) max_size: Option<Size>,
    pub(crate) always: bool,
    /// Whether settings may be changed over the bus.
    pub(crate) control: bool,
}

/// What may change while a camera runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// 1 to 100.
    pub(crate) quality: u8,
    /// 0 for no limit.
    pub(crate) max_fps: f64,
}

/// Runs `camera` until `shutdown`; says goodbye at the end. Only a closed bus ends it earlier.
pub(crate) async fn run(
    camera: Camera,
    publisher: Arc<Publisher>,
    bus: Bus,
    shutdown: CancellationToken,
) -> Result<(), sightline_bus::Error> {
    let shared = Shared::new(camera, publisher);
    tracing::info!(
        camera = %shared.camera.name,
        source = shared.camera.shown_source,
        "ready"
    );
    let result = Box::pin(async {
        tokio::try_join!(
            listen::run(&shared, &bus, &shutdown),
            async {
                capture::run(&shared, &shutdown).await;
                Ok(())
            },
            async {
                publish::run(&shared, &bus, &shutdown).await;
                Ok(())
            },
            announce::run(&shared, &bus, &shutdown),
            control::run(&shared, &bus, &shutdown),
            rivals::run(&shared, &bus, &shutdown),
        )
    })
    .await;
    announce::goodbye(&shared, &bus).await;
    result.map(|_| ())
}

#[cfg(test)]
mod tests;
