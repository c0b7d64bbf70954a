//! The contract between publishers and relays: how things are named, what is sent, and which of what
//! arrives may be used.
//!
//! Nothing here does I/O, reads a clock or awaits. Times are arguments.
//!
//! - [`name`]: sites, cameras and streams;
//! - [`subject`]: where on the bus a message goes;
//! - the generated messages, re-exported here;
//! - [`split`] and [`assemble`]: frames larger than the bus carries;
//! - [`accept`]: which frames are shown, after outages, restarts and clock steps.

pub mod accept;
pub mod assemble;
pub mod name;
pub mod split;
pub mod subject;

#[allow(missing_docs, unreachable_pub, clippy::all, rustdoc::invalid_html_tags)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/sightline.v1.rs"));
}

pub use generated::*;
pub use name::{CameraName, InvalidName, Token};
pub use prost::Message;
pub use subject::{Pattern, Subject};

/// The largest frame that is split, sent and assembled.
pub const MAX_FRAME_BYTES: usize = 8 << 20;

/// The most parts that a frame may have.
pub const MAX_PARTS: usize = 64;

/// How often a camera announces itself, and a relay repeats its demand.
pub const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(2);

/// How long an announcement or a demand holds without being repeated: three heartbeats.
pub const EXPIRY: std::time::Duration = std::time::Duration::from_secs(6);

/// The name of the stream of JPEG pictures.
pub const JPEG: &str = "jpeg";

/// The name of the stream of H.264 video.
pub const H264: &str = "h264";

/// The name of the stream of H.265 video.
pub const H265: &str = "h265";

/// The name of the stream of sound, AAC.
pub const AUDIO: &str = "audio";

/// The name of the small stream, pictures or H.264, for walls of many cameras.
pub const SUB: &str = "sub";

impl CameraState {
    /// The state as it stands in JSON, in logs and on the page.
    pub fn word(self) -> &'static str {
        match self {
            CameraState::Unspecified => "unknown",
            CameraState::Idle => "idle",
            CameraState::Connecting => "connecting",
            CameraState::Live => "live",
            CameraState::Failed => "failed",
            CameraState::Stalled => "stalled",
        }
    }
}

impl Codec {
    /// The codec as it stands in JSON and on the page.
    pub fn word(self) -> &'static str {
        match self {
            Codec::Unspecified => "unknown",
            Codec::Jpeg => "jpeg",
            Codec::H264 => "h264",
            Codec::H265 => "h265",
            Codec::Aac => "aac",
        }
    }
}
