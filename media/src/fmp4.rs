//! Fragmented MP4: one init segment, then one fragment per frame.
//!
//! A fragment is a head of about a hundred bytes (`moof`, and the header of `mdat`) and the frame itself. The
//! frame is shared by all viewers; the head is made for each viewer, with its own sequence numbers and a
//! timeline that starts where the viewer does, or once for all who need no timeline of their own.
//!
//! - [`init_segment`], [`mime`]: what comes first;
//! - [`Sample`]: one frame, and its head;
//! - [`Timeline`]: decode times without holes from times that are not quite regular.
//!
//! Video is counted in [`VIDEO_TIMESCALE`], audio in its sample rate.
//!
//! Source: ISO/IEC 14496-12 (boxes), 14496-14 and 14496-15 (sample entries); W3C "ISO BMFF Byte Stream
//! Format" for what browsers want.

mod fragment;
mod init;
mod timeline;

pub use fragment::{Fragment, HEAD_BYTES, Sample};
pub use init::{init_segment, mime};
pub use timeline::{Placed, Timeline, convert};

/// Ticks a second of video times.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// Which of the two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// H.264, behind lengths of four bytes: [`from_annex_b`](crate::h264::avc::from_annex_b).
    Video,
    /// Raw AAC.
    Audio,
}

impl Track {
    /// Its number in the file.
    pub fn id(self) -> u32 {
        match self {
            Self::Video => 1,
            Self::Audio => 2,
        }
    }
}

/// Why there is no MP4.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither video nor audio.
    #[error("a file without tracks is not possible")]
    NoTracks,
    /// `mdat` cannot be so large.
    #[error("a frame of {0} bytes is too large")]
    TooLarge(usize),
    /// A box cannot hold what it should.
    #[error("the file cannot be written")]
    Box(#[from] mp4_atom::Error),
}
