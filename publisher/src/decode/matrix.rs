//! From the colours of HD video to those of JPEG.
//!
//! A JPEG is BT.601 (T.871, 7), and [`Raw`](crate::picture::Raw) is, too. Shown with the wrong matrix, skin turns pink
//! or green.

use sightline_media::h264;

use crate::picture::Range;

/// matrix_coefficients of BT.709: H.264, table E-5.
const BT_709: u8 = 1;

/// From this height on, browsers take video that does not say for BT.709.
const HD_ROWS: u32 = 720;

/// Whether the samples are BT.709: as the stream says, or else as browsers guess.
pub(super) fn is_bt709(parameters: &h264::Parameters) -> bool {
    match parameters.colour.matrix {
        Some(matrix) => matrix == BT_709,
        None => parameters.height >= HD_ROWS,
    }
}

/// Turns I420 in BT.709 into BT.601 of the same range. All rows of Y have `stride` bytes, which is even, those of U
/// and V half of it, and there is nothing else.
pub(super) fn to_bt601(i420: &mut [u8], stride: usize, height: usize, range: Range) {
    let factors = match range {
        Range::Full => &FULL,
        Range::Limited => &LIMITED,
    };
    let (luma, chroma) = i420.split_at_mut(stride * height);
    let half = stride / 2;
    let (u_plane, v_plane) = chroma.split_at_mut(half * height.div_ceil(2));
    // What is added to the four pixels of each sample of colour.
    let mut added = vec![0i16; half];
    let rows = u_plane
        .chunks_exact_mut(half)
        .zip(v_plane.chunks_exact_mut(half));
    for ((u, v), two_rows) in rows.zip(luma.chunks_mut(2 * stride)) {
        for ((u, v), added) in u.iter_mut().zip(v).zip(&mut added) {
            let (from_u, from_v) = (i32::from(*u) - 128, i32::from(*v) - 128);
            let mix = |of_u: i32, of_v: i32| (from_u * of_u + from_v * of_v + HALF) >> BITS;
            *added = mix(factors.y_of_u, factors.y_of_v) as i16;
            *u = (mix(U_OF_U, U_OF_V) + 128).clamp(0, 255) as u8;
            *v = (mix(V_OF_U, V_OF_V) + 128).clamp(0, 255) as u8;
        }
        for row in two_rows.chunks_exact_mut(stride) {
            for (pair, &added) in row.as_chunks_mut::<2>().0.iter_mut().zip(&added) {
                *pair = pair.map(|y| (i16::from(y) + added).clamp(0, 255) as u8);
            }
        }
    }
}

const BITS: u32 = 14;
const HALF: i32 = 1 << (BITS - 1);

struct Luma {
    y_of_u: i32,
    y_of_v: i32,
}

/// Both matrices of H.264, E.2.1, with the Kr and Kb of table E-5, multiplied.
const U_OF_U: i32 = fixed(0.989_854);
const U_OF_V: i32 = fixed(-0.110_653);
const V_OF_U: i32 = fixed(-0.072_453);
const V_OF_V: i32 = fixed(0.983_398);
const FULL: Luma = Luma {
    y_of_u: fixed(0.101_579),
    y_of_v: fixed(0.196_076),
};
/// Y has 219 steps there, U and V have 224.
const LIMITED: Luma = Luma {
    y_of_u: fixed(0.101_579 * 219.0 / 224.0),
    y_of_v: fixed(0.196_076 * 219.0 / 224.0),
};

const fn fixed(factor: f64) -> i32 {
    let half = if factor < 0.0 { -0.5 } else { 0.5 };
    (factor * (1 << BITS) as f64 + half) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    const BT_601_WEIGHTS: (f64, f64) = (0.299, 0.114);
    const BT_709_WEIGHTS: (f64, f64) = (0.2126, 0.0722);

    /// H.264, E.2.1, equations E-16 to E-22: R, G, B from 0 to 1.
    fn yuv([r, g, b]: [f64; 3], (kr, kb): (f64, f64), range: Range) -> [u8; 3] {
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let u = (b - y) / (1.0 - kb) / 2.0;
        let v = (r - y) / (1.0 - kr) / 2.0;
        let (black, luma, chroma) = match range {
            Range::Full => (0.0, 255.0, 255.0),
            Range::Limited => (16.0, 219.0, 224.0),
        };
        [
            (black + luma * y).round() as u8,
            (128.0 + chroma * u).round().min(255.0) as u8,
            (128.0 + chroma * v).round().min(255.0) as u8,
        ]
    }

    #[test]
    fn every_colour_becomes_what_bt_601_says() {
        let levels = [0.0, 0.2, 0.5, 0.8, 1.0];
        for range in [Range::Full, Range::Limited] {
            for colour in 0..125 {
                let rgb = [
                    levels[colour % 5],
                    levels[colour / 5 % 5],
                    levels[colour / 25],
                ];
                let [y, u, v] = yuv(rgb, BT_709_WEIGHTS, range);
                let wanted = yuv(rgb, BT_601_WEIGHTS, range);
                // Four wide, three high: an odd last row.
                let (luma, us, vs) = ([y; 12], [u; 4], [v; 4]);
                let mut picture = [&luma[..], &us, &vs].concat();
                to_bt601(&mut picture, 4, 3, range);
                for (part, wanted) in [
                    (&picture[..12], wanted[0]),
                    (&picture[12..16], wanted[1]),
                    (&picture[16..], wanted[2]),
                ] {
                    let near = part.iter().all(|sample| sample.abs_diff(wanted) <= 2);
                    assert!(near, "{rgb:?} {range:?}: {part:?} instead of {wanted}");
                }
            }
        }
    }

    #[test]
    fn what_is_grey_stays_as_it_is() {
        let mut picture: Vec<u8> = (0..16 * 4)
            .map(|i| (i * 4) as u8)
            .chain([128; 32])
            .collect();
        let before = picture.clone();
        to_bt601(&mut picture, 16, 4, Range::Limited);
        assert_eq!(picture, before);
    }
}
