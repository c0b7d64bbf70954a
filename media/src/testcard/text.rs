//! Letters as masks, drawn once for a size and blended from then on.

use super::{
    canvas::{Area, Canvas, Colour, coverage},
    glyph,
};

/// The letters that the card uses.
const LETTERS: &str = "0123456789:.-xACEFMRTU";

/// Letters of one size.
pub(super) struct Font {
    /// Pixels of a capital's height.
    size: f32,
    masks: Vec<(char, Mask)>,
}

struct Mask {
    width: usize,
    cover: Vec<f32>,
}

impl Font {
    pub(super) fn new(size: f32) -> Self {
        let masks = LETTERS
            .chars()
            .map(|letter| (letter, Mask::new(letter, size)))
            .collect();
        Self { size, masks }
    }

    /// Writes `text` from `left`, with the capitals' tops at `top`.
    pub(super) fn write(
        &self,
        canvas: &mut Canvas<'_>,
        text: &str,
        (left, top): (f32, f32),
        colour: Colour,
    ) {
        let mut x = left;
        for letter in text.chars() {
            if let Some((_, mask)) = self.masks.iter().find(|(known, _)| *known == letter) {
                mask.blend(canvas, x.round(), top.round(), colour);
            }
            x += glyph::advance(letter) * self.size;
        }
    }

    pub(super) fn width(&self, text: &str) -> f32 {
        text.chars().map(glyph::advance).sum::<f32>() * self.size
    }
}

impl Mask {
    fn new(letter: char, size: f32) -> Self {
        let strokes = glyph::strokes(letter);
        let (width, height) = ((size * 0.66).ceil() as usize, size.ceil() as usize + 1);
        let mut cover = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (x, y) = ((x as f32 + 0.5) / size, (y as f32 + 0.5) / size);
                let edge = glyph::distance(&strokes, x, y) - glyph::PEN;
                cover.push(coverage(edge * size));
            }
        }
        Self { width, cover }
    }

    /// `left` and `top` are whole numbers.
    fn blend(&self, canvas: &mut Canvas<'_>, left: f32, top: f32, colour: Colour) {
        let height = self.cover.len() / self.width;
        let area = Area {
            left,
            top,
            right: left + self.width as f32,
            bottom: top + height as f32,
        };
        canvas.paint(area, |x, y| {
            let (x, y) = ((x - left).floor(), (y - top).floor());
            let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < height as f32;
            let cover = match inside {
                true => self.cover[y as usize * self.width + x as usize],
                false => 0.0,
            };
            (colour, cover)
        });
    }
}
