//! The letters of the test card, as strokes: they are smooth at every size.

use std::f32::consts::PI;

/// From one point to another; a capital is 1 high, its top left is (0, 0), y goes down.
pub(super) type Stroke = [f32; 4];

/// Half the width of a stroke.
pub(super) const PEN: f32 = 0.068;

/// Pieces that a quarter of an ellipse is made of.
const PIECES_PER_QUARTER: u32 = 8;

/// How far the next letter is.
pub(super) fn advance(letter: char) -> f32 {
    match letter {
        ':' | '.' => 0.42,
        ' ' => 0.50,
        _ => 0.78,
    }
}

/// How `letter` is drawn. Nothing for letters that the card does not use.
pub(super) fn strokes(letter: char) -> Vec<Stroke> {
    match letter {
        '0' => arc(0.30, 0.50, 0.23, 0.43, 0, 360),
        '1' => path(&[(0.12, 0.25), (0.33, 0.07), (0.33, 0.93)]),
        '2' => join(&[
            arc(0.30, 0.30, 0.23, 0.23, 180, 400),
            path(&[(0.476, 0.448), (0.07, 0.93), (0.53, 0.93)]),
        ]),
        '3' => join(&[
            arc(0.28, 0.285, 0.22, 0.215, 200, 450),
            arc(0.28, 0.715, 0.25, 0.215, 270, 520),
        ]),
        '4' => path(&[(0.42, 0.93), (0.42, 0.07), (0.07, 0.66), (0.53, 0.66)]),
        '5' => join(&[
            path(&[(0.50, 0.07), (0.13, 0.07), (0.094, 0.463)]),
            arc(0.28, 0.65, 0.25, 0.28, 222, 510),
        ]),
        '6' => join(&[
            arc(0.30, 0.66, 0.23, 0.27, 0, 360),
            path(&[(0.40, 0.07), (0.105, 0.52)]),
        ]),
        '7' => path(&[(0.07, 0.07), (0.53, 0.07), (0.22, 0.93)]),
        '8' => join(&[
            arc(0.30, 0.275, 0.19, 0.205, 0, 360),
            arc(0.30, 0.705, 0.23, 0.225, 0, 360),
        ]),
        '9' => join(&[
            arc(0.30, 0.34, 0.23, 0.27, 0, 360),
            path(&[(0.20, 0.93), (0.495, 0.48)]),
        ]),
        ':' => join(&[dot(0.17, 0.33), dot(0.17, 0.75)]),
        '.' => dot(0.17, 0.92),
        '-' => path(&[(0.12, 0.52), (0.48, 0.52)]),
        'x' => join(&[
            path(&[(0.10, 0.42), (0.50, 0.93)]),
            path(&[(0.50, 0.42), (0.10, 0.93)]),
        ]),
        'A' => join(&[
            path(&[(0.05, 0.93), (0.30, 0.07), (0.55, 0.93)]),
            path(&[(0.14, 0.64), (0.46, 0.64)]),
        ]),
        'C' => arc(0.32, 0.50, 0.25, 0.43, 48, 312),
        'E' => join(&[
            path(&[(0.50, 0.07), (0.10, 0.07), (0.10, 0.93), (0.50, 0.93)]),
            path(&[(0.10, 0.49), (0.44, 0.49)]),
        ]),
        'F' => join(&[
            path(&[(0.50, 0.07), (0.10, 0.07), (0.10, 0.93)]),
            path(&[(0.10, 0.50), (0.44, 0.50)]),
        ]),
        'M' => path(&[
            (0.06, 0.93),
            (0.06, 0.07),
            (0.30, 0.55),
            (0.54, 0.07),
            (0.54, 0.93),
        ]),
        'R' => join(&[
            path(&[(0.10, 0.93), (0.10, 0.07), (0.28, 0.07)]),
            arc(0.28, 0.295, 0.22, 0.225, 270, 450),
            path(&[(0.28, 0.52), (0.10, 0.52)]),
            path(&[(0.29, 0.52), (0.52, 0.93)]),
        ]),
        'T' => join(&[
            path(&[(0.05, 0.07), (0.55, 0.07)]),
            path(&[(0.30, 0.07), (0.30, 0.93)]),
        ]),
        'U' => join(&[
            path(&[(0.07, 0.07), (0.07, 0.65)]),
            arc(0.30, 0.65, 0.23, 0.28, 0, 180),
            path(&[(0.53, 0.65), (0.53, 0.07)]),
        ]),
        _ => Vec::new(),
    }
}

/// How far (x, y) is from the nearest stroke.
pub(super) fn distance(strokes: &[Stroke], x: f32, y: f32) -> f32 {
    let squared = strokes
        .iter()
        .map(|&[x0, y0, x1, y1]| {
            let (dx, dy) = (x1 - x0, y1 - y0);
            let len = (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
            let along = (((x - x0) * dx + (y - y0) * dy) / len).clamp(0.0, 1.0);
            let (ex, ey) = (x0 + along * dx - x, y0 + along * dy - y);
            ex * ex + ey * ey
        })
        .fold(f32::MAX, f32::min);
    squared.sqrt()
}

fn path(points: &[(f32, f32)]) -> Vec<Stroke> {
    points
        .windows(2)
        .map(|p| [p[0].0, p[0].1, p[1].0, p[1].1])
        .collect()
}

fn dot(x: f32, y: f32) -> Vec<Stroke> {
    vec![[x, y, x, y]]
}

/// Part of an ellipse, clockwise; degrees from the right.
fn arc(cx: f32, cy: f32, rx: f32, ry: f32, from: u32, to: u32) -> Vec<Stroke> {
    let pieces = ((to - from) * PIECES_PER_QUARTER).div_ceil(90);
    let points: Vec<_> = (0..=pieces)
        .map(|i| from as f32 + (to - from) as f32 * i as f32 / pieces as f32)
        .map(|degrees| (degrees * PI / 180.0).sin_cos())
        .map(|(sin, cos)| (cx + rx * cos, cy + ry * sin))
        .collect();
    path(&points)
}

fn join(parts: &[Vec<Stroke>]) -> Vec<Stroke> {
    parts.concat()
}
