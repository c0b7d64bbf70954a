//! Whole fleets: real nats-servers, publishers, relays and clients.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod control;
mod deploy;
mod faults;
mod h264;
mod idle;
mod large;
mod many_cameras;
mod operations;
mod quiet;
mod reload;
mod rtsp;
mod slow_viewer;
mod smooth;
mod solo;
mod stuck_viewer;
mod two_relays;
