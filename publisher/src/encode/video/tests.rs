//! What was encoded comes back: numbers, colours and sizes, at the bitrate that was asked for.

use proptest::prelude::*;
use sightline_media::{
    h264::{Reordering, annexb},
    testcard::{self, Card},
};

use super::{super::testing::*, *};
use crate::{
    decode::VideoDecoder,
    picture::{Layout, Range},
};

const FRAME_US: i64 = 33_333;
const START_US: i64 = 1_795_435_200_000_000;

fn settings(bits_per_second: u32) -> VideoSettings {
    VideoSettings {
        bits_per_second,
        fps: 30.0,
        key_interval: Duration::from_secs(2),
    }
}

fn card(card: &Card, (width, height): (u32, u32), number: u32) -> Raw {
    let mut data = Vec::new();
    card.render(number, time_of(number), &mut data);
    Raw {
        layout: Layout::I420,
        width,
        height,
        stride_bytes: testcard::stride(width),
        range: Range::Full,
        data: data.into(),
    }
}

fn time_of(number: u32) -> i64 {
    START_US + i64::from(number) * FRAME_US
}

/// So many frames of the test card, with their numbers; those that rate control left out are not there.
fn encoded(size: (u32, u32), bits_per_second: u32, frames: u32) -> Vec<(u32, Encoded)> {
    let picture = Card::new(size.0, size.1);
    let mut encoder = VideoEncoder::new(settings(bits_per_second));
    (0..frames)
        .filter_map(|number| {
            let raw = card(&picture, size, number);
            let unit = encoder.encode(&raw, time_of(number), false).unwrap();
            Some((number, unit?))
        })
        .collect()
}

fn number_in(raw: &Raw) -> Option<u32> {
    testcard::read_number(&raw.data, raw.width, raw.height, raw.stride_bytes)
}

#[test]
fn the_number_of_every_frame_survives() {
    let units = encoded((1280, 720), 2_000_000, 120);
    assert!(units.len() > 100, "{} of 120 frames", units.len());
    let mut decoder = VideoDecoder::default();
    for (number, unit) in units {
        let raw = decoder.decode(&unit.data).unwrap().unwrap();
        assert_eq!((raw.width, raw.height), (1280, 720));
        assert_eq!(number_in(&raw), Some(number));
    }
}

/// The card as a camera in the evening would give it: without noise it needs no more than 2 Mbit/s.
fn noisy(raw: &Raw, number: u32) -> Raw {
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    let mut data = raw.data.to_vec();
    for sample in &mut data[..raw.stride_bytes * raw.height as usize] {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *sample = sample.saturating_add((state % 7) as u8);
    }
    Raw {
        data: data.into(),
        ..raw.clone()
    }
}

/// How many times the bitrate that was asked for ten seconds had, and how many of 300 frames are there.
fn held(bits_per_second: u32, noise: bool) -> (f64, usize) {
    let (size, picture) = ((1280, 720), Card::new(1280, 720));
    let mut encoder = VideoEncoder::new(settings(bits_per_second));
    let (mut bytes, mut frames) = (0, 0);
    for number in 0..300 {
        let mut raw = card(&picture, size, number);
        if noise {
            raw = noisy(&raw, number);
        }
        if let Some(unit) = encoder.encode(&raw, time_of(number), false).unwrap() {
            bytes += unit.data.len();
            frames += 1;
        }
    }
    (
        bytes as f64 * 8.0 / 10.0 / f64::from(bits_per_second),
        frames,
    )
}

#[test]
fn the_bitrate_is_held() {
    for bits_per_second in [500_000, 2_000_000, 4_000_000] {
        for noise in [false, true] {
            let (ratio, frames) = held(bits_per_second, noise);
            let what = format!(
                "{bits_per_second} bit/s, noise {noise}: {ratio:.3} times that in {frames} frames"
            );
            eprintln!("{what}");
            // The still card has no use for more than 2 Mbit/s.
            assert!(
                ratio <= 1.15 && (ratio >= 0.85 || !noise && bits_per_second > 2_000_000),
                "{what}"
            );
            assert!(frames > 240, "{what}");
        }
    }
}

