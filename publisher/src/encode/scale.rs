//! Makes pictures smaller before they are encoded.

use std::borrow::Cow;

use bytes::Bytes;
use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x3},
};

use super::{
    Error,
    planes::{Plane, View},
};
use crate::picture::{Layout, Raw, Size};

/// The largest size of the shape of `size` that fits into `max`; nothing if `size` fits.
pub(crate) fn target(size: Size, max: Size) -> Option<Size> {
    if size.width <= max.width && size.height <= max.height || size.width == 0 || size.height == 0 {
        return None;
    }
    let (width, height) = (u64::from(size.width), u64::from(size.height));
    let (max_width, max_height) = (u64::from(max.width), u64::from(max.height));
    let (to_width, to_height) = if max_width * height <= max_height * width {
        (max_width, (height * max_width + width / 2) / width)
    } else {
        ((width * max_height + height / 2) / height, max_height)
    };
    // Both are at most those of `max`, which are 32 bits.
    Some(Size {
        width: to_width.max(1) as u32,
        height: to_height.max(1) as u32,
    })
}

/// Scales by averaging: what is smaller afterwards needs no finer filter.
#[derive(Debug, Default)]
pub(crate) struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// `raw` in `size`, which is smaller: grey and RGB as they are, all else as I420. The range stays.
    pub(crate) fn scale(&mut self, raw: &Raw, size: Size) -> Result<Raw, Error> {
        let (width, height) = (size.width as usize, size.height as usize);
        let (layout, stride_bytes, data) = match View::of(raw)? {
            View::Grey { y, .. } => (Layout::Grey, width, self.plane(&y, width, height)?),
            View::Rgb { rows, .. } => {
                let pixels = packed(&rows);
                let (from_width, to_width) = (rows.width / 3, width);
                let data =
                    self.resize::<U8x3>(&pixels, (from_width, rows.height), (to_width, height))?;
                (Layout::Rgb, width * 3, data)
            }
            View::Yuv { y, u, v, .. } => {
                let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
                let mut data = self.plane(&y, width, height)?;
                if width % 2 == 1 {
                    data = with_even_rows(&data, width);
                }
                data.extend(self.plane(&u, half_width, half_height)?);
                data.extend(self.plane(&v, half_width, half_height)?);
                (Layout::I420, width.next_multiple_of(2), data)
            }
        };
        Ok(Raw {
            layout,
            width: size.width,
            height: size.height,
            stride_bytes,
            range: raw.range,
            data: Bytes::from(data),
        })
    }

    fn plane(&mut self, plane: &Plane<'_>, width: usize, height: usize) -> Result<Vec<u8>, Error> {
        self.resize::<U8>(&packed(plane), (plane.width, plane.height), (width, height))
    }

    fn resize<P: PixelTrait>(
        &mut self,
        from: &[u8],
        (from_width, from_height): (usize, usize),
        (to_width, to_height): (usize, usize),
    ) -> Result<Vec<u8>, Error> {
        let mut to = vec![0; to_width * to_height * P::size()];
        let refused = |error: &dyn std::fmt::Display| Error::Library(error.to_string());
        // All sides are at most 65535.
        let source = TypedImageRef::<P>::from_buffer(from_width as u32, from_height as u32, from)
            .map_err(|error| refused(&error))?;
        let mut target = TypedImage::<P>::from_buffer(to_width as u32, to_height as u32, &mut to)
            .map_err(|error| refused(&error))?;
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Box))
            .use_alpha(false);
        self.resizer
            .resize_typed(&source, &mut target, &options)
            .map_err(|error| refused(&error))?;
        Ok(to)
    }
}

/// The samples of `plane` and nothing else: as they are, if that is how they lie.
fn packed<'a>(plane: &Plane<'a>) -> Cow<'a, [u8]> {
    let (rows, stride) = plane.rows();
    if plane.is_packed() && stride == plane.width {
        return Cow::Borrowed(rows);
    }
    let mut samples = Vec::with_capacity(plane.width * plane.height);
    for y in 0..plane.height {
        if plane.is_packed() {
            samples.extend_from_slice(plane.row(y));
        } else {
            samples.extend(plane.samples(y));
        }
    }
    Cow::Owned(samples)
}

/// Rows of I420 are as long as two rows of chroma.
fn with_even_rows(data: &[u8], width: usize) -> Vec<u8> {
    data.chunks_exact(width)
        .flat_map(|row| row.iter().copied().chain([0]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_stays_and_nothing_grows() {
        let size = |text: &str| text.parse::<Size>().unwrap();
        for (from, max, wanted) in [
            ("1920x1080", "1920x1080", None),
            ("640x480", "1920x1080", None),
            ("1920x1080", "1280x1280", Some("1280x720")),
            ("1080x1920", "1280x1280", Some("720x1280")),
            ("1920x1080", "4000x270", Some("480x270")),
            ("65535x1", "100x100", Some("100x1")),
        ] {
            assert_eq!(
                target(size(from), size(max)),
                wanted.map(size),
                "{from} in {max}"
            );
        }
    }
}
