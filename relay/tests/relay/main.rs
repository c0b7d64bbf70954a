//! A relay over the in-process bus, with a camera made of messages and clients made of sockets.

mod api;
mod connections;
mod dialects;
mod drain;
mod faults;
mod multipart;
mod snapshot;
mod support;
mod watch;
