//! Encodes with libjpeg-turbo: three times as fast, SIMD on x86 and ARM. Needs cmake and nasm to build.

use std::fmt;

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvPlanesImage};

use super::{
    Error,
    planes::{Plane, ToFull, View},
};
use crate::picture::Raw;

/// The library's state and buffers, for all pictures of one camera.
#[derive(Default)]
pub(super) struct Backend {
    compressor: Option<Compressor>,
    planes: [Vec<u8>; 3],
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
        let jpeg = match view {
            View::Yuv {
                y,
                u,
                v,
                half_height,
                range,
            } => {
                // The library wants whole blocks of chroma: an odd last row or column is repeated.
                let (odd_rows, tables) = (half_height && y.height % 2 == 1, ToFull::from(range));
                let (luma, chroma) = (tables.map(|t| t.luma), tables.map(|t| t.chroma));
                let y_plane = contiguous(&y, luma, (y.width % 2 == 1, odd_rows), first);
                let u_plane = contiguous(&u, chroma, (false, false), second);
                let v_plane = contiguous(&v, chroma, (false, false), third);
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
                compressor.compress_yuv_planes_to_owned(&image)
            }
            View::Grey { y, range } => {
                let table = ToFull::from(range).map(|tables| tables.luma);
                let (pixels, pitch) = contiguous(&y, table, (false, false), first);
                compressor.set_subsamp(Subsamp::Gray)?;
                let format = PixelFormat::GRAY;
                let image = Image {
                    pixels,
                    width: y.width,
                    pitch,
                    height: y.height,
                    format,
                };
                compressor.compress_to_owned(image)
            }
            View::Rgb { rows, range } => {
                let table = ToFull::from(range).map(|tables| tables.luma);
                let (pixels, pitch) = contiguous(&rows, table, (false, false), first);
                compressor.set_subsamp(Subsamp::Sub2x2)?;
                let (width, format) = (rows.width / 3, PixelFormat::RGB);
                let image = Image {
                    pixels,
                    width,
                    pitch,
                    height: rows.height,
                    format,
                };
                compressor.compress_to_owned(image)
            }
        }?;
        into.extend_from_slice(&jpeg);
        Ok(())
    }
}

/// The samples of `plane` row by row, and the bytes from one row to the next: as they are if nothing must change,
/// else in `buffer`.
fn contiguous<'a>(
    plane: &Plane<'a>,
    table: Option<&[u8; 256]>,
    (repeat_column, repeat_row): (bool, bool),
    buffer: &'a mut Vec<u8>,
) -> (&'a [u8], usize) {
    if table.is_none() && plane.is_packed() && !repeat_column && !repeat_row {
        return plane.rows();
    }
    buffer.clear();
    let stride = plane.width + usize::from(repeat_column);
    for row in (0..plane.height).chain(repeat_row.then_some(plane.height - 1)) {
        match table {
            None if plane.is_packed() => buffer.extend_from_slice(plane.row(row)),
            None => buffer.extend(plane.samples(row)),
            Some(table) => buffer.extend(plane.samples(row).map(|s| table[usize::from(s)])),
        }
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
