//! One camera: from the demand for it to the frames on the bus.
//!
//! [`run`] joins small loops that share one [`Shared`]: [`demand`](listen) is heard, the source is
//! [captured](capture) while it is wanted, what it gives is [looked at](intake) once and becomes
//! [streams](stream), a worker each, and what happens is [announced](announce).

mod announce;
mod backoff;
mod capture;
mod control;

mod demand;
mod input;
mod intake;
mod listen;
mod meter;
mod offer;
mod pace;
mod rate;
mod rivals;
mod shared;
mod silence;
mod stream;
mod verb;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sightline_bus::Bus;
use sightline_proto::CameraName;
use tokio_util::sync::CancellationToken;

use crate::picture::Size;
use input::Input;
pub(crate) use input::Named;
pub(crate) use shared::Publisher;
use shared::Shared;
pub(crate) use verb::Verb;

/// What is known of a camera before it runs.
#[derive(Clone)]
pub(crate) struct Camera {
    pub(crate) name: CameraName,
    /// For people; may be empty.
    pub(crate) title: String,
    pub(crate) from: Named,
    /// What holds at the start.
    pub(crate) settings: Settings,
    pub(crate) offer: Offer,
    pub(crate) max_size: Option<Size>,
    pub(crate) always: bool,
    /// What relays may ask for.
    pub(crate) control: Vec<Verb>,
}

/// What may change while a camera runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// 1 to 100.
    pub(crate) quality: u8,
    /// 0 for no limit.
    pub(crate) max_fps: f64,
}

/// Which streams a camera offers, and how those are made that it does not give itself.
#[derive(Clone)]
pub(crate) struct Offer {
    /// Empty: all that there can be.
    pub(crate) streams: Vec<String>,
    /// JPEGs a second that are made of video.
    pub(crate) jpeg_fps: f64,
    /// Of H.264 that is made of pictures. 0: what suits size and rate.
    pub(crate) h264_bits_per_second: u32,
    pub(crate) h264_key_interval: Duration,
    pub(crate) sub: Option<Sub>,
}

/// All streams as the configuration has them by default.
impl Default for Offer {
    fn default() -> Self {
        Self {
            streams: Vec::new(),
            jpeg_fps: 5.0,
            h264_bits_per_second: 0,
            h264_key_interval: Duration::from_secs(2),
            sub: None,
        }
    }
}

/// Where the small stream comes from.
#[derive(Clone)]
pub(crate) enum Sub {
    /// JPEGs that are made smaller than `max`, so many a second at most.
    Scaled { max: Size, fps: f64 },
    /// A source of its own.
    Source(Named),
}

/// How a camera is told to end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) stop: CancellationToken,
    /// Another one of its name follows at once: it says no goodbye.
    pub(crate) replaced: Arc<AtomicBool>,
}

impl Ending {
    /// Told by `shutdown`, or on its own.
    pub(crate) fn of(shutdown: &CancellationToken) -> Self {
        Self {
            stop: shutdown.child_token(),
            replaced: Arc::default(),
        }
    }
}

/// Runs `camera` until it is told to end; says goodbye then. Only a closed bus ends it earlier.
pub(crate) async fn run(
    camera: Camera,
    publisher: Arc<Publisher>,
    bus: Bus,
    ending: Ending,
) -> Result<(), sightline_bus::Error> {
    let shared = Shared::new(camera, publisher);
    let result = drive(&shared, &bus, &ending.stop).await;
    if !ending.replaced.load(Ordering::Relaxed) {
        announce::goodbye(&shared, &bus).await;
    }
    result
}

async fn drive(
    shared: &Shared,
    bus: &Bus,
    shutdown: &CancellationToken,
) -> Result<(), sightline_bus::Error> {
    tracing::info!(
        camera = %shared.camera.name,
        source = shared.camera.from.shown,
        "ready"
    );
    let all = async {
        tokio::try_join!(
            listen::run(shared, bus, shutdown),
            async {
                let second = async {
                    if let Some(input) = &shared.second {
                        read(shared, input, shutdown).await;
                    }
                };
                tokio::join!(read(shared, &shared.main, shutdown), second);
                Ok(())
            },
            async {
                Box::pin(stream::run(shared, bus, shutdown)).await;
                Ok(())
            },
            announce::run(shared, bus, shutdown),
            control::run(shared, bus, shutdown),
            rivals::run(shared, bus, shutdown),
        )
    };
    Box::pin(all).await.map(|_| ())
}

/// Captures a source while it is wanted, and looks at what it gives.
async fn read(shared: &Shared, input: &Input, shutdown: &CancellationToken) {
    tokio::join!(
        capture::run(shared, input, shutdown),
        intake::run(shared, input, shutdown),
    );
}

#[cfg(test)]
mod tests;
