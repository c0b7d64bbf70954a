//! What every program of Sightline shares around its work: settings, logs, signals, exit codes.

mod exit;
mod log;
pub mod settings;
mod signals;

pub use exit::{Exit, run};
pub use log::Log;
pub use signals::shutdown_on_signals;
