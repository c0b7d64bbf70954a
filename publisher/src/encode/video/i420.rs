//! Pictures as the H.264 encoder takes them: planes of 4:2:0 with even sides, in limited range.
//!
//! Limited range because hardware decoders and players exist that ignore the flag for the full one. A plane that
//! is right already is not copied.

use openh264::formats::YUVSource;

use super::super::planes::{Plane, View};
use crate::picture::{Range, Size};

/// Planes that had to be made, kept for the next picture.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

/// Samples row by row, and the bytes from one row to the next.
type Rows<'a> = (&'a [u8], usize);

/// A picture with even sides.
#[derive(Debug)]
pub(super) struct Source<'a> {
    width: usize,
    height: usize,
    y: Rows<'a>,
    u: Rows<'a>,
    v: Rows<'a>,
}

impl Buffers {
    /// The picture without its last column or row if their number is odd. Nothing if nothing is left then.
    pub(super) fn of<'a>(&'a mut self, view: &View<'a>) -> Option<Source<'a>> {
        let Self { y, u, v } = self;
        let (width, height) = match view {
            View::Grey { y, .. } | View::Yuv { y, .. } => (y.width & !1, y.height & !1),
            View::Rgb { rows, .. } => ((rows.width / 3) & !1, rows.height & !1),
        };
        if width == 0 || height == 0 {
            return None;
        }
        let chroma = (width / 2, height / 2);
        let (y, u, v) = match *view {
            View::Grey { y: from, range } => {
                u.clear();
                u.resize(chroma.0 * chroma.1, NO_COLOUR);
                let grey = (&**u, chroma.0);
                (plane(&from, (width, height), range, luma, y), grey, grey)
            }
            View::Yuv {
                y: from_y,
                u: from_u,
                v: from_v,
                half_height: true,
                range,
            } => (
                plane(&from_y, (width, height), range, luma, y),
                plane(&from_u, chroma, range, self::chroma, u),
                plane(&from_v, chroma, range, self::chroma, v),
            ),
            View::Yuv {
                y: from_y,
                u: from_u,
                v: from_v,
                half_height: false,
                range,
            } => (
                plane(&from_y, (width, height), range, luma, y),
                halved(&from_u, chroma, range, u),
                halved(&from_v, chroma, range, v),
            ),
            View::Rgb { rows, range } => {
                rgb(&rows, (width, height), range, y, u, v);
                ((&**y, width), (&**u, chroma.0), (&**v, chroma.0))
            }
        };
        Some(Source {
            width,
            height,
            y,
            u,
            v,
        })
    }
}

impl Source<'_> {
    pub(super) fn size(&self) -> Size {
        Size {
            width: self.width as u32,
            height: self.height as u32,
        }
    }

    /// Whether both sides have so many pixels.
    pub(super) fn is_at_least(&self, side: usize) -> bool {
        self.width >= side && self.height >= side
    }
}

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.y.1, self.u.1, self.v.1)
    }

    fn y(&self) -> &[u8] {
        self.y.0
    }

    fn u(&self) -> &[u8] {
        self.u.0
    }

    fn v(&self) -> &[u8] {
        self.v.0
    }
}

/// A sample of U or V that says "grey".
const NO_COLOUR: u8 = 128;

/// Brightness from full to limited range: 219/255, as 220/256, which is never wrong by more than rounding is.
fn luma(full: u8) -> u8 {
    ((u16::from(full) * 220 + 128) >> 8) as u8 + 16
}

/// Colour from full to limited range around 128: 224/255, as 225/256.
fn chroma(full: u8) -> u8 {
    ((u16::from(full) * 225 + 31 * 128 + 128) >> 8) as u8
}

/// The first `width` samples of the first `height` rows: as they are if nothing must change, else in `buffer`.
fn plane<'a>(
    from: &Plane<'a>,
    (width, height): (usize, usize),
    range: Range,
    limit: impl Fn(u8) -> u8 + Copy,
    buffer: &'a mut Vec<u8>,
) -> Rows<'a> {
    if range == Range::Limited && from.is_packed() {
        return from.rows();
    }
    buffer.clear();
    for y in 0..height {
        match range {
            Range::Limited => from.append(y, width, |sample| sample, buffer),
            Range::Full => from.append(y, width, limit, buffer),
        }
    }
    (buffer, width)
}

/// Chroma that has all rows, as chroma of half as many, in `buffer`.
fn halved<'a>(
    from: &Plane<'a>,
    (width, height): (usize, usize),
    range: Range,
    buffer: &'a mut Vec<u8>,
) -> Rows<'a> {
    buffer.clear();
    for y in 0..height {
        match range {
            Range::Limited => from.append_averages(2 * y, width, |sample| sample, buffer),
            Range::Full => from.append_averages(2 * y, width, chroma, buffer),
        }
    }
    (buffer, width)
}

