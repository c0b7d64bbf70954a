//! What is written is read by real clients: ffprobe and ffmpeg find no fault in it, and decode from it the
//! same pictures and sounds as from the source. What they write is read as they read it.

// Helpers outside of #[test] functions fail a test just as well.
#![allow(clippy::unwrap_used)]

mod audio;
mod demux;
mod ffmpeg;
mod mux;
mod video;
