//! Pixels to JPEG, and in [`video`] to H.264, straight from the layout that the source gives.

mod planes;
mod scale;
pub(crate) mod video;

#[cfg(not(feature = "turbojpeg"))]
mod plain;
#[cfg(feature = "turbojpeg")]
mod turbo;
#[cfg(not(feature = "turbojpeg"))]
use plain as backend;
#[cfg(feature = "turbojpeg")]
use turbo as backend;

pub(crate) use planes::{chroma_to_full, luma_to_full};
pub(crate) use scale::{Scaler, target as fitting};

use crate::{
    packet::{self, Packet},
    picture::{Raw, Size},
    pool::Pool,
};

/// The picture cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// JPEG has 16 bits for each side.
    #[error("{width}x{height} pixels cannot be a JPEG: 1 to 65535 each")]
    Size { width: u32, height: u32 },
    /// The source broke its promise of [`Raw`].
    #[error(
        "a picture of {width}x{height} {layout} came with {len_bytes} bytes in rows of {stride_bytes}"
    )]
    Short {
        width: u32,
        height: u32,
        layout: &'static str,
        len_bytes: usize,
        stride_bytes: usize,
    },
    /// The H.264 encoder takes no less. What is too large for it is scaled down.
    #[error("{width}x{height} pixels cannot be H.264: at least 16 each")]
    TooSmall { width: u32, height: u32 },
    /// The library refuses it.
    #[error("cannot encode: {0}")]
    Library(String),
}

/// A finished picture.
#[derive(Clone, Debug)]
pub(crate) struct Jpeg {
    pub(crate) data: Packet,
    /// Pixels, after scaling.
    pub(crate) size: Size,
}

/// Encodes the pictures of one camera, one after the other. Takes milliseconds: for [`Cores`](crate::cores::Cores).
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    pool: Pool,
    scaler: scale::Scaler,
    backend: backend::Backend,
}

impl Encoder {
    /// A JPEG of `raw` at `quality` (1 to 100), with the chroma resolution that `raw` has, scaled down to fit into
    /// `max_size` if it does not.
    pub(crate) fn encode(
        &mut self,
        raw: &Raw,
        quality: u8,
        max_size: Option<Size>,
    ) -> Result<Jpeg, Error> {
        let scaled = match max_size.and_then(|max| scale::target(raw.size(), max)) {
            Some(size) => Some(self.scaler.scale(raw, size)?),
            None => None,
        };
        let raw = scaled.as_ref().unwrap_or(raw);
        let mut data = packet::room(&self.pool);
        self.backend.encode(raw, quality.clamp(1, 100), &mut data)?;
        Ok(Jpeg {
            data: Packet::roomy(data, &self.pool),
            size: raw.size(),
        })
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
