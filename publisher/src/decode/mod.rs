//! What a camera compressed, back to pixels: to make another stream of it.

mod jpeg;
mod matrix;
mod video;

pub(crate) use jpeg::JpegDecoder;
pub(crate) use video::VideoDecoder;

use sightline_media::{h264, jpeg as media_jpeg};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// It is no JPEG, or cut short.
    #[error(transparent)]
    Jpeg(#[from] media_jpeg::Error),
    /// Its parameter sets contradict the standard.
    #[error(transparent)]
    Parameters(#[from] h264::Error),
    /// Nothing was allocated for it.
    #[error("pictures of {width}x{height} pixels are not decoded here: at most {most} pixels")]
    TooLarge { width: u32, height: u32, most: u32 },
    /// It is sound, and no decoder here takes it.
    #[error("{0} is not decoded here")]
    Unsupported(&'static str),
    /// The decoder stumbled.
    #[error("cannot be decoded: {0}")]
    Damaged(String),
}
