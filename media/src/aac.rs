//! AAC as cameras, files and encoders give it.
//!
//! On the wire a frame is one raw access unit; what a decoder must know beforehand is in a [`Config`].
//!
//! - [`Config`]: AudioSpecificConfig, as MP4 and RTP have it;
//! - [`adts`]: frames that bring a header each, as streams of bytes have them.
//!
//! Source: ISO/IEC 14496-3, clauses 1.6 (AudioSpecificConfig) and 1.A.2 (ADTS); RFC 6381.

pub mod adts;
mod config;
mod silence;

pub use config::Config;

/// Why bytes are not AAC that can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are fewer bytes than the header says.
    #[error("AAC is cut short")]
    Truncated,
    /// An ADTS frame does not start with its mark.
    #[error("no ADTS header")]
    NoSync,
    /// A value that the standard does not define.
    #[error("{0} is not valid in AAC")]
    Invalid(&'static str),
    /// What browsers do not decode, or this crate does not read.
    #[error("AAC with {0} is not supported")]
    Unsupported(&'static str),
}
