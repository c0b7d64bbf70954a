//! What the bus promises, over every transport: in-process, the oldest nats-server, a current one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod credentials;
mod outage;
mod rig;
mod sites;
mod tls;
mod websocket;
