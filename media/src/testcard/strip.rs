//! The frame number as a row of black and white cells along the bottom edge.
//!
//! # Layout
//! The strip is as wide as the picture and a fifteenth of its height (or a row or two more), at its bottom. It has 48
//! cells of equal width: cell `i` goes from `i * width / 48` to `(i + 1) * width / 48` (as real numbers).
//! A white cell is a 1, a black one a 0. From left to right, the most significant bit first:
//!
//! | cells | what |
//! | --- | --- |
//! | 0 to 7 | the start marker `1 0 1 1 0 0 1 0` |
//! | 8 to 39 | the frame number, 32 bits |
//! | 40 to 47 | its CRC-8: polynomial 0x07, start value 0xFF, over the number's four bytes, the highest first |
//!
//! # Reading
//! Average the brightness over the middle half of each cell, in width and in height. The threshold lies
//! half-way between the average of the marker's white cells and that of its black ones, which must differ by
//! at least 48 of 255. The number is good if the marker and the CRC are. This works after JPEG compression
//! at quality 30 and after scaling down to 160x90, and in a browser on what a canvas gives.

/// The strip's height is the picture's divided by this.
pub(super) const HEIGHT_FRACTION: u32 = 15;

const CELLS: u32 = 48;
const MARKER: u8 = 0b1011_0010;
const LEAST_CONTRAST: f32 = 48.0;

/// The cells for `number`: the first one is the highest of 48 bits.
fn cells(number: u32) -> u64 {
    u64::from(MARKER) << 40 | u64::from(number) << 8 | u64::from(crc8(number))
}

fn crc8(number: u32) -> u8 {
    number.to_be_bytes().iter().fold(0xFF, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| match crc & 0x80 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x07,
        })
    })
}

fn is_white(cells: u64, cell: u32) -> bool {
    cells >> (CELLS - 1 - cell) & 1 == 1
}

/// Rows of the strip in a picture of `height` pixels.
pub(super) fn rows(height: u32) -> std::ops::Range<u32> {
    // Even, so that no chroma sample is shared with what is above.
    let top = (height - height / HEIGHT_FRACTION) & !1;
    top..height
}

/// Paints the strip into a plane of Y. Chroma must be neutral there.
pub(super) fn paint(luma: &mut [u8], width: u32, height: u32, stride: usize, number: u32) {
    let cells = cells(number);
    let row: Vec<u8> = (0..width)
        // A cell's edge inside a pixel goes to the cell that has the pixel's centre.
        .map(|x| ((2 * u64::from(x) + 1) * u64::from(CELLS) / (2 * u64::from(width))) as u32)
        .map(|cell| if is_white(cells, cell) { 255 } else { 0 })
        .collect();
    for y in rows(height) {
        let start = y as usize * stride;
        luma[start..start + row.len()].copy_from_slice(&row);
    }
}

/// The frame number in a picture of a [`Card`](super::Card), compressed and scaled as it may be.
///
/// `luma` holds rows of `stride` bytes; the picture must not be cropped. Nothing if there is no strip, it
/// cannot be read, or `luma` is shorter than it should be.
pub fn read_number(luma: &[u8], width: u32, height: u32, stride: usize) -> Option<u32> {
    let (w, h) = (width as usize, height as usize);
    if w < CELLS as usize || h < HEIGHT_FRACTION as usize || stride < w {
        return None;
    }
    let luma = luma.get(..stride.checked_mul(h - 1)?.checked_add(w)?)?;
    let cell_height = h as f32 / HEIGHT_FRACTION as f32;
    let cell_width = w as f32 / CELLS as f32;
    let ys = span(h as f32 - cell_height * 0.5, cell_height, h);
    let brightness: Vec<f32> = (0..CELLS)
        .map(|cell| {
            let xs = span((cell as f32 + 0.5) * cell_width, cell_width, w);
            let (mut sum, mut count) = (0.0, 0.0);
            for y in ys.clone() {
                for x in xs.clone() {
                    sum += f32::from(luma[y * stride + x]);
                    count += 1.0;
                }
            }
            sum / count
        })
        .collect();
    decode(&brightness)
}

/// The pixels whose centres lie in the middle half of a cell; at least the one at its centre.
fn span(centre: f32, len: f32, limit: usize) -> std::ops::Range<usize> {
    let first = ((centre - len * 0.25 + 0.5) as usize).min(limit - 1);
    let end = ((centre + len * 0.25 + 0.5) as usize).min(limit);
    if first < end {
        first..end
    } else {
        let middle = (centre as usize).min(limit - 1);
        middle..middle + 1
    }
}

fn decode(brightness: &[f32]) -> Option<u32> {
    let marker = cells(0);
    let mean = |white: bool| {
        let (sum, count) = (0..8)
            .filter(|&cell| is_white(marker, cell) == white)
            .fold((0.0, 0.0), |(sum, count), cell| {
                (sum + brightness[cell as usize], count + 1.0)
            });
        sum / count
    };
    let (white, black) = (mean(true), mean(false));
    if white - black < LEAST_CONTRAST {
        return None;
    }
    let bits = brightness.iter().fold(0u64, |bits, &value| {
        bits << 1 | u64::from(value > (white + black) / 2.0)
    });
    let number = (bits >> 8) as u32;
    (bits == cells(number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_as_documented() {
        assert_eq!(crc8(0), crc_by_division(0));
        assert_eq!(crc8(0x1234_5678), crc_by_division(0x1234_5678));
        assert_eq!(
            cells(0x8000_0001) >> 8,
            0b1011_0010_1000_0000_0000_0000_0000_0000_0000_0001
        );
    }

    /// The same check sum as a table of remainders would give it, bit by bit over the whole message.
    fn crc_by_division(number: u32) -> u8 {
        let mut rest = (u64::from(number) ^ 0xFF00_0000) << 8;
        for bit in (8..40).rev() {
            if rest >> bit & 1 == 1 {
                rest ^= 0x107 << (bit - 8);
            }
        }
        rest as u8
    }

    proptest! {
        #[test]
        fn what_is_painted_is_read(
            number: u32, width in 48u32..400, height in 15u32..300, gap in 0usize..9,
        ) {
            let stride = width as usize + gap;
            let mut luma = vec![90; stride * height as usize];
            paint(&mut luma, width, height, stride, number);
            prop_assert_eq!(read_number(&luma, width, height, stride), Some(number));
        }

        #[test]
        fn anything_may_be_read(
            luma in prop::collection::vec(any::<u8>(), 0..4_000),
            width in 0u32..100, height in 0u32..100, stride in 0usize..100,
        ) {
            read_number(&luma, width, height, stride);
        }

        #[test]
        fn a_flipped_cell_is_noticed(number: u32, cell in 0u32..48) {
            let flipped = cells(number) ^ 1 << cell;
            let brightness: Vec<f32> =
                (0..48).map(|i| if is_white(flipped, i) { 220.0 } else { 30.0 }).collect();
            prop_assert_eq!(decode(&brightness), None);
        }
    }
}
