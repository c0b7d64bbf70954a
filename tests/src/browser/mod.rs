//! A real Chromium, and what people see in its tabs.

mod chromium;
mod journal;
mod page;

pub use chromium::{Chromium, INSECURE_HOST};
pub use journal::Journal;
pub use page::{Page, Player, Record, SOON};
