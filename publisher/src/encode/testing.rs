//! Pictures of one colour in every layout, what a decoder makes of them, and other people's programs as judges.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::Jpeg;
use crate::picture::{Layout, Range, Raw};

pub(crate) const LAYOUTS: [Layout; 6] = [
    Layout::Yuyv,
    Layout::I422,
    Layout::Nv12,
    Layout::I420,
    Layout::Rgb,
    Layout::Grey,
];

/// As full-range YUV (BT.601), and as RGB.
pub(crate) const PATCHES: [([u8; 3], [u8; 3]); 6] = [
    ([255, 128, 128], [255, 255, 255]),
    ([0, 128, 128], [0, 0, 0]),
    ([76, 85, 255], [254, 0, 0]),
    ([150, 44, 21], [0, 255, 1]),
    ([29, 255, 107], [0, 0, 254]),
    ([120, 128, 128], [120, 120, 120]),
];

/// A picture of one colour, with `padding` bytes behind each row.
pub(crate) fn picture(
    layout: Layout,
    (width, height): (usize, usize),
    range: Range,
    (yuv, rgb): ([u8; 3], [u8; 3]),
    padding: usize,
) -> Raw {
    let [y, u, v] = match range {
        Range::Full => yuv,
        Range::Limited => [
            (f32::from(yuv[0]) * 219.0 / 255.0 + 16.0).round() as u8,
            ((f32::from(yuv[1]) - 128.0) * 224.0 / 255.0 + 128.0).round() as u8,
            ((f32::from(yuv[2]) - 128.0) * 224.0 / 255.0 + 128.0).round() as u8,
        ],
    };
    let rows = |pattern: &[u8], samples: usize, stride: usize, count: usize| -> Vec<u8> {
        let row: Vec<u8> = pattern.iter().copied().cycle().take(samples).collect();
        let row = [row, vec![77; stride - samples]].concat();
        row.repeat(count)
    };
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let (stride, data) = match layout {
        Layout::Yuyv => {
            let stride = half_width * 4 + padding;
            (stride, rows(&[y, u, y, v], half_width * 4, stride, height))
        }
        Layout::Nv12 => {
            let stride = half_width * 2 + padding;
            let chroma = rows(&[u, v], half_width * 2, stride, half_height);
            (stride, [rows(&[y], width, stride, height), chroma].concat())
        }
        Layout::I420 | Layout::I422 => {
            let stride = (half_width + padding) * 2;
            let count = if layout == Layout::I420 {
                half_height
            } else {
                height
            };
            let [u, v] = [u, v].map(|c| rows(&[c], half_width, stride / 2, count));
            (stride, [rows(&[y], width, stride, height), u, v].concat())
        }
        Layout::Rgb => {
            let full = |c: u8| match range {
                Range::Full => c,
                Range::Limited => (f32::from(c) * 219.0 / 255.0 + 16.0).round() as u8,
            };
            let stride = width * 3 + padding;
            (stride, rows(&rgb.map(full), width * 3, stride, height))
        }
        Layout::Grey => (width + padding, rows(&[y], width, width + padding, height)),
    };
    Raw {
        layout,
        width: width as u32,
        height: height as u32,
        stride_bytes: stride,
        range,
        data: data.into(),
    }
}

pub(crate) fn decode(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    let rgb = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), rgb);
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, pixels)
}

pub(crate) fn assert_colour(jpeg: &Jpeg, wanted: [u8; 3], what: &str) {
    assert_near(jpeg, wanted, 5, what);
}

/// `tolerance`: what compression may change, of 255.
pub(crate) fn assert_near(jpeg: &Jpeg, wanted: [u8; 3], tolerance: u8, what: &str) {
    let (width, height, pixels) = decode(&jpeg.data.data());
    assert_eq!(
        (width as u32, height as u32),
        (jpeg.size.width, jpeg.size.height)
    );
    for pixel in pixels.chunks_exact(3) {
        let near = pixel
            .iter()
            .zip(wanted)
            .all(|(a, b)| a.abs_diff(b) <= tolerance);
        assert!(near, "{what}: {pixel:?} instead of {wanted:?}");
    }
}

/// Grey knows brightness only.
pub(crate) fn expected(layout: Layout, (yuv, rgb): ([u8; 3], [u8; 3])) -> [u8; 3] {
    if layout == Layout::Grey {
        [yuv[0]; 3]
    } else {
        rgb
    }
}

/// What a program writes when it is given `input`; it must succeed and say nothing.
pub(crate) fn tool(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {said}"
    );
    output.stdout
}
