//! Streams of other encoders are decoded, and damage never gets through.

use std::time::Duration;

use proptest::prelude::*;
use sightline_media::testcard::{self, Card};

use super::*;
use crate::encode::video::{VideoEncoder, VideoSettings};

/// Frames of the test card from our encoder: a key frame every ten.
fn units(width: u32, height: u32, frames: u32) -> Vec<Vec<u8>> {
    let card = Card::new(width, height);
    let mut encoder = VideoEncoder::new(VideoSettings {
        bits_per_second: 4_000_000,
        fps: 30.0,
        key_interval: Duration::from_secs(60),
    });
    let mut data = Vec::new();
    (0..frames)
        .map(|number| {
            let time_us = 1_795_435_200_000_000 + i64::from(number) * 33_333;
            card.render(number, time_us, &mut data);
            let raw = Raw {
                layout: Layout::I420,
                width,
                height,
                stride_bytes: testcard::stride(width),
                range: Range::Full,
                data: data.clone().into(),
            };
            let unit = encoder.encode(&raw, time_us, number % 10 == 0).unwrap();
            unit.unwrap().data.to_vec()
        })
        .collect()
}

fn number_in(raw: &Raw) -> Option<u32> {
    testcard::read_number(&raw.data, raw.width, raw.height, raw.stride_bytes)
}

#[test]
fn nothing_comes_before_the_first_key_frame() {
    let units = units(160, 90, 12);
    let mut decoder = VideoDecoder::default();
    for unit in &units[1..10] {
        assert!(decoder.decode(unit).unwrap().is_none());
    }
    for (number, unit) in (10..).zip(&units[10..]) {
        let raw = decoder.decode(unit).unwrap().unwrap();
        assert_eq!(number_in(&raw), Some(number));
    }
}

#[test]
fn after_a_lost_frame_nothing_comes_before_the_next_key_frame() {
    let units = units(160, 90, 12);
    let mut decoder = VideoDecoder::default();
    let mut seen = Vec::new();
    let mut errors = 0;
    for (number, unit) in units.iter().enumerate().filter(|(number, _)| *number != 4) {
        match decoder.decode(unit) {
            Ok(raw) => seen.extend(raw.map(|raw| (number, number_in(&raw)))),
            Err(error) => {
                errors += 1;
                assert_eq!(
                    error,
                    Error::Damaged("a frame that it refers to is missing".into())
                );
            }
        }
    }
    let wanted: Vec<_> = [0, 1, 2, 3, 10, 11].map(|n| (n, Some(n as u32))).to_vec();
    assert_eq!((seen, errors), (wanted, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_damage_gets_an_answer(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut units = units(64, 48, 6);
        for (unit, at, byte) in damage {
            let unit = unit.index(units.len());
            let at = at.index(units[unit].len());
            units[unit][at] = byte;
        }
        let mut decoder = VideoDecoder::default();
        for unit in &units {
            if let Ok(Some(raw)) = decoder.decode(unit) {
                prop_assert!(crate::encode::Encoder::default().encode(&raw, 50, None).is_ok());
            }
        }
    }
}
