//! The camera side of Sightline: captures, encodes or passes through, publishes.
//!
//! [`run()`] is the whole publisher; the caller gives it the bus and says when to stop.

mod camera;
mod cli;
mod clock;
mod config;
mod cores;
pub mod cost;
mod decode;
pub mod devices;
mod encode;
mod metrics;
mod packet;
mod picture;
mod pool;
mod run;
mod source;

pub use cli::{main, named_source};
pub use config::{CameraConfig, Config, InvalidConfig, Metrics};
pub use devices::first_capture_device;
pub use run::{Error, Extras, run, run_with};
