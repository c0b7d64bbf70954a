//! Raw pictures seen as planes of samples, whatever their layout.

use super::Error;
use crate::picture::{Layout, Range, Raw};

/// A picture whose bytes are known to be all there.
#[derive(Clone, Copy, Debug)]
pub(super) enum View<'a> {
    Grey {
        y: Plane<'a>,
        range: Range,
    },
    Yuv {
        y: Plane<'a>,
        u: Plane<'a>,
        v: Plane<'a>,
        half_height: bool,
        range: Range,
    },
    Rgb {
        rows: Plane<'a>,
        range: Range,
    },
}

/// What samples say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    /// Brightness.
    Luma,
    /// Colour.
    Chroma,
}

/// One sample of each pixel (or of each block of pixels).
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<'a> {
    data: &'a [u8],
    stride: usize,
    /// Bytes from one sample of a row to the next.
    step: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<'a> Plane<'a> {
    /// Row `y` from its first sample to its last, with what lies between them. `y` is less than the height.
    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        let start = y * self.stride;
        &self.data[start..start + (self.width - 1) * self.step + 1]
    }

    /// The samples of row `y`.
    pub(super) fn samples(&self, y: usize) -> impl Iterator<Item = u8> + use<'a> {
        self.row(y).iter().step_by(self.step).copied()
    }

    /// Appends row `y` in full range.
    pub(super) fn append_full(&self, y: usize, range: Range, what: Samples, to: &mut Vec<u8>) {
        match (range, what) {
            (Range::Full, _) if self.is_packed() => to.extend_from_slice(self.row(y)),
            (Range::Full, _) => self.append(y, self.width, |sample| sample, to),
            (Range::Limited, Samples::Luma) => self.append(y, self.width, luma_to_full, to),
            (Range::Limited, Samples::Chroma) => self.append(y, self.width, chroma_to_full, to),
        }
    }

    /// Appends the first `count` samples of row `y`, each as `map` makes it of itself.
    pub(super) fn append(&self, y: usize, count: usize, map: impl Fn(u8) -> u8, to: &mut Vec<u8>) {
        let row = self.row(y);
        match self.step {
            1 => to.extend(row[..count].iter().map(|&sample| map(sample))),
            // Steps that the compiler knows are four times as fast.
            2 => to.extend(spaced::<2>(row).take(count).map(map)),
            4 => to.extend(spaced::<4>(row).take(count).map(map)),
            _ => to.extend(self.samples(y).take(count).map(map)),
        }
    }

    /// Appends the averages of the first `count` samples of row `y` and those below them, each as `map` makes it.
    pub(super) fn append_averages(
        &self,
        y: usize,
        count: usize,
        map: impl Fn(u8) -> u8,
        to: &mut Vec<u8>,
    ) {
        let average = |(a, b)| map((u16::from(a) + u16::from(b)).div_ceil(2) as u8);
        let (upper, lower) = (self.row(y), self.row(y + 1));
        match self.step {
            1 => {
                let pairs = upper.iter().copied().zip(lower.iter().copied());
                to.extend(pairs.take(count).map(average));
            }
            4 => {
                let pairs = spaced::<4>(upper).zip(spaced::<4>(lower));
                to.extend(pairs.take(count).map(average));
            }
            _ => {
                let pairs = self.samples(y).zip(self.samples(y + 1));
                to.extend(pairs.take(count).map(average));
            }
        }
    }

    /// All rows, and the bytes from one to the next.
    pub(super) fn rows(&self) -> (&'a [u8], usize) {
        let end = (self.height - 1) * self.stride + (self.width - 1) * self.step + 1;
        (&self.data[..end], self.stride)
    }

    /// Whether a row is nothing but its samples.
    pub(super) fn is_packed(&self) -> bool {
        self.step == 1
    }
}

/// Every `STEP`th byte. The first of the last few stands for itself.
fn spaced<const STEP: usize>(row: &[u8]) -> impl Iterator<Item = u8> {
    let (whole, rest) = row.as_chunks::<STEP>();
    whole
        .iter()
        .map(|samples| samples[0])
        .chain(rest.first().copied())
}

