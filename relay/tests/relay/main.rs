//! A relay over the in-process bus, with a camera made of messages and clients made of sockets.

#![allow(clippy::unwrap_used, reason = "in a test, a surprise is a failure")]

mod api;
mod connections;
mod control;
mod dialects;
mod drain;
mod faults;
mod go2rtc;
mod mp4;
mod multipart;
mod pages;
mod snapshot;
mod status;
mod support;
mod video;
mod watch;
mod wfs;