/// BT.601 from RGB to limited range, in 65536ths.
struct Matrix {
    y: [i32; 3],
    u: [i32; 3],
    v: [i32; 3],
    /// What black is.
    black: i32,
}

impl Matrix {
    /// `luma` and `chroma`: how far the range shrinks.
    const fn new(luma: f64, chroma: f64, black: i32) -> Self {
        const fn fixed(factors: [f64; 3], scale: f64) -> [i32; 3] {
            let [r, g, b] = factors;
            [
                (r * scale * 65_536.0) as i32,
                (g * scale * 65_536.0) as i32,
                (b * scale * 65_536.0) as i32,
            ]
        }
        Self {
            y: fixed([0.299, 0.587, 0.114], luma),
            u: fixed([-0.168_736, -0.331_264, 0.5], chroma),
            v: fixed([0.5, -0.418_688, -0.081_312], chroma),
            black,
        }
    }

    const fn of(range: Range) -> &'static Self {
        const FULL: Matrix = Matrix::new(219.0 / 255.0, 224.0 / 255.0, 16);
        // R, G and B are from 16 to 235 already.
        const LIMITED: Matrix = Matrix::new(1.0, 224.0 / 219.0, 0);
        match range {
            Range::Full => &FULL,
            Range::Limited => &LIMITED,
        }
    }
}

/// `factors` times R, G and B, and `offset`, rounded to a byte. `bits` are those of the fraction.
fn mixed([r, g, b]: [i32; 3], factors: [i32; 3], offset: i32, bits: u32) -> u8 {
    let sum = r * factors[0] + g * factors[1] + b * factors[2];
    ((sum + (1 << (bits - 1))) >> bits)
        .saturating_add(offset)
        .clamp(0, 255) as u8
}

/// Two rows of pixels at a time: their Y, and of each four the average colour.
fn rgb(
    rows: &Plane<'_>,
    (width, height): (usize, usize),
    range: Range,
    y: &mut Vec<u8>,
    u: &mut Vec<u8>,
    v: &mut Vec<u8>,
) {
    let matrix = Matrix::of(range);
    let pixel = |p: &[u8; 3]| p.map(i32::from);
    for plane in [&mut *y, &mut *u, &mut *v] {
        plane.clear();
    }
    for row in 0..height {
        let pixels = rows.row(row)[..width * 3].as_chunks::<3>().0;
        y.extend(
            pixels
                .iter()
                .map(|p| mixed(pixel(p), matrix.y, matrix.black, 16)),
        );
    }
    for row in (0..height).step_by(2) {
        let [upper, lower] =
            [row, row + 1].map(|row| rows.row(row)[..width * 3].as_chunks::<6>().0);
        for (a, b) in upper.iter().zip(lower) {
            let sum = |i: usize| {
                i32::from(a[i]) + i32::from(a[i + 3]) + i32::from(b[i]) + i32::from(b[i + 3])
            };
            let four = [sum(0), sum(1), sum(2)];
            // Four pixels are two bits more.
            u.push(mixed(four, matrix.u, NO_COLOUR.into(), 18));
            v.push(mixed(four, matrix.v, NO_COLOUR.into(), 18));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_range_becomes_limited_range() {
        for full in 0..=255u8 {
            let exact_luma = f64::from(full) * 219.0 / 255.0 + 16.0;
            let exact_chroma = (f64::from(full) - 128.0) * 224.0 / 255.0 + 128.0;
            assert!((f64::from(luma(full)) - exact_luma).abs() <= 0.7, "{full}");
            assert!(
                (f64::from(chroma(full)) - exact_chroma).abs() <= 0.7,
                "{full}"
            );
        }
        assert_eq!((luma(0), luma(255)), (16, 235));
        assert_eq!((chroma(0), chroma(128), chroma(255)), (16, 128, 240));
    }

    #[test]
    fn primary_colours_are_what_bt_601_says() {
        for (rgb, yuv) in [
            ([255, 255, 255], [235, 128, 128]),
            ([0, 0, 0], [16, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
        ] {
            let matrix = Matrix::of(Range::Full);
            let found = [
                mixed(rgb, matrix.y, matrix.black, 16),
                mixed(rgb, matrix.u, 128, 16),
                mixed(rgb, matrix.v, 128, 16),
            ];
            let near = found.iter().zip(yuv).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(near, "{rgb:?}: {found:?} instead of {yuv:?}");
        }
    }
}