impl<'a> View<'a> {
    /// Fails if the size cannot be a JPEG's, or bytes are missing.
    pub(super) fn of(raw: &'a Raw) -> Result<Self, Error> {
        let (width, height) = (raw.width as usize, raw.height as usize);
        if !(1..=65_535).contains(&width) || !(1..=65_535).contains(&height) {
            return Err(Error::Size {
                width: raw.width,
                height: raw.height,
            });
        }
        let stride = raw.stride_bytes;
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let plane = |offset, stride, step, width, height| {
            Plane::new(&raw.data, offset, stride, step, width, height).ok_or_else(|| Error::Short {
                width: raw.width,
                height: raw.height,
                layout: raw.layout.name(),
                len_bytes: raw.data.len(),
                stride_bytes: stride,
            })
        };
        // Saturated it is beyond any memory, and `plane` refuses it.
        let luma_len = stride.saturating_mul(height);
        let range = raw.range;
        Ok(match raw.layout {
            Layout::Grey => View::Grey {
                y: plane(0, stride, 1, width, height)?,
                range,
            },
            Layout::Rgb => {
                let row_bytes = width * 3;
                View::Rgb {
                    rows: plane(0, stride, 1, row_bytes, height)?,
                    range,
                }
            }
            Layout::Yuyv => View::Yuv {
                y: plane(0, stride, 2, width, height)?,
                u: plane(1, stride, 4, half_width, height)?,
                v: plane(3, stride, 4, half_width, height)?,
                half_height: false,
                range,
            },
            Layout::Nv12 => View::Yuv {
                y: plane(0, stride, 1, width, height)?,
                u: plane(luma_len, stride, 2, half_width, half_height)?,
                v: plane(
                    luma_len.saturating_add(1),
                    stride,
                    2,
                    half_width,
                    half_height,
                )?,
                half_height: true,
                range,
            },
            Layout::I420 | Layout::I422 => {
                let is_half = raw.layout == Layout::I420;
                let chroma_stride = stride.div_ceil(2);
                let chroma_height = if is_half { half_height } else { height };
                let v = luma_len.saturating_add(chroma_stride.saturating_mul(chroma_height));
                View::Yuv {
                    y: plane(0, stride, 1, width, height)?,
                    u: plane(luma_len, chroma_stride, 1, half_width, chroma_height)?,
                    v: plane(v, chroma_stride, 1, half_width, chroma_height)?,
                    half_height: is_half,
                    range,
                }
            }
        })
    }
}

impl<'a> Plane<'a> {
    /// Nothing if `data` ends before the last sample, or rows overlap.
    fn new(
        data: &'a [u8],
        offset: usize,
        stride: usize,
        step: usize,
        width: usize,
        height: usize,
    ) -> Option<Self> {
        let row_bytes = (width - 1).checked_mul(step)?.checked_add(1)?;
        let last_row = stride.checked_mul(height - 1)?;
        let end = offset.checked_add(last_row)?.checked_add(row_bytes)?;
        if stride < row_bytes || end > data.len() {
            return None;
        }
        Some(Self {
            data: &data[offset..],
            stride,
            step,
            width,
            height,
        })
    }
}

/// Brightness from limited to full range, which JPEG has: `(x - 16) * 255 / 219`, rounded.
pub(crate) fn luma_to_full(limited: u8) -> u8 {
    let above_black = i16::from(limited.saturating_sub(16));
    stretched(above_black, 1_347).min(255) as u8
}

/// Colour from limited to full range: `(x - 128) * 255 / 224 + 128`, rounded.
pub(crate) fn chroma_to_full(limited: u8) -> u8 {
    let colour = i16::from(limited) - 128;
    (128 + stretched(colour, 1_134)).clamp(0, 255) as u8
}

/// `sample` and so many 8192ths of it, in 16 bits, which compilers turn into instructions for many samples at once.
fn stretched(sample: i16, more: i32) -> i16 {
    let sixteenths = ((i32::from(sample << 7) * more) >> 16) as i16;
    sample + ((sixteenths + 8) >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limited_range_becomes_full_range() {
        for limited in 0..=255u8 {
            let exact_luma = (f64::from(limited) - 16.0) * 255.0 / 219.0;
            let exact_chroma = (f64::from(limited) - 128.0) * 255.0 / 224.0 + 128.0;
            let near =
                |sample: u8, exact: f64| (f64::from(sample) - exact.clamp(0.0, 255.0)).abs() <= 0.5;
            assert!(near(luma_to_full(limited), exact_luma), "luma {limited}");
            assert!(
                near(chroma_to_full(limited), exact_chroma),
                "chroma {limited}"
            );
        }
    }
}
