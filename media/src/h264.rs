//! H.264 as cameras, files and encoders give it, made fit for viewers.
//!
//! On the wire a frame is one access unit in Annex B form, with SPS and PPS in front of every key frame.
//! Whatever comes in is brought into that form here; nothing is decoded.
//!
//! - [`annexb`]: NAL units between start codes;
//! - [`avc`]: NAL units behind lengths, as MP4 has them, and the configuration record that goes with them;
//! - [`Parameters`]: what SPS and PPS say: size, codec string, frame rate;
//! - [`Splitter`]: access units from a stream of bytes; [`Grouper`]: the same from NAL units;
//! - [`Reorder`]: presentation times for streams with B-frames and no times of their own.
//!
//! Source: ITU-T H.264 (08/2021), whose clauses the files name; ISO/IEC 14496-15 for MP4; RFC 6381.

pub mod annexb;
pub mod avc;
mod bits;
mod boundary;
mod grouper;
mod params;
mod poc;
mod recovery;
mod reorder;
mod sets;
mod slice;
mod splitter;

#[cfg(test)]
pub(crate) mod samples;

pub use grouper::{AccessUnit, Grouper, Reason, Split};
pub use params::{Colour, Parameters, Rate, Reordering};
pub use poc::Order;
pub use reorder::{Ordered, Reorder};
pub use splitter::Splitter;

/// The largest access unit, in bytes, as the bus carries it. What is larger is dropped and counted.
pub const MAX_UNIT_BYTES: usize = 8 << 20;

/// Why bytes are not H.264 that can be carried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sequence parameter set that contradicts the standard.
    #[error("the SPS cannot be read: {0}")]
    Sps(String),
    /// A picture parameter set that contradicts the standard, or its SPS.
    #[error("the PPS cannot be read: {0}")]
    Pps(String),
    /// SPS or PPS are missing where they are needed.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// Larger than any level of the standard allows, or without a single pixel.
    #[error("a picture of {width}x{height} pixels is not possible")]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// A slice header that cannot be read.
    #[error("the slice header cannot be read: {0}")]
    Slice(String),
    /// Data partitioning, which no browser decodes.
    #[error("data partitioning is not supported")]
    Partitioned,
    /// A configuration record that contradicts itself or is cut short.
    #[error("the AVC configuration cannot be read: {0}")]
    Config(String),
    /// A NAL unit is said to be longer than the access unit that holds it.
    #[error("a NAL unit of {len} bytes is said to be in the {left} bytes that are left")]
    Truncated {
        /// Bytes.
        len: usize,
        /// Bytes.
        left: usize,
    },
}

/// Types of NAL units. H.264, table 7-1.
pub(crate) mod nal {
    pub(crate) const SLICE: u8 = 1;
    pub(crate) const PARTITION_A: u8 = 2;
    pub(crate) const PARTITION_C: u8 = 4;
    pub(crate) const IDR: u8 = 5;
    pub(crate) const SEI: u8 = 6;
    pub(crate) const SPS: u8 = 7;
    pub(crate) const PPS: u8 = 8;
    pub(crate) const AUD: u8 = 9;
    pub(crate) const END_OF_SEQUENCE: u8 = 10;
    pub(crate) const END_OF_STREAM: u8 = 11;
    pub(crate) const FILLER: u8 = 12;
    pub(crate) const SPS_EXTENSION: u8 = 13;
    pub(crate) const PREFIX: u8 = 14;
    pub(crate) const RESERVED_18: u8 = 18;

    /// The bit is set that never is.
    pub(crate) fn is_forbidden(nal: &[u8]) -> bool {
        nal.first().is_none_or(|header| header & 0x80 != 0)
    }

    /// The type of a NAL unit; 0, which is none, if it is empty.
    pub(crate) fn kind(nal: &[u8]) -> u8 {
        nal.first().map_or(0, |header| header & 0x1F)
    }

    /// nal_ref_idc: 0 if no other picture needs this one.
    pub(crate) fn reference(nal: &[u8]) -> u8 {
        nal.first().map_or(0, |header| header >> 5 & 3)
    }
}
