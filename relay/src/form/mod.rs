//! What a frame looks like on each route. Pure: frame in, bytes out.

pub(crate) mod file;
pub(crate) mod fragment;
pub(crate) mod message;
pub(crate) mod multipart;
pub(crate) mod units;
pub(crate) mod websocket;
