//! JPEG as cameras give it: what a picture is, whether it is whole, and what viewers can show.
//!
//! Nothing here decodes a picture. Only the segments before the first scan are walked, so the cost does
//! not grow with the size of a sound picture.
//!
//! - [`inspect`](fn@inspect): size, and whether it is whole;
//! - [`without_thumbnail`], [`with_huffman_tables`]: make a camera's picture fit for every viewer;
//! - [`prepare`], [`prepare_into`], [`prepare_in_place`]: all of these at once, for pictures that are passed through;
//! - [`Splitter`]: finds pictures in a stream of bytes.
//!
//! Source: ITU-T T.81 (JPEG), annexes B (segments) and K (tables); T.871 (JFIF); Exif 3.0, section 4.

mod clean;
mod exif;
mod huffman;
mod inspect;
mod segments;
mod splitter;

#[cfg(test)]
mod samples;

pub use clean::{prepare, prepare_in_place, prepare_into, with_huffman_tables, without_thumbnail};
pub use inspect::{Error, Info, inspect};
pub use splitter::{Reason, Split, Splitter};

/// Second bytes of the markers that are used here; the first is always 0xFF. T.81, table B.1.
mod marker {
    /// Temporary, for arithmetic coding: stands alone.
    pub(crate) const TEM: u8 = 0x01;
    /// Baseline picture.
    pub(crate) const SOF0: u8 = 0xC0;
    /// Extended sequential picture, Huffman.
    pub(crate) const SOF1: u8 = 0xC1;
    /// Progressive picture, Huffman.
    pub(crate) const SOF2: u8 = 0xC2;
    /// Huffman tables.
    pub(crate) const DHT: u8 = 0xC4;
    /// The first of eight restart markers: they stand alone, inside a scan.
    pub(crate) const RST0: u8 = 0xD0;
    pub(crate) const RST7: u8 = 0xD7;
    /// A picture starts.
    pub(crate) const SOI: u8 = 0xD8;
    /// A picture ends.
    pub(crate) const EOI: u8 = 0xD9;
    /// A scan starts.
    pub(crate) const SOS: u8 = 0xDA;
    /// JFIF, and JFXX, its extension for thumbnails.
    pub(crate) const APP0: u8 = 0xE0;
    /// Exif, XMP.
    pub(crate) const APP1: u8 = 0xE1;
    /// Adobe: says how colours are stored, which decoders need.
    pub(crate) const APP14: u8 = 0xEE;
    pub(crate) const APP15: u8 = 0xEF;
    /// A comment.
    pub(crate) const COM: u8 = 0xFE;
}
