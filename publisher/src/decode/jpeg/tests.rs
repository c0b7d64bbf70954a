//! JPEGs of every kind come back with their colours, or with a reason.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use sightline_media::testcard::{self, Card};

use super::*;
use crate::encode::testing::*;

fn card(width: u32, height: u32, number: u32) -> Raw {
    let mut data = Vec::new();
    Card::new(width, height).render(number, 1_795_435_200_000_000, &mut data);
    Raw {
        layout: Layout::I420,
        width,
        height,
        stride_bytes: testcard::stride(width),
        range: Range::Full,
        data: data.into(),
    }
}

fn jpeg_of(raw: &Raw) -> Bytes {
    let mut encoder = crate::encode::Encoder::default();
    encoder.encode(raw, 90, None).unwrap().data.data()
}

/// Noise, so that every part of it has bits.
fn noise(width: u16, height: u16, change: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * 3)
        .map(|i| (i * i / 7 % 251) as u8)
        .collect();
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 85);
    change(&mut encoder);
    encoder
        .encode(&pixels, width, height, ColorType::Rgb)
        .unwrap();
    out
}

#[test]
fn the_number_survives() {
    let mut decoder = JpegDecoder::default();
    for size in [(1280, 720), (641, 361), (320, 180)] {
        let raw = decoder
            .decode(&jpeg_of(&card(size.0, size.1, 4711)))
            .unwrap();
        assert_eq!(
            (raw.width, raw.height, raw.range),
            (size.0, size.1, Range::Full)
        );
        assert_eq!(raw.layout, Layout::I420);
        let number = testcard::read_number(&raw.data, raw.width, raw.height, raw.stride_bytes);
        assert_eq!(number, Some(4711));
    }
}

#[test]
fn colours_come_back_from_every_layout() {
    let mut decoder = JpegDecoder::default();
    for layout in LAYOUTS {
        for patch in PATCHES {
            let jpeg = jpeg_of(&picture(layout, (33, 25), Range::Full, patch, 5));
            let raw = decoder.decode(&jpeg).unwrap();
            assert_eq!(raw.layout == Layout::Grey, layout == Layout::Grey);
            let again = crate::encode::Encoder::default()
                .encode(&raw, 95, None)
                .unwrap();
            assert_colour(&again, expected(layout, patch), layout.name());
        }
    }
}

#[test]
fn pixels_stay_where_they_are() {
    // A white picture with one black quarter, all edges on blocks.
    let (width, height) = (64, 48);
    let pixels: Vec<u8> = (0..width * height)
        .flat_map(|i| {
            if i % width >= 32 && i / width < 16 {
                [0; 3]
            } else {
                [255, 255, 0]
            }
        })
        .collect();
    for sampling in [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_1_2,
        SamplingFactor::F_2_2,
    ] {
        for progressive in [false, true] {
            let mut jpeg = Vec::new();
            let mut encoder = Encoder::new(&mut jpeg, 95);
            encoder.set_sampling_factor(sampling);
            encoder.set_progressive(progressive);
            encoder
                .encode(&pixels, width as u16, height as u16, ColorType::Rgb)
                .unwrap();
            let raw = JpegDecoder::default().decode(&jpeg).unwrap();
            let luma = |x: usize, y: usize| raw.data[y * raw.stride_bytes + x];
            let blue = |x: usize, y: usize| {
                raw.data[raw.stride_bytes * height + y / 2 * (width / 2) + x / 2]
            };
            for (x, y) in [(2, 2), (28, 2), (2, 40), (60, 24)] {
                assert!(
                    luma(x, y) > 215 && blue(x, y) < 12,
                    "{sampling:?} {x} {y}: {} {}",
                    luma(x, y),
                    blue(x, y)
                );
            }
            for (x, y) in [(38, 2), (60, 10)] {
                assert!(
                    luma(x, y) < 12 && blue(x, y).abs_diff(128) < 8,
                    "{sampling:?} {x} {y}"
                );
            }
        }
    }
}

#[test]
fn pictures_without_huffman_tables_are_decoded() {
    let jpeg = noise(64, 48, |_| {});
    let tables: Vec<_> = (0..jpeg.len() - 1)
        .filter(|&at| jpeg[at..at + 2] == [0xFF, 0xC4])
        .collect();
    let mut without = jpeg.clone();
    for at in tables.into_iter().rev() {
        let len = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        without.drain(at..at + 2 + len);
    }
    let mut decoder = JpegDecoder::default();
    let (whole, restored) = (
        decoder.decode(&jpeg).unwrap(),
        decoder.decode(&without).unwrap(),
    );
    assert_eq!(whole.data, restored.data);
}

#[test]
fn a_picture_that_ends_early_is_an_error_wherever_it_ends() {
    for progressive in [false, true] {
        let jpeg = noise(64, 48, |encoder| encoder.set_progressive(progressive));
        let mut decoder = JpegDecoder::default();
        for cut in (0..jpeg.len() - 2).step_by(7) {
            assert!(decoder.decode(&jpeg[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn a_picture_with_a_scan_for_each_component_is_refused() {
    let mut jpeg = noise(64, 48, |_| {});
    let scan = jpeg.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
    // One component instead of three: two bytes for each that is gone.
    jpeg[scan + 3] = 8;
    jpeg[scan + 4] = 1;
    jpeg.drain(scan + 7..scan + 11);
    assert_eq!(
        JpegDecoder::default().decode(&jpeg).unwrap_err(),
        Error::Unsupported("a JPEG with a scan for each component")
    );
}

#[test]
fn a_picture_of_absurd_size_is_refused() {
    let mut jpeg = noise(16, 16, |_| {});
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xFF);
    let result = JpegDecoder::default().decode(&jpeg);
    assert!(
        matches!(
            result,
            Err(Error::TooLarge {
                width: 65_535,
                height: 65_535,
                ..
            })
        ),
        "{result:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_size_comes_back(width in 1usize..80, height in 1usize..80, layout in 0usize..5, patch in 0usize..6) {
        let jpeg = jpeg_of(&picture(LAYOUTS[layout], (width, height), Range::Full, PATCHES[patch], 0));
        let raw = JpegDecoder::default().decode(&jpeg).unwrap();
        prop_assert_eq!((raw.width as usize, raw.height as usize), (width, height));
        let again = crate::encode::Encoder::default().encode(&raw, 95, None).unwrap();
        assert_colour(&again, expected(LAYOUTS[layout], PATCHES[patch]), LAYOUTS[layout].name());
    }

    #[test]
    fn any_damage_gets_an_answer(
        progressive: bool, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut jpeg = noise(48, 32, |encoder| encoder.set_progressive(progressive));
        for (at, byte) in damage {
            let at = at.index(jpeg.len());
            jpeg[at] = byte;
        }
        if let Ok(raw) = JpegDecoder::default().decode(&jpeg) {
            // What is said of it holds: the encoder checks.
            prop_assert!(crate::encode::Encoder::default().encode(&raw, 50, None).is_ok());
        }
    }
}
