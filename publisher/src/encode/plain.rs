//! Encodes with `jpeg-encoder`: pure Rust, SIMD on x86.

use std::cell::RefCell;

use jpeg_encoder::{
    ChromaSubsamplingMethod, Encoder, EncodingError, ImageBuffer, JpegColorType, SamplingFactor,
    rgb_to_ycbcr,
};

use super::{
    Error,
    planes::{Samples, View, luma_to_full},
};
use crate::picture::{Range, Raw};

/// This library keeps nothing from one picture to the next.
#[derive(Debug, Default)]
pub(super) struct Backend;

impl Backend {
    pub(super) fn encode(
        &mut self,
        raw: &Raw,
        quality: u8,
        into: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let view = View::of(raw)?;
        let mut encoder = Encoder::new(into, quality);
        match view {
            View::Grey { .. } => {}
            View::Yuv { half_height, .. } => {
                encoder.set_sampling_factor(match half_height {
                    true => SamplingFactor::F_2_2,
                    false => SamplingFactor::F_2_1,
                });
                // What is left out are the copies that `fill_buffers` makes.
                encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Nearest);
            }
            View::Rgb { .. } => {
                encoder.set_sampling_factor(SamplingFactor::F_2_2);
                encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
            }
        }
        let picture = Picture {
            view,
            scratch: RefCell::default(),
            width: raw.width as u16,
            height: raw.height as u16,
        };
        encoder
            .encode_image(picture)
            .map_err(|error: EncodingError| Error::Library(error.to_string()))
    }
}

struct Picture<'a> {
    view: View<'a>,
    /// A row of samples on its way.
    scratch: RefCell<Vec<u8>>,
    width: u16,
    height: u16,
}

impl ImageBuffer for Picture<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        match self.view {
            View::Grey { .. } => JpegColorType::Luma,
            View::Yuv { .. } | View::Rgb { .. } => JpegColorType::Ycbcr,
        }
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, row: u16, [to_y, to_u, to_v, _]: &mut [Vec<u8>; 4]) {
        let row = usize::from(row);
        match &self.view {
            View::Grey { y, range } => y.append_full(row, *range, Samples::Luma, to_y),
            View::Yuv {
                y,
                u,
                v,
                half_height,
                range,
            } => {
                let chroma_row = if *half_height { row / 2 } else { row };
                y.append_full(row, *range, Samples::Luma, to_y);
                let scratch = &mut *self.scratch.borrow_mut();
                for (plane, to) in [(u, to_u), (v, to_v)] {
                    if plane.is_packed() && *range == Range::Full {
                        append_twice(to, plane.row(chroma_row), y.width);
                    } else {
                        scratch.clear();
                        plane.append_full(chroma_row, *range, Samples::Chroma, scratch);
                        append_twice(to, scratch, y.width);
                    }
                }
            }
            View::Rgb { rows, range } => {
                for pixel in rows.row(row).chunks_exact(3) {
                    let (y, u, v) = rgb(pixel, *range);
                    to_y.push(y);
                    to_u.push(u);
                    to_v.push(v);
                }
            }
        }
    }
}

/// Each sample is that of two neighbours; the last one's second may be beyond `width`.
fn append_twice(to: &mut Vec<u8>, samples: &[u8], width: usize) {
    let start = to.len();
    to.resize(start + 2 * samples.len(), 0);
    let pairs = to[start..].as_chunks_mut::<2>().0;
    for (pair, &sample) in pairs.iter_mut().zip(samples) {
        *pair = [sample; 2];
    }
    to.truncate(start + width);
}

fn rgb(pixel: &[u8], range: Range) -> (u8, u8, u8) {
    match range {
        Range::Full => rgb_to_ycbcr(pixel[0], pixel[1], pixel[2]),
        Range::Limited => rgb_to_ycbcr(
            luma_to_full(pixel[0]),
            luma_to_full(pixel[1]),
            luma_to_full(pixel[2]),
        ),
    }
}
