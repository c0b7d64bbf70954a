//! The viewer side of Sightline: cameras come in from the bus, once each, and go out to any number of
//! viewers.
//!
//! [`serve()`] is the entry point. Inside, `directory` knows which cameras there are, `hub` holds the
//! streams that are watched, `line` takes their frames to viewers' sockets, `viewer` decides what each viewer
//! gets, `form` is what a frame looks like on a route, `http` serves the routes, and `dialect` maps the paths of other servers onto them.

mod cli;
mod clock;
mod config;
mod dialect;
mod directory;
mod fleet;
mod form;
mod frames;
mod http;
mod hub;
mod line;
mod metrics;
mod serve;
mod viewer;

pub use cli::{ask_ready, main};
pub use config::{Config, Http, InvalidSetting, Streams, Verb};
pub use serve::{Error, serve};
