//! What a source gives and an encoder takes.

use bytes::Bytes;

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
    Jpeg(Bytes),
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
    /// planes of I420 have half the stride, the interleaved one of NV12 the same.
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
    /// Packed R G B.
    Rgb,
    /// One byte of brightness.
    Grey,
}

/// How brightness and colour use a byte. JPEG wants the full range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// 0 to 255.
    Full,
    /// 16 to 235, chroma 16 to 240: what most cameras give as YUV.
    Limited,
}