#[test]
fn key_frames_bring_their_parameters_and_come_when_they_are_due() {
    let units = encoded((640, 360), 1_000_000, 130);
    let keys: Vec<_> = units
        .iter()
        .filter(|(_, unit)| unit.key)
        .map(|(n, _)| *n)
        .collect();
    assert_eq!(keys, [0, 60, 120]);
    for (_, unit) in &units {
        let found = h264::Parameters::from_access_unit(&unit.data).unwrap();
        assert_eq!(found.as_ref(), unit.key.then_some(&*unit.parameters));
        let kinds: Vec<_> = annexb::nals(&unit.data).map(|nal| nal[0] & 0x1F).collect();
        assert_eq!(kinds, if unit.key { &[7, 8, 5][..] } else { &[1] });
    }
    let parameters = &units[0].1.parameters;
    assert_eq!((parameters.width, parameters.height), (640, 360));
    assert_eq!(
        parameters.reordering,
        Reordering {
            max_frames: 0,
            declared: true
        }
    );
    assert!(
        parameters.codec_string().starts_with("avc1.42C0"),
        "{}",
        parameters.codec_string()
    );
}

#[test]
fn a_key_frame_comes_when_it_is_asked_for() {
    let (size, picture) = ((320, 180), Card::new(320, 180));
    let mut encoder = VideoEncoder::new(settings(1_000_000));
    let mut ids = Vec::new();
    for number in 0..20 {
        let raw = card(&picture, size, number);
        let unit = encoder
            .encode(&raw, time_of(number), number % 5 == 3)
            .unwrap()
            .unwrap();
        assert_eq!(unit.key, number == 0 || number % 5 == 3, "{number}");
        if unit.key {
            ids.push(unit.data);
        }
    }
    // Key frames are told apart: two that follow each other differ in their number.
    let mut decoder = VideoDecoder::default();
    for unit in ids {
        assert!(decoder.decode(&unit).unwrap().is_some());
    }
}

#[test]
fn a_frame_that_was_left_out_does_not_lose_the_key_frame() {
    // Far too few bits: most frames are left out.
    let (size, picture) = ((1280, 720), Card::new(1280, 720));
    let mut encoder = VideoEncoder::new(settings(30_000));
    let (mut left_out, mut asked, mut keys) = (0, false, 0);
    for number in 0..400 {
        let ask = left_out > 0 && !asked;
        asked |= ask;
        let raw = card(&picture, size, number);
        match encoder.encode(&raw, time_of(number), ask).unwrap() {
            None => left_out += 1,
            Some(unit) => keys += usize::from(asked && unit.key),
        }
        if keys > 0 {
            break;
        }
    }
    assert!(
        left_out > 0 && keys == 1,
        "{left_out} left out, {keys} keys"
    );
}

#[test]
fn a_new_size_starts_with_a_key_frame() {
    let mut encoder = VideoEncoder::new(settings(1_000_000));
    let mut decoder = VideoDecoder::default();
    let mut number = 0;
    for size in [(640, 360), (320, 240), (1280, 720), (640, 360)] {
        let picture = Card::new(size.0, size.1);
        for first in [true, false] {
            number += 1;
            let raw = card(&picture, size, number);
            let unit = encoder
                .encode(&raw, time_of(number), false)
                .unwrap()
                .unwrap();
            assert_eq!(unit.key, first);
            assert_eq!((unit.parameters.width, unit.parameters.height), size);
            let seen = decoder.decode(&unit.data).unwrap().unwrap();
            assert_eq!((seen.width, seen.height), size);
            assert_eq!(number_in(&seen), Some(number));
        }
    }
}

#[test]
fn colours_come_back_from_every_layout_and_range() {
    for layout in LAYOUTS {
        for range in [Range::Full, Range::Limited] {
            for patch in PATCHES {
                let raw = picture(layout, (64, 48), range, patch, 5);
                let unit = VideoEncoder::new(settings(2_000_000))
                    .encode(&raw, 0, false)
                    .unwrap()
                    .unwrap();
                assert!(!unit.parameters.colour.full_range);
                assert_eq!(unit.parameters.colour.matrix, Some(6));
                let seen = VideoDecoder::default().decode(&unit.data).unwrap().unwrap();
                assert_eq!(seen.range, Range::Limited);
                // Through the JPEG encoder, whose colours are tested, back to RGB.
                let jpeg = super::super::Encoder::default()
                    .encode(&seen, 95, None)
                    .unwrap();
                let what = format!("{} {range:?} {:?}", layout.name(), patch.1);
                assert_colour(&jpeg, expected(layout, patch), &what);
            }
        }
    }
}

#[test]
fn browsers_are_told_what_the_colours_mean() {
    let units = encoded((320, 180), 500_000, 3);
    let stream: Vec<u8> = units
        .iter()
        .flat_map(|(_, unit)| unit.data.to_vec())
        .collect();
    let entries =
        "stream=profile,has_b_frames,color_range,color_space,color_transfer,color_primaries";
    let shown = tool(
        "ffprobe",
        &[
            "-v",
            "warning",
            "-show_entries",
            entries,
            "-of",
            "default=nw=1",
            "-f",
            "h264",
            "-i",
            "-",
        ],
        &stream,
    );
    let shown = String::from_utf8(shown).unwrap();
    for line in [
        "profile=Constrained Baseline",
        "has_b_frames=0",
        "color_range=tv",
        "color_space=smpte170m",
        "color_transfer=iec61966-2-1",
        "color_primaries=bt709",
    ] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
}

