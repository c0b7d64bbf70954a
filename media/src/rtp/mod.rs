//! What comes out of RTP, made fit for viewers: times by one clock, decode times, access units as the wire has
//! them.
//!
//! - [`Clock`]: when a frame was taken, from the camera's own counting and from its arrival;
//! - [`DecodeTimes`]: when each frame is decoded, as RTP carries presentation times only;
//! - [`Video`]: H.264 access units out of depacketised frames.
//!
//! Source: RFC 3550 (RTP, sender reports); RFC 6184 (H.264).

mod clock;
mod decode_times;
mod least;
mod video;

pub use clock::{Clock, Stamp, Ticks};
pub use decode_times::{DecodeTimes, Times};
pub use video::{Frame, Given, Video};
