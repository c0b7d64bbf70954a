//! The formats of a camera that Sightline takes, and what a driver's format means for a picture.

use v4l::{
    FourCC,
    v4l_sys::{
        v4l2_colorspace_V4L2_COLORSPACE_JPEG as COLORSPACE_JPEG,
        v4l2_field_V4L2_FIELD_ALTERNATE as FIELD_ALTERNATE,
        v4l2_field_V4L2_FIELD_BOTTOM as FIELD_BOTTOM, v4l2_field_V4L2_FIELD_SEQ_BT as FIELD_SEQ_BT,
        v4l2_field_V4L2_FIELD_SEQ_TB as FIELD_SEQ_TB, v4l2_field_V4L2_FIELD_TOP as FIELD_TOP,
        v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE as FULL_RANGE,
        v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE as LIMITED_RANGE,
    },
};

use super::{ioctl::Format, unpack};
use crate::{
    picture::{Layout, Range, Raw},
    pool::Pool,
};

/// What `format=` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pixel {
    Mjpeg,
    H264,
    Raw(Layout),
}

impl Pixel {
    /// From the best to the worst: passing through costs nothing, and JPEG can be shown everywhere; then what an
    /// encoder takes with the least work; grey last, because it loses the colours.
    pub(crate) const ALL: [Self; 8] = [
        Self::Mjpeg,
        Self::H264,
        Self::Raw(Layout::I420),
        Self::Raw(Layout::Nv12),
        Self::Raw(Layout::I422),
        Self::Raw(Layout::Yuyv),
        Self::Raw(Layout::Rgb),
        Self::Raw(Layout::Grey),
    ];

    /// The word in a source's URL.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::H264 => "h264",
            Self::Raw(Layout::I420) => "i420",
            Self::Raw(Layout::Nv12) => "nv12",
            Self::Raw(Layout::I422) => "i422",
            Self::Raw(Layout::Yuyv) => "yuyv",
            Self::Raw(Layout::Rgb) => "rgb",
            Self::Raw(Layout::Grey) => "grey",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pixel| pixel.word() == word)
    }

    /// Drivers call Motion JPEG either `MJPG` or `JPEG`. `H264` has start codes; `AVC1`, without, is not taken.
    pub(crate) fn from_fourcc(fourcc: FourCC) -> Option<Self> {
        match &fourcc.repr {
            b"MJPG" | b"JPEG" => Some(Self::Mjpeg),
            b"H264" => Some(Self::H264),
            b"YU12" => Some(Self::Raw(Layout::I420)),
            b"NV12" => Some(Self::Raw(Layout::Nv12)),
            b"422P" => Some(Self::Raw(Layout::I422)),
            b"YUYV" => Some(Self::Raw(Layout::Yuyv)),
            b"RGB3" => Some(Self::Raw(Layout::Rgb)),
            b"GREY" => Some(Self::Raw(Layout::Grey)),
            _ => None,
        }
    }
}

/// A format's code as the kernel's tools show it: its characters, and `-BE` for the bit that says big-endian.
pub(crate) fn code(fourcc: FourCC) -> String {
    let [a, b, c, d] = fourcc.repr;
    let shown = |byte: u8| {
        if byte.is_ascii_graphic() {
            byte.into()
        } else {
            ' '
        }
    };
    let code: String = [a, b, c, d & 0x7F].map(shown).iter().collect();
    let order = if d & 0x80 == 0 { "" } else { "-BE" };
    format!("{}{order}", code.trim_end())
}

/// How the bytes of a raw frame lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    layout: Layout,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) stride_bytes: usize,
    pub(super) range: Range,
    len_bytes: usize,
}

impl Shape {
    /// Of the frames of `format`, whose pixels lie as `layout`.
    pub(crate) fn new(layout: Layout, format: &Format) -> Self {
        let width = bytes(format.width);
        let height = bytes(format.height);
        let shortest = match layout {
            Layout::Yuyv => width.next_multiple_of(2).saturating_mul(2),
            Layout::Rgb => width.saturating_mul(3),
            Layout::Nv12 | Layout::I420 | Layout::I422 => width.next_multiple_of(2),
            Layout::Grey => width,
        };
        let stride_bytes = bytes(format.stride_bytes).max(shortest);
        let half_height = height.div_ceil(2);
        let len_bytes = match layout {
            Layout::Yuyv | Layout::Rgb | Layout::Grey => stride_bytes.saturating_mul(height),
            Layout::Nv12 => stride_bytes.saturating_mul(height + half_height),
            Layout::I420 => stride_bytes
                .saturating_mul(height)
                .saturating_add((stride_bytes / 2).saturating_mul(half_height * 2)),
            Layout::I422 => stride_bytes
                .saturating_add(stride_bytes / 2 * 2)
                .saturating_mul(height),
        };
        Self {
            layout,
            width: format.width,
            height: format.height,
            stride_bytes,
            range: range(layout, format),
            len_bytes,
        }
    }

