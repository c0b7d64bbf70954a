//! Packed YUYV as encoders want it: planes, in the range of JPEG. Made in the one pass that copies a frame out of the
//! driver's buffer, so that encoders read it as it is.

use super::pixel::Shape;
use crate::{
    encode::{chroma_to_full, luma_to_full},
    picture::{Layout, Range, Raw},
    pool::Pool,
};

/// The picture in `frame`, which is as long as `shape` says, as I422 in full range.
pub(super) fn yuyv(shape: &Shape, frame: &[u8], pool: &Pool) -> Raw {
    let (width, height) = (shape.width as usize, shape.height as usize);
    let stride = width.next_multiple_of(2);
    let half = stride / 2;
    let mut data = pool.take_filled(2 * stride * height);
    let (luma, chroma) = data.split_at_mut(stride * height);
    let (u_plane, v_plane) = chroma.split_at_mut(half * height);
    // Not even one pixel: nothing to copy, and rows of no bytes cannot be counted.
    if half > 0 {
        let planes = luma
            .chunks_exact_mut(stride)
            .zip(u_plane.chunks_exact_mut(half))
            .zip(v_plane.chunks_exact_mut(half));
        for (row, ((y, u), v)) in frame.chunks(shape.stride_bytes).zip(planes) {
            let row = &row[..2 * stride];
            match shape.range {
                Range::Full => unpack(row, y, u, v, |sample| sample, |sample| sample),
                Range::Limited => unpack(row, y, u, v, luma_to_full, chroma_to_full),
            }
        }
    }
    Raw {
        layout: Layout::I422,
        width: shape.width,
        height: shape.height,
        stride_bytes: stride,
        range: Range::Full,
        data: pool.share(data),
    }
}

/// One row: Y U Y V, over and over. Words whose bytes are cut off, and small loops: compilers turn both into
/// instructions for many samples at once, twice as fast as bytes at a distance. The row is in the cache after the first.
fn unpack(
    row: &[u8],
    y: &mut [u8],
    u: &mut [u8],
    v: &mut [u8],
    luma: impl Fn(u8) -> u8,
    chroma: impl Fn(u8) -> u8,
) {
    for (y, &pair) in y.iter_mut().zip(row.as_chunks::<2>().0) {
        *y = luma((u16::from_le_bytes(pair) & 0xFF) as u8);
    }
    let colours = u.iter_mut().zip(v.iter_mut());
    for ((u, v), &four) in colours.zip(row.as_chunks::<4>().0) {
        let word = u32::from_le_bytes(four);
        (*u, *v) = ((word >> 8) as u8, (word >> 24) as u8);
    }
    for plane in [u, v] {
        plane
            .iter_mut()
            .for_each(|sample| *sample = chroma(*sample));
    }
}

#[cfg(test)]
mod tests {
    use v4l::FourCC;

    use super::{super::ioctl::Format, *};

    fn shape(width: u32, height: u32, stride_bytes: u32, quantization: u32) -> Shape {
        let format = Format {
            fourcc: FourCC::new(b"YUYV"),
            width,
            height,
            stride_bytes,
            field: 1,
            colorspace: 0,
            quantization,
        };
        Shape::new(Layout::Yuyv, &format)
    }

    const FULL: u32 = 1;
    const LIMITED: u32 = 2;

    #[test]
    fn samples_go_to_their_planes_and_padding_goes() {
        let row = |first: u8| [first, first + 100, first + 1, first + 200, 7, 7];
        let frame = [row(1), row(3)].concat();
        let raw = yuyv(&shape(2, 2, 6, FULL), &frame, &Pool::default());
        assert_eq!((raw.layout, raw.range), (Layout::I422, Range::Full));
        assert_eq!((raw.width, raw.height, raw.stride_bytes), (2, 2, 2));
        assert_eq!(raw.data[..], [1, 2, 3, 4, 101, 103, 201, 203]);
    }

    #[test]
    fn limited_range_becomes_full_range() {
        let frame = [16, 240, 235, 16];
        let raw = yuyv(&shape(2, 1, 4, LIMITED), &frame, &Pool::default());
        assert_eq!(raw.data[..], [0, 255, 255, 0]);
    }

    #[test]
    fn an_odd_last_column_has_its_pair() {
        let frame = [1, 10, 2, 20, 3, 30, 4, 40];
        let raw = yuyv(&shape(3, 1, 0, FULL), &frame, &Pool::default());
        assert_eq!((raw.width, raw.stride_bytes), (3, 4));
        assert_eq!(raw.data[..], [1, 2, 3, 4, 10, 30, 20, 40]);
    }

    #[test]
    fn a_picture_without_pixels_is_one() {
        let raw = yuyv(&shape(0, 3, 0, FULL), &[], &Pool::default());
        assert!(raw.data.is_empty());
    }
}
