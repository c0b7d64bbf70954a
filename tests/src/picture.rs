//! What is on a picture.

use anyhow::{Context as _, Result, anyhow};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// The brightness of each pixel, with width and height.
pub fn luma(jpeg: &[u8]) -> Result<(Vec<u8>, u32, u32)> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder
        .decode()
        .map_err(|error| anyhow!("not a whole JPEG: {error}"))?;
    let (width, height) = decoder.dimensions().context("no size")?;
    Ok((pixels, u32::try_from(width)?, u32::try_from(height)?))
}

/// The number of the frame, which the test card carries.
pub fn number(jpeg: &[u8]) -> Result<u32> {
    let (luma, width, height) = luma(jpeg)?;
    let stride = usize::try_from(width)?;
    sightline_media::testcard::read_number(&luma, width, height, stride)
        .context("the picture has no frame number")
}
