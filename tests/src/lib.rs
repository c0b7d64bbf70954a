//! What the end-to-end tests are made of: real servers and programs that end with the test, and
//! clients that look at what comes out.
//!
//! A tool that is missing fails the test that needs it; nothing is skipped.

#[cfg(feature = "browser")]
pub mod browser;
pub mod clock;
pub mod eventually;
pub mod fleet;
pub mod frames;
pub mod haproxy;
pub mod http;
pub mod mjpeg;
pub mod namespace;
pub mod nats;
pub mod picture;
pub mod port;
pub mod process;
pub mod proxy;
pub mod rtsp;
pub mod watch;

pub use eventually::eventually;
