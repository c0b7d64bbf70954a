//! A moving picture by which people and programs recognise frozen, dropped and late frames: it shows
//! the time, the frame number, something that moves, and the number once more as a [`strip`] of cells.

mod canvas;
mod glyph;
mod scene;
mod strip;
mod text;

pub use scene::Card;
pub use strip::read_number;

/// A plane's bytes are this many for a picture of `width` x `height` pixels with [`stride`].
fn luma_len(width: u32, height: u32) -> usize {
    stride(width) * height as usize
}

/// Bytes from one row of Y to the next: the width, made even. U and V have half of it.
pub fn stride(width: u32) -> usize {
    width.next_multiple_of(2) as usize
}

/// Bytes of an I420 picture: Y, U and V without gaps, rows of [`stride`] bytes, chroma rows rounded up.
pub fn len_bytes(width: u32, height: u32) -> usize {
    luma_len(width, height) + stride(width) * height.div_ceil(2) as usize
}
