//! PNG to pixels.

use std::io::Cursor;

use bytes::Bytes;
use png::{ColorType, Decoder, Limits, Transformations};

use crate::picture::{Layout, Range, Raw};

/// A picture whose pixels need more memory than this is refused.
const MAX_PIXEL_BYTES: usize = 256 << 20;

/// The pixels of a PNG, as grey or RGB; what is transparent is shown on black.
pub(super) fn decode(data: &[u8]) -> Result<Raw, String> {
    let mut decoder = Decoder::new_with_limits(
        Cursor::new(data),
        Limits {
            bytes: MAX_PIXEL_BYTES,
        },
    );
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let len = reader
        .output_buffer_size()
        .filter(|len| *len <= MAX_PIXEL_BYTES);
    let mut pixels = vec![0; len.ok_or("it is too large")?];
    let info = reader
        .next_frame(&mut pixels)
        .map_err(|error| error.to_string())?;
    pixels.truncate(info.buffer_size());
    let (layout, stride, pixels) = match info.color_type {
        ColorType::Grayscale => (Layout::Grey, info.line_size, pixels),
        ColorType::Rgb => (Layout::Rgb, info.line_size, pixels),
        ColorType::GrayscaleAlpha => (Layout::Grey, info.line_size / 2, on_black(&pixels, 2)),
        ColorType::Rgba => (Layout::Rgb, info.line_size / 4 * 3, on_black(&pixels, 4)),
        ColorType::Indexed => return Err("its palette is missing".into()),
    };
    Ok(Raw {
        layout,
        width: info.width,
        height: info.height,
        stride_bytes: stride,
        range: Range::Full,
        data: Bytes::from(pixels),
    })
}

/// Pixels of `samples` samples, the last of which is the opacity, without it.
fn on_black(pixels: &[u8], samples: usize) -> Vec<u8> {
    let opaque = |pixel: &[u8]| {
        let (&alpha, colours) = pixel.split_last().unwrap_or((&0, &[]));
        colours
            .iter()
            .map(|&colour| ((u16::from(colour) * u16::from(alpha) + 127) / 255) as u8)
            .collect::<Vec<_>>()
    };
    pixels.chunks_exact(samples).flat_map(opaque).collect()
}
