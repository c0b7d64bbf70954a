//! What a source gives and an encoder takes.

use bytes::Bytes;

use crate::packet::Packet;

/// One picture of a camera.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// When it was taken, microseconds since 1970 UTC.
    pub(crate) capture_time_us: i64,
    pub(crate) image: Image,
}

#[derive(Clone, Debug)]
pub(crate) enum Image {
    /// A complete JPEG, to be passed through.
    Jpeg(Packet),
    /// Pixels, to be encoded.
    Raw(Raw),
}

/// Pixels in memory, top row first.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) layout: Layout,
    /// Pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes from one row of the first plane to the next. Planes follow each other without gaps; chroma
    /// planes of I420 and I422 have half the stride, the interleaved one of NV12 the same.
    pub(crate) stride_bytes: usize,
    pub(crate) range: Range,
    pub(crate) data: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Packed 4:2:2: Y U Y V.
    Yuyv,
    /// 4:2:0: a plane of Y, then one of interleaved U V.
    Nv12,
    /// 4:2:0: planes of Y, U, V.
    I420,
    /// 4:2:2: planes of Y, U, V.
    I422,
    /// Packed R G B.
    Rgb,
    /// One byte of brightness.
    Grey,
}

impl Raw {
    pub(crate) fn size(&self) -> Size {
        Size {
            width: self.width,
            height: self.height,
        }
    }
}

impl Layout {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
            Self::I420 => "I420",
            Self::I422 => "I422",
            Self::Rgb => "RGB",
            Self::Grey => "grey",
        }
    }
}

/// How brightness and colour use a byte. JPEG wants the full range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// 0 to 255.
    Full,
    /// 16 to 235, chroma 16 to 240: what most cameras give as YUV.
    Limited,
}

/// Pixels: `1280x720`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The text is not `<width>x<height>` with both from 1 to 65535, as JPEG has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use <width>x<height>, for example 1280x720")]
pub(crate) struct InvalidSize;

impl std::str::FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let (width, height) = text.split_once('x').ok_or(InvalidSize)?;
        let side = |text: &str| match text.parse::<u16>() {
            Ok(0) | Err(_) => Err(InvalidSize),
            Ok(pixels) => Ok(u32::from(pixels)),
        };
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
        })
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
