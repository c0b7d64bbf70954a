//! A webcam in software. The kernel takes it for a USB device and drives it with `uvcvideo`, as it does
//! with real ones.

pub mod picture;
pub mod webcam;