#[test]
fn ffmpeg_decodes_all_frames_without_a_word() {
    let units = encoded((640, 360), 600_000, 150);
    let stream: Vec<u8> = units
        .iter()
        .flat_map(|(_, unit)| unit.data.to_vec())
        .collect();
    let hashes = tool(
        "ffmpeg",
        &[
            "-v",
            "warning",
            "-xerror",
            "-f",
            "h264",
            "-i",
            "-",
            "-fps_mode",
            "passthrough",
            "-f",
            "framemd5",
            "-",
        ],
        &stream,
    );
    let hashes = String::from_utf8(hashes).unwrap();
    let decoded = hashes.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(decoded, units.len());
}

#[test]
fn odd_sides_lose_a_row_or_column_and_small_ones_are_refused() {
    for layout in LAYOUTS {
        let raw = picture(layout, (67, 35), Range::Full, PATCHES[2], 3);
        let unit = VideoEncoder::new(settings(500_000))
            .encode(&raw, 0, false)
            .unwrap()
            .unwrap();
        assert_eq!((unit.parameters.width, unit.parameters.height), (66, 34));
        for size in [(15, 64), (64, 15), (1, 1), (1, 64)] {
            let raw = picture(layout, size, Range::Full, PATCHES[2], 0);
            let result = VideoEncoder::new(settings(500_000)).encode(&raw, 0, false);
            assert!(matches!(result, Err(Error::TooSmall { .. })), "{result:?}");
        }
    }
}

#[test]
fn what_is_too_large_for_the_encoder_is_scaled_down() {
    for (size, wanted) in [((4000, 1000), (3840, 960)), ((1000, 4000), (960, 3840))] {
        let raw = picture(Layout::I420, size, Range::Full, PATCHES[2], 0);
        let unit = VideoEncoder::new(settings(4_000_000))
            .encode(&raw, 0, false)
            .unwrap()
            .unwrap();
        assert_eq!((unit.parameters.width, unit.parameters.height), wanted);
    }
}

#[test]
fn rate_control_sees_time_that_grows_whatever_the_clock_does() {
    let mut clock = Clock::new(25.0);
    let times = [
        0,
        40_000,
        80_000,
        -7_000_000_000,
        -6_999_960_000,
        i64::MAX,
        i64::MIN,
        i64::MIN,
    ];
    let seen = times.map(|time| clock.millis(time));
    assert_eq!(seen, [0, 40, 80, 120, 160, 200, 240, 280]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_size_is_encoded(
        width in 16usize..=90, height in 16usize..=90, padding in 0usize..9, layout in 0usize..5,
        limited: bool, patch in 0usize..6,
    ) {
        let range = if limited { Range::Limited } else { Range::Full };
        let raw = picture(LAYOUTS[layout], (width, height), range, PATCHES[patch], padding);
        let unit = VideoEncoder::new(settings(2_000_000)).encode(&raw, 0, false).unwrap().unwrap();
        let seen = VideoDecoder::default().decode(&unit.data).unwrap().unwrap();
        prop_assert_eq!((seen.width as usize, seen.height as usize), (width & !1, height & !1));
        let jpeg = super::super::Encoder::default().encode(&seen, 95, None).unwrap();
        // The library fills the last blocks up with black, which shows at the edge.
        assert_near(&jpeg, expected(LAYOUTS[layout], PATCHES[patch]), 24, LAYOUTS[layout].name());
    }

    #[test]
    fn anything_may_be_encoded(
        width in 0u32..200, height in 0u32..200, stride_bytes in prop_oneof![0usize..800, Just(usize::MAX)],
        layout in 0usize..5, data in prop::collection::vec(any::<u8>(), 0..20_000),
        bits_per_second: u32, fps: f32, key_interval: u64, times: [i64; 3],
    ) {
        let settings = VideoSettings { bits_per_second, fps, key_interval: Duration::from_micros(key_interval) };
        let raw = Raw {
            layout: LAYOUTS[layout], width, height, stride_bytes, range: Range::Full, data: Bytes::from(data),
        };
        let mut encoder = VideoEncoder::new(settings);
        for time in times {
            let _ = encoder.encode(&raw, time, false);
        }
    }
}