    /// The picture in `frame`, copied out of it into a buffer of `pool`, YUYV as I422 in full range; `None` if the
    /// frame is too short.
    pub(crate) fn picture(&self, frame: &[u8], pool: &Pool) -> Option<Raw> {
        let frame = frame.get(..self.len_bytes)?;
        if self.layout == Layout::Yuyv {
            return Some(unpack::yuyv(self, frame, pool));
        }
        let mut data = pool.take();
        data.extend_from_slice(frame);
        Some(Raw {
            layout: self.layout,
            width: self.width,
            height: self.height,
            stride_bytes: self.stride_bytes,
            range: self.range,
            data: pool.share(data),
        })
    }
}

/// Whether a frame holds all rows in order. Fields one by one or one after the other are not taken.
pub(super) fn is_whole_frame(format: &Format) -> bool {
    ![
        FIELD_TOP,
        FIELD_BOTTOM,
        FIELD_ALTERNATE,
        FIELD_SEQ_TB,
        FIELD_SEQ_BT,
    ]
    .contains(&format.field)
}

/// The rule of the kernel's `V4L2_MAP_QUANTIZATION_DEFAULT`, but for grey: infrared and monochrome cameras
/// use the whole byte and seldom say so.
fn range(layout: Layout, format: &Format) -> Range {
    match format.quantization {
        FULL_RANGE => Range::Full,
        LIMITED_RANGE => Range::Limited,
        _ if matches!(layout, Layout::Rgb | Layout::Grey) => Range::Full,
        _ if format.colorspace == COLORSPACE_JPEG => Range::Full,
        _ => Range::Limited,
    }
}

/// A count of the kernel's as ours.
fn bytes(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(width: u32, height: u32, stride_bytes: u32) -> Format {
        Format {
            fourcc: FourCC::new(b"YUYV"),
            width,
            height,
            stride_bytes,
            field: 1,
            colorspace: 0,
            quantization: 0,
        }
    }

    #[test]
    fn a_frame_is_as_long_as_its_planes() {
        for (layout, stride, len) in [
            (Layout::Yuyv, 16, 16 * 5),
            (Layout::Rgb, 24, 24 * 5),
            (Layout::Grey, 8, 8 * 5),
            (Layout::Nv12, 8, 8 * 5 + 8 * 3),
            (Layout::I420, 8, 8 * 5 + 4 * 3 * 2),
            (Layout::I422, 8, 8 * 5 + 4 * 5 * 2),
        ] {
            let shape = Shape::new(layout, &format(8, 5, 0));
            assert_eq!((shape.stride_bytes, shape.len_bytes), (stride, len));
        }
    }

    #[test]
    fn a_padded_stride_is_kept() {
        let shape = Shape::new(Layout::Nv12, &format(10, 4, 64));
        assert_eq!((shape.stride_bytes, shape.len_bytes), (64, 64 * 6));
        let raw = shape.picture(&[7; 64 * 6 + 100], &Pool::default()).unwrap();
        assert_eq!((raw.width, raw.height, raw.stride_bytes), (10, 4, 64));
        assert_eq!(raw.data.len(), 64 * 6);
    }

    #[test]
    fn a_short_frame_is_no_picture() {
        let shape = Shape::new(Layout::Grey, &format(8, 4, 8));
        assert!(shape.picture(&[0; 31], &Pool::default()).is_none());
        assert!(shape.picture(&[0; 32], &Pool::default()).is_some());
    }

    #[test]
    fn huge_sizes_do_not_overflow() {
        let shape = Shape::new(Layout::I420, &format(u32::MAX, u32::MAX, u32::MAX));
        assert!(shape.picture(&[0; 64], &Pool::default()).is_none());
    }

    #[test]
    fn yuv_is_of_limited_range_unless_the_driver_says_otherwise() {
        let mut yuyv = format(8, 4, 16);
        assert_eq!(range(Layout::Yuyv, &yuyv), Range::Limited);
        assert_eq!(range(Layout::Grey, &yuyv), Range::Full);
        assert_eq!(range(Layout::Rgb, &yuyv), Range::Full);
        yuyv.colorspace = COLORSPACE_JPEG;
        assert_eq!(range(Layout::Yuyv, &yuyv), Range::Full);
        yuyv.quantization = LIMITED_RANGE;
        assert_eq!(range(Layout::Yuyv, &yuyv), Range::Limited);
        assert_eq!(range(Layout::Grey, &yuyv), Range::Limited);
        yuyv.quantization = FULL_RANGE;
        yuyv.colorspace = 0;
        assert_eq!(range(Layout::Yuyv, &yuyv), Range::Full);
    }

    #[test]
    fn every_code_can_be_shown() {
        assert_eq!(code(FourCC::new(b"MJPG")), "MJPG");
        assert_eq!(code(FourCC::new(b"Y16 ")), "Y16");
        assert_eq!(code(FourCC::new(b"Y16\xa0")), "Y16-BE");
        assert_eq!(code(FourCC::new(b"AR1\xb5")), "AR15-BE");
        assert_eq!(code(FourCC::new(b"\0\n\xff\xff")), "-BE");
    }

    #[test]
    fn every_word_names_its_format() {
        for pixel in Pixel::ALL {
            assert_eq!(Pixel::from_word(pixel.word()), Some(pixel));
        }
        assert_eq!(Pixel::from_word("hevc"), None);
        assert_eq!(Pixel::from_fourcc(FourCC::new(b"JPEG")), Some(Pixel::Mjpeg));
        assert_eq!(Pixel::from_fourcc(FourCC::new(b"UYVY")), None);
    }
}
