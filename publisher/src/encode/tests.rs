//! Pictures in every layout come back from a decoder with the colours that went in.

use bytes::Bytes;
use proptest::prelude::*;

use super::{testing::*, *};
use crate::picture::{Layout, Range};

#[test]
fn colours_come_back_from_every_layout_and_range() {
    let mut encoder = Encoder::default();
    for layout in LAYOUTS {
        for range in [Range::Full, Range::Limited] {
            for patch in PATCHES {
                let raw = picture(layout, (32, 24), range, patch, 5);
                let jpeg = encoder.encode(&raw, 90, None).unwrap();
                let what = format!("{} {range:?} {:?}", layout.name(), patch.1);
                assert_colour(&jpeg, expected(layout, patch), &what);
            }
        }
    }
}

#[test]
fn left_and_right_top_and_bottom_stay_where_they_are() {
    let (white, black) = (PATCHES[0], PATCHES[1]);
    for layout in LAYOUTS {
        let [light, dark] =
            [white, black].map(|patch| picture(layout, (32, 16), Range::Full, patch, 0));
        // Dark in the upper half of each plane.
        let planes: &[(usize, usize)] = match layout {
            Layout::Yuyv => &[(0, 64 * 16)],
            Layout::Nv12 => &[(0, 512), (512, 256)],
            Layout::I420 => &[(0, 512), (512, 128), (640, 128)],
            Layout::I422 => &[(0, 512), (512, 256), (768, 256)],
            Layout::Rgb => &[(0, 96 * 16)],
            Layout::Grey => &[(0, 512)],
        };
        let mut data = light.data.to_vec();
        for &(start, len) in planes {
            data[start..start + len / 2].copy_from_slice(&dark.data[start..start + len / 2]);
        }
        let jpeg = Encoder::default()
            .encode(
                &Raw {
                    data: data.into(),
                    ..light
                },
                90,
                None,
            )
            .unwrap();
        let (width, _, pixels) = decode(&jpeg.data.data());
        let at = |x: usize, y: usize| pixels[(y * width + x) * 3];
        assert!(at(3, 2) < 20 && at(30, 2) < 20, "{}", layout.name());
        assert!(at(3, 13) > 235 && at(30, 13) > 235, "{}", layout.name());
    }
}

/// The factors of the three components stand in the frame header.
#[test]
fn chroma_keeps_the_resolution_that_it_came_with() {
    for (layout, factors) in [
        (Layout::Yuyv, vec![0x21, 0x11, 0x11]),
        (Layout::I422, vec![0x21, 0x11, 0x11]),
        (Layout::Nv12, vec![0x22, 0x11, 0x11]),
        (Layout::I420, vec![0x22, 0x11, 0x11]),
        (Layout::Grey, vec![0x11]),
    ] {
        let raw = picture(layout, (32, 32), Range::Full, PATCHES[2], 0);
        let jpeg = Encoder::default().encode(&raw, 80, None).unwrap();
        let data = jpeg.data.data();
        let header = data.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        let found: Vec<_> = data[header + 10..]
            .chunks(3)
            .take(factors.len())
            .map(|c| c[1])
            .collect();
        assert_eq!(found, factors, "{}", layout.name());
    }
}

#[test]
fn larger_pictures_are_scaled_to_fit() {
    let mut encoder = Encoder::default();
    let max = Some(Size {
        width: 33,
        height: 33,
    });
    for layout in LAYOUTS {
        for range in [Range::Full, Range::Limited] {
            let raw = picture(layout, (131, 67), range, PATCHES[2], 3);
            let jpeg = encoder.encode(&raw, 90, max).unwrap();
            assert_eq!(
                jpeg.size,
                Size {
                    width: 33,
                    height: 17
                }
            );
            assert_colour(&jpeg, expected(layout, PATCHES[2]), layout.name());
        }
    }
    let small = picture(Layout::Yuyv, (32, 24), Range::Full, PATCHES[2], 0);
    assert_eq!(encoder.encode(&small, 90, max).unwrap().size, small.size());
}

#[test]
fn what_cannot_be_a_jpeg_is_an_error() {
    let raw = picture(Layout::Grey, (8, 8), Range::Full, PATCHES[0], 0);
    for (width, height) in [(0, 8), (8, 0), (65_536, 1), (u32::MAX, u32::MAX)] {
        let result = Encoder::default().encode(
            &Raw {
                width,
                height,
                ..raw.clone()
            },
            80,
            None,
        );
        assert!(matches!(result, Err(Error::Size { .. })), "{result:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_size_is_encoded(
        width in 1usize..=70, height in 1usize..=70, padding in 0usize..9, layout in 0usize..5,
        limited: bool, patch in 0usize..6, max in prop::option::of((1u32..90, 1u32..90)),
    ) {
        let range = if limited { Range::Limited } else { Range::Full };
        let raw = picture(LAYOUTS[layout], (width, height), range, PATCHES[patch], padding);
        let max = max.map(|(width, height)| Size { width, height });
        let jpeg = Encoder::default().encode(&raw, 90, max).unwrap();
        assert_colour(&jpeg, expected(LAYOUTS[layout], PATCHES[patch]), LAYOUTS[layout].name());
    }

    #[test]
    fn a_buffer_that_is_too_short_is_an_error(
        width in 1usize..=70, height in 1usize..=70, layout in 0usize..5, missing in 1usize..100,
    ) {
        let whole = picture(LAYOUTS[layout], (width, height), Range::Full, PATCHES[2], 0);
        let cut = whole.data.slice(..whole.data.len().saturating_sub(missing));
        let result = Encoder::default().encode(&Raw { data: cut, ..whole }, 80, None);
        prop_assert!(matches!(result, Err(Error::Short { .. })), "{:?}", result);
    }

    #[test]
    fn anything_may_be_encoded(
        width in 0u32..200, height in 0u32..200, stride_bytes in prop_oneof![0usize..800, Just(usize::MAX)],
        layout in 0usize..5, data in prop::collection::vec(any::<u8>(), 0..20_000),
        max in prop::option::of((1u32..90, 1u32..90)),
    ) {
        let raw = Raw {
            layout: LAYOUTS[layout], width, height, stride_bytes, range: Range::Limited, data: Bytes::from(data),
        };
        let max = max.map(|(width, height)| Size { width, height });
        let _ = Encoder::default().encode(&raw, 80, max);
    }
}
