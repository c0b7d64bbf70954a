//! What every program of Sightline shares around its work: flags, settings, logs, signals, exit codes.

mod exit;
mod flags;
mod log;
mod reload;
pub mod settings;
mod signals;

pub use exit::{Exit, run};
pub use flags::Flags;
pub use log::Log;
pub use reload::{Cause, Reload};
pub use signals::shutdown_on_signals;
