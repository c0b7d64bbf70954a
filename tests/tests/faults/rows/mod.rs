//! The rows: what is done to a fleet, and what is to come of it.

mod camera;
mod clock;
mod crowd;
mod fleet;
mod link;
mod nats;
#[cfg(feature = "browser")]
mod page;
mod publisher;
mod relay;
mod rivals;

use std::time::Duration;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;

use crate::measured::Measured;

/// One kind of fault.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) target: &'static str,
    /// What the milliseconds of [`Measured::recovery_ms`] are.
    pub(crate) figure: &'static str,
    /// It takes more than some seconds.
    pub(crate) slow: bool,
    /// Takes so long by itself that it is run once, however often the others are.
    pub(crate) once: bool,
    /// Sets everything up, makes the fault, and measures.
    pub(crate) run: fn() -> LocalBoxFuture<'static, Result<Measured>>,
}

/// More than anything that comes back at all takes.
const LONG: Duration = Duration::from_secs(30);

/// All rows, in the order of the documentation.
pub(crate) fn all() -> Vec<Row> {
    [
        publisher::rows(),
        camera::rows(),
        relay::rows(),
        #[cfg(feature = "browser")]
        page::rows(),
        nats::rows(),
        link::rows(),
        crowd::rows(),
        clock::rows(),
        rivals::rows(),
        fleet::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
