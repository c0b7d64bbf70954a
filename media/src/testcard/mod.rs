//! A moving picture by which people and programs recognise frozen, dropped and late frames: it shows
//! the time, the frame number, something that moves, and the number once more as a [`strip`] of cells.

mod canvas;
mod glyph;
mod scene;
pub mod strip;
mod text;

pub use scene::Card;
pub use strip::read_number;

/// A plane's bytes are this many for a picture of `width` x `height` pixels with [`stride`].
fn luma_len(width: u32, height: u32) -> usize {
    stride(width) * height as usize
}

/// Bytes from one row of Y to the next: the width, made even. U and V have half of it.
pub fn stride(width: u32) -> usize {
    width.next_multiple_of(2) as usize
}

/// Bytes of an I420 picture: Y, U and V without gaps, rows of [`stride`] bytes, chroma rows rounded up.
pub fn len_bytes(width: u32, height: u32) -> usize {
    luma_len(width, height) + stride(width) * height.div_ceil(2) as usize
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder};
    use zune_jpeg::{
        JpegDecoder,
        zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
    };

    use super::*;

    const NOON_US: i64 = 1_795_435_200_123_456;

    fn luma(card: &Card, (width, height): (u32, u32), number: u32) -> Vec<u8> {
        let mut picture = Vec::new();
        card.render(number, NOON_US, &mut picture);
        assert_eq!(picture.len(), len_bytes(width, height));
        (0..height as usize)
            .flat_map(|y| picture[y * stride(width)..][..width as usize].to_vec())
            .collect()
    }

    fn through_jpeg(luma: &[u8], (width, height): (u32, u32), quality: u8) -> Vec<u8> {
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, quality)
            .encode(luma, width as u16, height as u16, ColorType::Luma)
            .unwrap();
        let grey = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
        JpegDecoder::new_with_options(ZCursor::new(jpeg), grey)
            .decode()
            .unwrap()
    }

    /// Each pixel is the average of what it stands for, as browsers do it.
    fn scaled(luma: &[u8], (w, h): (u32, u32), (to_w, to_h): (u32, u32)) -> Vec<u8> {
        let mut small = Vec::new();
        for y in 0..to_h {
            for x in 0..to_w {
                let (xs, ys) = (
                    x * w / to_w..(x + 1) * w / to_w,
                    y * h / to_h..(y + 1) * h / to_h,
                );
                let mut sum = 0;
                for y in ys.clone() {
                    sum += xs
                        .clone()
                        .map(|x| u32::from(luma[(y * w + x) as usize]))
                        .sum::<u32>();
                }
                small.push((sum / (xs.len() * ys.len()) as u32) as u8);
            }
        }
        small
    }

    #[test]
    fn the_number_survives_compression_and_scaling() {
        for size in [
            (160, 90),
            (320, 180),
            (641, 361),
            (640, 480),
            (1280, 720),
            (1920, 1080),
        ] {
            let card = Card::new(size.0, size.1);
            for number in [
                0,
                1,
                0x5555_5555,
                0xAAAA_AAAA,
                0x00FF_FF00,
                u32::MAX,
                123_456,
            ] {
                let seen = through_jpeg(&luma(&card, size, number), size, 30);
                let stride = size.0 as usize;
                assert_eq!(
                    read_number(&seen, size.0, size.1, stride),
                    Some(number),
                    "{size:?}"
                );
                let small = scaled(&seen, size, (160, 90));
                assert_eq!(
                    read_number(&small, 160, 90, 160),
                    Some(number),
                    "{size:?} scaled"
                );
                let twice = through_jpeg(&small, (160, 90), 30);
                assert_eq!(
                    read_number(&twice, 160, 90, 160),
                    Some(number),
                    "{size:?} twice"
                );
            }
        }
    }

    #[test]
    fn every_size_can_be_drawn() {
        let mut picture = Vec::new();
        for (width, height) in (1..=70)
            .map(|w| (w, 71 - w))
            .chain([(1, 1), (2_000, 3), (3, 2_000)])
        {
            Card::new(width, height).render(7, NOON_US, &mut picture);
            assert_eq!(picture.len(), len_bytes(width, height));
        }
    }

    #[test]
    fn something_moves_from_frame_to_frame() {
        let (card, size) = (Card::new(640, 360), (640, 360));
        let mut other = Vec::new();
        card.render(7, NOON_US + 33_333, &mut other);
        let first = luma(&card, size, 7);
        let differing = first.iter().zip(&other).filter(|(a, b)| a != b).count();
        assert!(
            (200..50_000).contains(&differing),
            "{differing} pixels differ"
        );
    }
}
