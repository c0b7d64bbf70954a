//! Encodes with `jpeg-encoder`: pure Rust, SIMD on x86.

use jpeg_encoder::{
    ChromaSubsamplingMethod, Encoder, EncodingError, ImageBuffer, JpegColorType, SamplingFactor,
    rgb_to_ycbcr,
};

use super::{
    Error,
    planes::{Plane, ToFull, View},
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
            View::Grey { y, range } => {
                append(
                    to_y,
                    y,
                    row,
                    ToFull::from(*range).map(|to_full| to_full.luma),
                );
            }
            View::Yuv {
                y,
                u,
                v,
                half_height,
                range,
            } => {
                let to_full = ToFull::from(*range);
                let chroma_row = if *half_height { row / 2 } else { row };
                append(to_y, y, row, to_full.map(|to_full| to_full.luma));
                let chroma = to_full.map(|to_full| to_full.chroma);
                append_twice(to_u, u, chroma_row, chroma, y.width);
                append_twice(to_v, v, chroma_row, chroma, y.width);
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

fn append(to: &mut Vec<u8>, plane: &Plane<'_>, row: usize, table: Option<&[u8; 256]>) {
    match table {
        None if plane.is_packed() => to.extend_from_slice(plane.row(row)),
        None => to.extend(plane.samples(row)),
        Some(table) => to.extend(plane.samples(row).map(|sample| table[usize::from(sample)])),
    }
}

/// Each sample is that of two neighbours; the last one's second may be beyond `width`.
fn append_twice(
    to: &mut Vec<u8>,
    plane: &Plane<'_>,
    row: usize,
    table: Option<&[u8; 256]>,
    width: usize,
) {
    let end = to.len() + width;
    match table {
        None => to.extend(plane.samples(row).flat_map(|sample| [sample; 2])),
        Some(table) => {
            to.extend(
                plane
                    .samples(row)
                    .flat_map(|sample| [table[usize::from(sample)]; 2]),
            );
        }
    }
    to.truncate(end);
}

fn rgb(pixel: &[u8], range: Range) -> (u8, u8, u8) {
    match ToFull::from(range) {
        None => rgb_to_ycbcr(pixel[0], pixel[1], pixel[2]),
        Some(to_full) => {
            let full = |sample: u8| to_full.luma[usize::from(sample)];
            rgb_to_ycbcr(full(pixel[0]), full(pixel[1]), full(pixel[2]))
        }
    }
}
