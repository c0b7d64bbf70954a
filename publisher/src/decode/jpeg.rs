//! JPEG to pixels, with zune-jpeg.

use std::borrow::Cow;

use bytes::Bytes;
use sightline_media::jpeg;
use zune_jpeg::{
    JpegDecoder as Decoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::Error;
use crate::{
    picture::{Layout, Range, Raw},
    pool::Pool,
};

/// A third more than 8K has. The decoder needs up to 9 bytes for each.
const MOST_PIXELS: u32 = 44_000_000;

/// Decodes the pictures of one camera, one after the other. Takes milliseconds: for [`Cores`](crate::cores::Cores).
#[derive(Debug, Default)]
pub(crate) struct JpegDecoder {
    pool: Pool,
    /// Y, U and V of each pixel.
    packed: Vec<u8>,
}

impl JpegDecoder {
    /// The pixels of `jpeg`: full-range I420, grey, or RGB if it is stored so.
    ///
    /// One that is cut short or contradicts itself is an error; flipped bits inside the compressed pixels go
    /// unnoticed, as with every decoder.
    pub(crate) fn decode(&mut self, jpeg: &[u8]) -> Result<Raw, Error> {
        let info = jpeg::inspect(jpeg)?;
        let too_large = info
            .width
            .checked_mul(info.height)
            .is_none_or(|pixels| pixels > MOST_PIXELS);
        if too_large {
            return Err(Error::TooLarge {
                width: info.width,
                height: info.height,
                most: MOST_PIXELS,
            });
        }
        if !info.progressive && !info.interleaved {
            // The library makes garbage of 4:2:0 in several scans, and says nothing.
            return Err(Error::Unsupported("a JPEG with a scan for each component"));
        }
        let whole = &jpeg[..info.len];
        let complete = if info.has_huffman_tables {
            Cow::Borrowed(whole)
        } else {
            Cow::Owned(jpeg::with_huffman_tables(Bytes::copy_from_slice(whole)).to_vec())
        };
        self.pixels(&complete)
    }

    fn pixels(&mut self, jpeg: &[u8]) -> Result<Raw, Error> {
        // Only strict mode notices pictures that end early.
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(65_535)
            .set_max_height(65_535);
        let mut decoder = Decoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(damaged)?;
        let (width, height) = decoder
            .dimensions()
            .ok_or_else(|| Error::Damaged("it has no size".into()))?;
        let (layout, colours, bytes_per_pixel) = match decoder.input_colorspace() {
            Some(ColorSpace::Luma) => (Layout::Grey, ColorSpace::Luma, 1),
            // Packed: the library gives no planes.
            Some(ColorSpace::YCbCr) => (Layout::I420, ColorSpace::YCbCr, 3),
            _ => (Layout::Rgb, ColorSpace::RGB, 3),
        };
        decoder.set_options(options.jpeg_set_out_colorspace(colours));
        let len = width * height * bytes_per_pixel;
        let mut out = self.pool.take();
        let target = match layout {
            Layout::I420 => &mut self.packed,
            _ => &mut out,
        };
        target.resize(len, 0);
        decoder.decode_into(target).map_err(damaged)?;
        let stride_bytes = match layout {
            Layout::I420 => {
                planes(&self.packed, width, height, &mut out);
                width.next_multiple_of(2)
            }
            _ => width * bytes_per_pixel,
        };
        Ok(Raw {
            layout,
            width: width as u32,
            height: height as u32,
            stride_bytes,
            range: Range::Full,
            data: self.pool.share(out),
        })
    }
}

fn damaged(error: impl std::fmt::Debug) -> Error {
    Error::Damaged(format!("{error:?}"))
}

/// Packed Y U V as I420: of each four pixels the average colour, at the edges of what is there.
fn planes(packed: &[u8], width: usize, height: usize, out: &mut Vec<u8>) {
    let stride = width.next_multiple_of(2);
    let (half_width, half_height) = (stride / 2, height.div_ceil(2));
    out.resize(stride * height + 2 * half_width * half_height, 0);
    let (luma, chroma) = out.split_at_mut(stride * height);
    let (u_plane, v_plane) = chroma.split_at_mut(half_width * half_height);
    let row = |y: usize| packed[y * width * 3..][..width * 3].as_chunks::<3>().0;
    for (y, to) in luma.chunks_exact_mut(stride).enumerate() {
        for (to, pixel) in to.iter_mut().zip(row(y)) {
            *to = pixel[0];
        }
    }
    let rows = u_plane
        .chunks_exact_mut(half_width)
        .zip(v_plane.chunks_exact_mut(half_width));
    for (y, (u, v)) in rows.enumerate() {
        let (upper, lower) = (row(2 * y), row((2 * y + 1).min(height - 1)));
        let (pairs_above, last_above) = upper.as_chunks::<2>();
        let (pairs_below, last_below) = lower.as_chunks::<2>();
        let fours = pairs_above.iter().zip(pairs_below);
        for ((u, v), (above, below)) in u.iter_mut().zip(&mut *v).zip(fours) {
            let average = |component: usize| {
                let sum = u16::from(above[0][component])
                    + u16::from(above[1][component])
                    + u16::from(below[0][component])
                    + u16::from(below[1][component]);
                ((sum + 2) / 4) as u8
            };
            (*u, *v) = (average(1), average(2));
        }
        if let ([above], [below]) = (last_above, last_below) {
            let average = |component: usize| above[component].midpoint(below[component]);
            (u[half_width - 1], v[half_width - 1]) = (average(1), average(2));
        }
    }
}

#[cfg(test)]
mod tests;
