//! Bytes in, bytes out: what a camera's data is, and how to make it fit for viewers.
//!
//! Nothing here does I/O, reads a clock or awaits.

pub mod aac;
pub mod fmp4;
pub mod group;
pub mod h264;
pub mod jpeg;
pub mod mp4;
pub mod rtp;
pub mod testcard;
