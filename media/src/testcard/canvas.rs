//! Blends shapes into an I420 picture.

/// Full range, BT.601, as JPEG has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    y: u8,
    u: u8,
    v: u8,
}

impl Colour {
    pub(super) const fn rgb(r: u8, g: u8, b: u8) -> Self {
        let (r, g, b) = (r as i32, g as i32, b as i32);
        // 16 bits behind the point; half a unit is added to round.
        let y = (19_595 * r + 38_470 * g + 7_471 * b + 0x8000) >> 16;
        let u = (-11_059 * r - 21_709 * g + 32_768 * b + (128 << 16) + 0x7FFF) >> 16;
        let v = (32_768 * r - 27_439 * g - 5_329 * b + (128 << 16) + 0x7FFF) >> 16;
        Self {
            y: y as u8,
            u: u as u8,
            v: v as u8,
        }
    }
}

/// A rectangle of pixels that may reach beyond the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

/// A picture that is being painted.
pub(super) struct Canvas<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    stride: usize,
    y: &'a mut [u8],
    u: &'a mut [u8],
    v: &'a mut [u8],
}

impl<'a> Canvas<'a> {
    /// `data` is [`len_bytes`](super::len_bytes) long.
    pub(super) fn new(data: &'a mut [u8], width: u32, height: u32) -> Self {
        let (y, chroma) = data.split_at_mut(super::luma_len(width, height));
        let (u, v) = chroma.split_at_mut(chroma.len() / 2);
        Self {
            width,
            height,
            stride: super::stride(width),
            y,
            u,
            v,
        }
    }

    pub(super) fn luma(&mut self) -> &mut [u8] {
        self.y
    }

    /// Blends what `paint` gives for the middle of each pixel in `area`: a colour, and how much it covers
    /// from 0 to 1.
    pub(super) fn paint(&mut self, area: Area, paint: impl Fn(f32, f32) -> (Colour, f32)) {
        // Blocks of 2 x 2 pixels share their chroma.
        let columns = blocks(area.left, area.right, self.width);
        for block_y in blocks(area.top, area.bottom, self.height) {
            for block_x in columns.clone() {
                self.paint_block(block_x, block_y, &paint);
            }
        }
    }

    fn paint_block(&mut self, bx: u32, by: u32, paint: impl Fn(f32, f32) -> (Colour, f32)) {
        let (mut weight, mut u, mut v) = (0.0, 0.0, 0.0);
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| (2 * bx + x, 2 * by + y)) {
            let (colour, cover) = paint(x as f32 + 0.5, y as f32 + 0.5);
            if cover <= 0.0 {
                continue;
            }
            let cover = cover.min(1.0);
            weight += cover;
            u += cover * f32::from(colour.u);
            v += cover * f32::from(colour.v);
            // The stride is even: the pixel right of an odd width is padding. There is no such row.
            if y < self.height {
                blend(
                    &mut self.y[y as usize * self.stride + x as usize],
                    f32::from(colour.y),
                    cover,
                );
            }
        }
        if weight > 0.0 {
            let at = by as usize * (self.stride / 2) + bx as usize;
            blend(&mut self.u[at], u / weight, weight / 4.0);
            blend(&mut self.v[at], v / weight, weight / 4.0);
        }
    }
}

fn blend(byte: &mut u8, value: f32, cover: f32) {
    let old = f32::from(*byte);
    *byte = (old + (value - old) * cover + 0.5) as u8;
}

/// The blocks that have a part of `from..to`, inside of `limit` pixels.
fn blocks(from: f32, to: f32, limit: u32) -> std::ops::Range<u32> {
    let end = (to / 2.0).ceil().max(0.0) as u32;
    ((from / 2.0).max(0.0) as u32)..end.min(limit.div_ceil(2))
}

/// How much of a pixel is inside of a shape whose edge is `distance` away (negative: inside).
pub(super) fn coverage(distance: f32) -> f32 {
    (0.5 - distance).clamp(0.0, 1.0)
}

/// How far (x, y) is from a rectangle with rounded corners; negative inside.
pub(super) fn rounded(area: Area, radius: f32, x: f32, y: f32) -> f32 {
    let dx = (area.left + radius - x).max(x - area.right + radius);
    let dy = (area.top + radius - y).max(y - area.bottom + radius);
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}
