//! Encodes with libjpeg-turbo: three times as fast, SIMD on x86 and ARM. Needs cmake and nasm to build.

use std::fmt;

use turbojpeg::{
    Compressor, Image, OutputBuf, PixelFormat, Subsamp, YuvPlanesImage, compressed_buf_len,
};

use super::{
    Error,
    planes::{Plane, Samples, View},
};
use crate::picture::{Range, Raw};

/// The library's state and buffers, for all pictures of one camera.
#[derive(Default)]
pub(super) struct Backend {
    compressor: Option<Compressor>,
    planes: [Vec<u8>; 3],
    /// Where the library writes to: as long as the worst picture, of which hardly any memory is ever touched.
    jpeg: Vec<u8>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend(turbojpeg)")
    }
}

impl Backend {
    pub(super) fn encode(
        &mut self,
        raw: &Raw,
        quality: u8,
        into: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let view = View::of(raw)?;
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new()?),
        };
        compressor.set_quality(i32::from(quality))?;
        let [first, second, third] = &mut self.planes;
        let (width, height) = (raw.width as usize, raw.height as usize);
        let longest = compressed_buf_len(width, height, Subsamp::None)?;
        if self.jpeg.len() < longest {
            self.jpeg = vec![0; longest];
        }
        let mut jpeg = OutputBuf::borrowed(&mut self.jpeg);
        match view {
            View::Yuv {
                y,
                u,
                v,
                half_height,
                range,
            } => {
                // The library wants whole blocks of chroma: an odd last row or column is repeated.
                let repeated = (y.width % 2 == 1, half_height && y.height % 2 == 1);
                let y_plane = contiguous(&y, range, Samples::Luma, repeated, first);
                let chroma = Samples::Chroma;
                let u_plane = contiguous(&u, range, chroma, (false, false), second);
                let v_plane = contiguous(&v, range, chroma, (false, false), third);
                let image = YuvPlanesImage {
                    y_plane: y_plane.0,
                    u_plane: u_plane.0,
                    v_plane: v_plane.0,
                    width: y.width,
                    height: y.height,
                    y_stride: y_plane.1,
                    u_stride: u_plane.1,
                    v_stride: v_plane.1,
                    subsamp: if half_height {
                        Subsamp::Sub2x2
                    } else {
                        Subsamp::Sub2x1
                    },
                };
                compressor.compress_yuv_planes(&image, &mut jpeg)?;
            }
            View::Grey { y, range } => {
                let (pixels, pitch) = contiguous(&y, range, Samples::Luma, (false, false), first);
                compressor.set_subsamp(Subsamp::Gray)?;
                let format = PixelFormat::GRAY;
                let image = Image {
                    pixels,
                    width: y.width,
                    pitch,
                    height: y.height,
                    format,
                };
                compressor.compress(image, &mut jpeg)?;
            }
            View::Rgb { rows, range } => {
                let (pixels, pitch) =
                    contiguous(&rows, range, Samples::Luma, (false, false), first);
                compressor.set_subsamp(Subsamp::Sub2x2)?;
                let (width, format) = (rows.width / 3, PixelFormat::RGB);
                let image = Image {
                    pixels,
                    width,
                    pitch,
                    height: rows.height,
                    format,
                };
                compressor.compress(image, &mut jpeg)?;
            }
        }
        into.extend_from_slice(&jpeg);
        Ok(())
    }
}

/// The samples of `plane` row by row, and the bytes from one row to the next: as they are if nothing must change,
/// else in `buffer`.
fn contiguous<'a>(
    plane: &Plane<'a>,
    range: Range,
    samples: Samples,
    (repeat_column, repeat_row): (bool, bool),
    buffer: &'a mut Vec<u8>,
) -> (&'a [u8], usize) {
    if range == Range::Full && plane.is_packed() && !repeat_column && !repeat_row {
        return plane.rows();
    }
    buffer.clear();
    let stride = plane.width + usize::from(repeat_column);
    for row in (0..plane.height).chain(repeat_row.then_some(plane.height - 1)) {
        plane.append_full(row, range, samples, buffer);
        if repeat_column {
            buffer.extend(buffer.last().copied());
        }
    }
    (buffer, stride)
}

impl From<turbojpeg::Error> for Error {
    fn from(error: turbojpeg::Error) -> Self {
        Self::Library(error.to_string())
    }
}
