//! Streams for tests.

use proptest::prelude::*;

use super::{annexb, nal};

/// 24 frames of 64x48 at 25 frames a second in two groups of 12: High, up to three B-frames with one of them
/// a reference, two slices and a delimiter each.
pub(crate) const B_FRAMES: &[u8] = include_bytes!("samples/b_frames.h264");

/// The SPS of [`B_FRAMES`].
pub(crate) const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0A, 0xAC, 0xD9, 0x84, 0x7B, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0x20, 0xF1, 0x22, 0x59, 0xA0,
];

/// The PPS of [`B_FRAMES`].
pub(crate) const PPS: &[u8] = &[0x68, 0xE9, 0x78, 0x39, 0x2C, 0x8B];

/// A stream in Annex B form of these NAL units.
pub(crate) fn stream<N: AsRef<[u8]>>(units: impl IntoIterator<Item = N>) -> Vec<u8> {
    let mut out = Vec::new();
    for unit in units {
        annexb::write(unit.as_ref(), &mut out);
    }
    out
}

/// The NAL units of [`B_FRAMES`] that are slices, two for each frame.
pub(crate) fn slices() -> Vec<&'static [u8]> {
    annexb::nals(B_FRAMES)
        .filter(|unit| matches!(nal::kind(unit), nal::SLICE | nal::IDR))
        .collect()
}

/// A NAL unit with any header and any legal content.
pub(crate) fn any_nal(max_len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..max_len).prop_map(|bytes| {
        let mut nal: Vec<u8> = Vec::new();
        for byte in bytes.into_iter().map(mostly_small) {
            if nal.ends_with(&[0, 0]) && byte <= 3 {
                nal.push(3);
            }
            nal.push(byte);
        }
        nal.push(0x80);
        nal
    })
}

/// Turns two bytes of three into those that start codes and their escapes are made of. Cheaper by far than a
/// strategy for each byte.
pub(crate) fn mostly_small(byte: u8) -> u8 {
    match byte {
        0..=85 => 0,
        86..=170 => byte % 5,
        _ => byte,
    }
}
