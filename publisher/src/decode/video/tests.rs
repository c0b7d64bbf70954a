//! Streams of other encoders are decoded, and damage never gets through.

use std::time::Duration;

use proptest::prelude::*;
use sightline_media::testcard::{self, Card};

use super::*;
use crate::encode::{
    testing::{assert_near, tool},
    video::{VideoEncoder, VideoSettings},
};

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

/// Frames of the test card from ffmpeg's x264, 160x90, unit by unit.
fn x264(frames: u32, options: &str) -> Vec<Vec<u8>> {
    let card = Card::new(160, 90);
    let (mut input, mut frame) = (Vec::new(), Vec::new());
    for number in 0..frames {
        card.render(number, i64::from(number) * 33_333, &mut frame);
        input.extend_from_slice(&frame);
    }
    ffmpeg(
        &format!(
            "-f rawvideo -pix_fmt yuv420p -s 160x90 -r 30 -i - -c:v libx264 {options} -f h264"
        ),
        &input,
    )
}

/// The access units that ffmpeg makes of `input`.
fn ffmpeg(options: &str, input: &[u8]) -> Vec<Vec<u8>> {
    let args = format!("-v error {options} -");
    let stream = tool(
        "ffmpeg",
        &args.split_whitespace().collect::<Vec<_>>(),
        input,
    );
    let mut splitter = h264::Splitter::default();
    let mut units = Vec::new();
    let splits = splitter.push(&stream, 0);
    for split in splits.into_iter().chain(splitter.finish()) {
        match split {
            h264::Split::Unit(unit) => units.push(unit.data.to_vec()),
            other => panic!("{other:?}"),
        }
    }
    units
}

#[test]
fn frames_of_other_encoders_come_in_the_order_of_display() {
    for (options, held_back) in [
        ("-preset ultrafast -tune zerolatency", 0),
        ("-profile:v main -bf 0 -g 10", 0),
        (
            "-profile:v high -bf 3 -g 12 -x264-params b-pyramid=normal:scenecut=0",
            2,
        ),
        (
            "-profile:v high -bf 2 -g 8 -x264-params open-gop=1:scenecut=0",
            1,
        ),
        ("-profile:v high -bf 0 -slices 4 -refs 4", 0),
    ] {
        let mut decoder = VideoDecoder::default();
        let numbers: Vec<_> = x264(100, options)
            .iter()
            .filter_map(|unit| decoder.decode(unit).unwrap())
            .map(|raw| number_in(&raw).unwrap())
            .collect();
        let all: Vec<_> = (0..100 - held_back).collect();
        assert_eq!(numbers, all, "{options}");
    }
}

#[test]
fn colours_are_what_the_stream_says_and_for_hd_what_browsers_guess() {
    let red = |size: &str, filter: &str, options: &str| {
        let input = format!(
            "-f lavfi -i color=red:size={size}:rate=5 -frames:v 1 -vf {filter} -pix_fmt yuv420p -c:v libx264 -bf 0 {options} -f h264"
        );
        let raw = VideoDecoder::default()
            .decode(&ffmpeg(&input, &[])[0])
            .unwrap()
            .unwrap();
        let jpeg = crate::encode::Encoder::default()
            .encode(&raw, 95, None)
            .unwrap();
        assert_near(&jpeg, [254, 0, 0], 8, &format!("{size} {filter} {options}"));
    };
    let (bt709, bt601) = (
        "scale=out_color_matrix=bt709",
        "scale=out_color_matrix=bt601",
    );
    red("64x48", bt709, "-colorspace bt709");
    red("64x48", bt601, "-colorspace smpte170m");
    red("64x48", bt601, "");
    red("1280x720", bt709, "");
    red("1280x720", bt601, "-colorspace smpte170m");
    red(
        "64x48",
        "scale=out_color_matrix=bt709:out_range=full",
        "-colorspace bt709 -color_range pc",
    );
}

#[test]
fn what_the_library_cannot_do_is_refused_in_words() {
    for (format, words) in [
        ("yuv444p", "H.264 with other colours than 4:2:0"),
        ("yuv422p", "H.264 with other colours than 4:2:0"),
        ("yuv420p10le", "H.264 with more than 8 bits"),
    ] {
        let units = ffmpeg(
            &format!(
                "-f lavfi -i testsrc2=size=64x48:rate=5 -frames:v 2 -pix_fmt {format} -c:v libx264 -f h264"
            ),
            &[],
        );
        let mut decoder = VideoDecoder::default();
        assert_eq!(
            decoder.decode(&units[0]).unwrap_err(),
            Error::Unsupported(words)
        );
        assert!(decoder.decode(&units[1]).unwrap().is_none());
    }
}

/// A key frame that claims to be of so many macroblocks and to need so many reference frames. `crop`: all but 16 x 16
/// pixels are cut off.
fn claiming(width: u32, height: u32, references: u32, crop: bool) -> Vec<u8> {
    // Baseline, level 6.2.
    let mut sps = BitWriter::default();
    sps.bits(0x67_42_C0_3E, 32);
    for value in [0, 0, 2, references] {
        sps.ue(value);
    }
    sps.bits(0, 1);
    sps.ue(width - 1);
    sps.ue(height - 1);
    // Frames only, direct_8x8_inference.
    sps.bits(0b11, 2);
    sps.bits(crop.into(), 1);
    if crop {
        for side in [0, (width - 1) * 8, 0, (height - 1) * 8] {
            sps.ue(side);
        }
    }
    // No VUI, and the end.
    sps.bits(0b01, 2);
    let units = units(160, 90, 1);
    let own = annexb::nals(&units[0]).collect::<Vec<_>>();
    let mut unit = Vec::new();
    for nal in [&sps.bytes(), own[1], own[2]] {
        annexb::write(nal, &mut unit);
    }
    unit
}

#[test]
fn a_picture_of_absurd_size_is_refused_before_it_is_decoded() {
    let mut decoder = VideoDecoder::default();
    for (crop, size) in [(false, (7_680, 4_608)), (true, (16, 16))] {
        let result = decoder.decode(&claiming(480, 288, 1, crop));
        assert!(
            matches!(result, Err(Error::TooLarge { width, height, .. }) if (width, height) == size),
            "{result:?}"
        );
    }
    assert!(decoder.decode(&units(160, 90, 1)[0]).unwrap().is_some());
}

#[test]
fn more_reference_frames_than_any_level_allows_are_refused() {
    let refused = Err(Error::Unsupported(
        "H.264 whose frames refer to more others than level 5.2 allows",
    ));
    // 4096 x 2304 pixels: level 5.2 keeps five of them.
    for (references, is_refused) in [(5, false), (6, true), (16, true), (u32::MAX - 1, true)] {
        let parameters = h264::Parameters::from_access_unit(&claiming(256, 144, references, false));
        // The parser has limits of its own.
        let Ok(Some(parameters)) = parameters else {
            assert!(references > 16);
            continue;
        };
        assert_eq!(check(&parameters) == refused, is_refused, "{references}");
    }
}

/// Writes a parameter set, bit by bit.
#[derive(Default)]
struct BitWriter(Vec<bool>);

impl BitWriter {
    fn bits(&mut self, value: u32, count: u32) {
        self.0
            .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    /// Exponential Golomb: H.264, 9.1.
    fn ue(&mut self, value: u32) {
        let len = (value + 1).ilog2();
        self.bits(0, len);
        self.bits(value + 1, len + 1);
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, i| {
                byte << 1 | u8::from(bits.get(i) == Some(&true))
            })
        };
        self.0.chunks(8).map(byte).collect()
    }
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
