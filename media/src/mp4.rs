//! MP4 and QuickTime files, read bit by bit: where each frame lies, and when it is decoded and shown.
//!
//! Nothing here reads a file. The caller reads the box [`moov`](Movie::parse), and of a fragmented file each
//! [`moof`](Movie::fragment), and gets places in the file and times in microseconds, edit lists and composition
//! offsets taken into account. Memory is bounded by the boxes that are given, whatever they claim to hold.
//!
//! H.264, H.265 and AAC are understood; other tracks are left out and named.
//!
//! Source: ISO/IEC 14496-12 (boxes), 14496-14 and 14496-15 (sample entries).

mod boxes;
mod format;
mod fragment;
mod movie;
mod table;
mod track;

#[cfg(test)]
mod tests;

pub use boxes::BoxHead;
pub use format::{Format, H265};
pub use fragment::Progress;
pub use movie::{Movie, Place};

use crate::fmp4::Track;

/// Samples of one track of a file. Three days at 60 frames a second; a file with more is refused.
pub const MAX_SAMPLES: u32 = 16 << 20;

/// One frame of a file. Times are in microseconds, and are the same for both tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which of the two tracks.
    pub track: Track,
    /// Where it lies in the file, in bytes.
    pub offset: u64,
    /// Bytes.
    pub len_bytes: u32,
    /// When it is decoded. Never later than `present_us`; before 0 if it is there only for what follows it.
    pub decode_us: i64,
    /// When it is shown, counted from the start of the film.
    pub present_us: i64,
    /// How long it is until the next one is decoded.
    pub duration_us: i64,
    /// The file says that decoding may start here.
    pub sync: bool,
    /// Its place in [`Movie::formats`].
    pub format: usize,
}

/// Why a file cannot be shown. For people: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A box is cut short or contradicts itself.
    #[error("its box {name} cannot be read: {reason}")]
    Box {
        /// Four characters.
        name: String,
        /// In words.
        reason: String,
    },
    /// A box without which nothing can be shown.
    #[error("it has no box {0}")]
    Missing(&'static str),
    /// Tables of a track contradict each other.
    #[error("the tables of its {track} track contradict each other: {reason}")]
    Table {
        /// `video` or `audio`.
        track: &'static str,
        /// In words.
        reason: String,
    },
    /// A number beyond what is accepted.
    #[error("it says that it has {count} {what}, at most {limit} are accepted")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// As the file says.
        count: u64,
        /// What is accepted.
        limit: u64,
    },
    /// There is no video track, or none that is understood.
    #[error("it has no H.264 or H.265 video{}", .found.as_ref().map(|found| format!(", only {found}")).unwrap_or_default())]
    NoVideo {
        /// What it has instead.
        found: Option<String>,
    },
}

impl Error {
    fn of_box(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::Box {
            name: name.into(),
            reason: reason.to_string(),
        }
    }
}

/// For people.
fn name(track: Track) -> &'static str {
    match track {
        Track::Video => "video",
        Track::Audio => "audio",
    }
}
