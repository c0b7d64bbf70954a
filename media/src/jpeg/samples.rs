//! Pictures for tests.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};

/// A baseline colour picture with some detail.
pub(super) fn colour(width: u16, height: u16) -> Bytes {
    encode(width, height, ColorType::Rgb, false)
}

pub(super) fn progressive(width: u16, height: u16) -> Bytes {
    encode(width, height, ColorType::Rgb, true)
}

pub(super) fn grey(width: u16, height: u16) -> Bytes {
    encode(width, height, ColorType::Luma, false)
}

fn encode(width: u16, height: u16, colour: ColorType, progressive: bool) -> Bytes {
    let bytes_per_pixel = if colour == ColorType::Luma { 1 } else { 3 };
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * bytes_per_pixel)
        .map(|i| (i * i / 7 % 251) as u8)
        .collect();
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 85);
    encoder.set_progressive(progressive);
    encoder.set_restart_interval(4);
    encoder.encode(&pixels, width, height, colour).unwrap();
    out.into()
}

/// `jpeg` with a segment right after its SOI.
pub(super) fn with_segment(jpeg: &[u8], marker: u8, payload: &[u8]) -> Bytes {
    let len = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &len, payload, &jpeg[2..]]
        .concat()
        .into()
}

/// The payload of an Exif segment: an orientation, and a thumbnail if one is given.
pub(super) fn exif(
    little_endian: bool,
    orientation: Option<u16>,
    thumbnail: Option<&[u8]>,
) -> Vec<u8> {
    let u16b = |v: u16| {
        if little_endian {
            v.to_le_bytes()
        } else {
            v.to_be_bytes()
        }
    };
    let u32b = |v: u32| {
        if little_endian {
            v.to_le_bytes()
        } else {
            v.to_be_bytes()
        }
    };
    let entry = |tag: u16, kind: u16, value: [u8; 4]| {
        [&u16b(tag)[..], &u16b(kind), &u32b(1), &value].concat()
    };
    let mut ifd0: Vec<Vec<u8>> = Vec::new();
    if let Some(orientation) = orientation {
        let value = u16b(orientation);
        ifd0.push(entry(0x0112, 3, [value[0], value[1], 0, 0]));
    }
    let ifd1_at = 8 + 2 + 12 * ifd0.len() as u32 + 4;
    let mut tiff: Vec<u8> = if little_endian {
        b"II*\0".to_vec()
    } else {
        b"MM\0*".to_vec()
    };
    tiff.extend(u32b(8));
    tiff.extend(u16b(ifd0.len() as u16));
    tiff.extend(ifd0.concat());
    tiff.extend(u32b(if thumbnail.is_some() { ifd1_at } else { 0 }));
    if let Some(thumbnail) = thumbnail {
        tiff.extend(u16b(2));
        tiff.extend(entry(0x0201, 4, u32b(ifd1_at + 2 + 24 + 4)));
        tiff.extend(entry(0x0202, 4, u32b(thumbnail.len() as u32)));
        tiff.extend(u32b(0));
        tiff.extend(thumbnail);
    }
    [b"Exif\0\0", &tiff[..]].concat()
}

/// `jpeg` as many webcams send it: without Huffman tables.
pub(super) fn without_huffman_tables(jpeg: &[u8]) -> Bytes {
    let mut out = jpeg[..2].to_vec();
    let mut rest = 2;
    for segment in super::segments::Segments::new(jpeg).unwrap() {
        let segment = segment.unwrap();
        if segment.marker != super::marker::DHT {
            out.extend_from_slice(&jpeg[segment.whole.clone()]);
        }
        rest = segment.whole.end;
    }
    out.extend_from_slice(&jpeg[rest..]);
    out.into()
}
