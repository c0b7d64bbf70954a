//! What is on the card, and where.

use std::f32::consts::TAU;

use super::{
    canvas::{Area, Canvas, Colour, coverage, rounded},
    len_bytes, strip,
    text::Font,
};

const WHITE: Colour = Colour::rgb(255, 255, 255);
const SOFT: Colour = Colour::rgb(196, 208, 226);
const ACCENT: Colour = Colour::rgb(255, 184, 77);

const PATCHES: [Colour; 8] = [
    Colour::rgb(245, 245, 245),
    Colour::rgb(240, 205, 60),
    Colour::rgb(60, 200, 215),
    Colour::rgb(70, 190, 90),
    Colour::rgb(200, 80, 190),
    Colour::rgb(220, 60, 55),
    Colour::rgb(60, 90, 215),
    Colour::rgb(16, 16, 18),
];

/// The dial's centre and radius. All places are in sixteenths of the width of a 16:9 area that is as large as
/// fits and lies in the middle.
const DIAL: (f32, f32, f32) = (3.25, 3.4, 2.0);
/// Left and right end of the text, the patches and the slider's track.
const TEXT_LEFT: f32 = 6.3;
const RIGHT: f32 = 15.1;
const SLIDER_Y: f32 = 5.25;

const DIAL_TURN_US: i64 = 2_000_000;
const SLIDER_TURN_US: i64 = 4_000_000;
/// Dots that follow the one on the dial, and by how much of a turn each.
const TAIL: usize = 10;
const TAIL_STEP: f32 = 0.018;

/// Draws the card in one size: what stands still was drawn before, what moves costs little.
pub struct Card {
    width: u32,
    height: u32,
    background: Vec<u8>,
    place: Place,
    large: Font,
    small: Font,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Card({}x{})", self.width, self.height)
    }
}

/// Turns places on the card into pixels.
#[derive(Clone, Copy)]
struct Place {
    unit: f32,
    left: f32,
    top: f32,
}

impl Place {
    fn of(width: u32, height: u32) -> Self {
        let unit = (width as f32 / 16.0).min(height as f32 / 9.0);
        Self {
            unit,
            left: (width as f32 - 16.0 * unit) / 2.0,
            top: (height as f32 - 9.0 * unit) / 2.0,
        }
    }

    fn point(self, x: f32, y: f32) -> (f32, f32) {
        (self.left + x * self.unit, self.top + y * self.unit)
    }

    fn area(self, left: f32, top: f32, right: f32, bottom: f32) -> Area {
        let ((left, top), (right, bottom)) = (self.point(left, top), self.point(right, bottom));
        Area {
            left,
            top,
            right,
            bottom,
        }
    }
}

impl Card {
    /// A card of `width` x `height` pixels, both at least 1. The strip can be read from 48x15 upwards.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let place = Place::of(width, height);
        let mut card = Self {
            width,
            height,
            background: vec![0; len_bytes(width, height)],
            place,
            large: Font::new(place.unit * 1.06),
            small: Font::new(place.unit * 0.52),
        };
        card.draw_background();
        card
    }

    /// Draws frame `number`, taken at `time_us` (microseconds since 1970 UTC), into `into`: full-range I420 of
    /// [`len_bytes`], whatever was there before. An `into` that is used again needs no allocation.
    pub fn render(&self, number: u32, time_us: i64, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.background);
        let mut canvas = Canvas::new(into, self.width, self.height);
        self.draw_dial_hand(&mut canvas, phase(time_us, DIAL_TURN_US));
        self.draw_slider(&mut canvas, phase(time_us, SLIDER_TURN_US));
        let (date, time) = date_and_time(time_us);
        let at = |y| self.place.point(TEXT_LEFT, y);
        self.large.write(&mut canvas, &time, at(1.75), WHITE);
        self.small
            .write(&mut canvas, &format!("{date} UTC"), at(3.25), SOFT);
        self.small
            .write(&mut canvas, &format!("FRAME {number}"), at(4.15), ACCENT);
        let (width, height) = (self.width, self.height);
        strip::paint(canvas.luma(), width, height, super::stride(width), number);
    }

    fn draw_background(&mut self) {
        let (w, h) = (self.width as f32, self.height as f32);
        let mut background = std::mem::take(&mut self.background);
        let mut canvas = Canvas::new(&mut background, self.width, self.height);
        let everything = Area {
            left: 0.0,
            top: 0.0,
            right: w,
            bottom: h,
        };
        canvas.paint(everything, |x, y| {
            let (x, y) = (x / w, y / h);
            let glow = (1.0 - ((x - 0.2).hypot((y - 0.35) * 0.7) * 1.6)).clamp(0.0, 1.0);
            let mix = |from: f32, to: f32, light: f32| {
                (from + (to - from) * (0.65 * x + 0.35 * y) + light * glow) as u8
            };
            (
                Colour::rgb(
                    mix(18.0, 58.0, 10.0),
                    mix(44.0, 26.0, 30.0),
                    mix(72.0, 88.0, 34.0),
                ),
                1.0,
            )
        });
        self.draw_dial(&mut canvas);
        self.draw_patches(&mut canvas);
        self.draw_track(&mut canvas);
        let bottom = Area {
            top: strip::rows(self.height).start as f32,
            ..everything
        };
        canvas.paint(bottom, |_, _| (Colour::rgb(0, 0, 0), 1.0));
        self.background = background;
    }

    fn draw_dial(&self, canvas: &mut Canvas<'_>) {
        let (cx, cy, radius) = DIAL;
        let (x0, y0) = self.place.point(cx, cy);
        let unit = self.place.unit;
        let area = self.place.area(cx - 2.4, cy - 2.4, cx + 2.4, cy + 2.4);
        canvas.paint(area, |x, y| {
            let ring = ((x - x0).hypot(y - y0) - radius * unit).abs() - 0.02 * unit;
            (WHITE, 0.45 * coverage(ring))
        });
        for tick in 0..12 {
            let (sin, cos) = (tick as f32 * TAU / 12.0).sin_cos();
            let (x, y) = (
                x0 + sin * (radius - 0.3) * unit,
                y0 - cos * (radius - 0.3) * unit,
            );
            disc(canvas, (x, y), 0.05 * unit, WHITE, 0.6);
        }
        let size = format!("{}x{}", self.width, self.height);
        let font = Font::new(0.4 * unit);
        let left = x0 - font.width(&size) / 2.0 + 0.07 * unit;
        font.write(canvas, &size, (left, y0 - 0.2 * unit), SOFT);
    }

    fn draw_patches(&self, canvas: &mut Canvas<'_>) {
        let (left, gap) = (0.9, 0.2);
        let step = (RIGHT - left + gap) / PATCHES.len() as f32;
        for (i, colour) in PATCHES.into_iter().enumerate() {
            let left = left + i as f32 * step;
            let area = self.place.area(left, 6.0, left + step - gap, 7.2);
            let radius = 0.14 * self.place.unit;
            canvas.paint(area, |x, y| (colour, coverage(rounded(area, radius, x, y))));
        }
        let ramp = self.place.area(left, 7.45, RIGHT, 7.95);
        let radius = 0.14 * self.place.unit;
        canvas.paint(ramp, |x, y| {
            let grey = (255.0 * (x - ramp.left) / (ramp.right - ramp.left)).clamp(0.0, 255.0) as u8;
            (
                Colour::rgb(grey, grey, grey),
                coverage(rounded(ramp, radius, x, y)),
            )
        });
    }

    fn draw_track(&self, canvas: &mut Canvas<'_>) {
        let track = self
            .place
            .area(TEXT_LEFT, SLIDER_Y - 0.03, RIGHT, SLIDER_Y + 0.03);
        let radius = 0.03 * self.place.unit;
        canvas.paint(track, |x, y| {
            (WHITE, 0.35 * coverage(rounded(track, radius, x, y)))
        });
    }

    fn draw_dial_hand(&self, canvas: &mut Canvas<'_>, phase: f32) {
        let (cx, cy, radius) = DIAL;
        for i in (0..TAIL).rev() {
            let (sin, cos) = ((phase - i as f32 * TAIL_STEP) * TAU).sin_cos();
            let fade = 1.0 - i as f32 / TAIL as f32;
            let at = self.place.point(cx + radius * sin, cy - radius * cos);
            let size = (0.08 + 0.16 * fade) * self.place.unit;
            disc(
                canvas,
                at,
                size,
                ACCENT,
                if i == 0 { 1.0 } else { 0.5 * fade },
            );
        }
    }

    /// There and back again.
    fn draw_slider(&self, canvas: &mut Canvas<'_>, phase: f32) {
        let there = 1.0 - (2.0 * phase - 1.0).abs();
        let at = self
            .place
            .point(TEXT_LEFT + there * (RIGHT - TEXT_LEFT), SLIDER_Y);
        disc(canvas, at, 0.18 * self.place.unit, WHITE, 1.0);
    }
}

fn disc(canvas: &mut Canvas<'_>, (cx, cy): (f32, f32), radius: f32, colour: Colour, cover: f32) {
    let reach = radius + 1.0;
    let area = Area {
        left: cx - reach,
        top: cy - reach,
        right: cx + reach,
        bottom: cy + reach,
    };
    canvas.paint(area, |x, y| {
        (colour, cover * coverage((x - cx).hypot(y - cy) - radius))
    });
}

/// From 0 to 1 within each turn.
fn phase(time_us: i64, turn_us: i64) -> f32 {
    time_us.rem_euclid(turn_us) as f32 / turn_us as f32
}

/// `2026-11-23` and `12:34:56.789`.
fn date_and_time(time_us: i64) -> (String, String) {
    let ms = time_us.div_euclid(1_000);
    let (day, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = date(day);
    let (s, ms) = (ms / 1_000, ms % 1_000);
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{:02}:{:02}:{:02}.{ms:03}", s / 3_600, s / 60 % 60, s % 60),
    )
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    // Years are taken to start in March, so that the leap day is a year's last; 400 years are an era.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year, month + 3),
        _ => (year + 1, month - 9),
    };
    (era * 400 + year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_shows_utc() {
        for (seconds, date, time) in [
            (0, "1970-01-01", "00:00:00.250"),
            (951_782_399, "2000-02-28", "23:59:59.250"),
            (951_782_400, "2000-02-29", "00:00:00.250"),
            (1_709_251_199, "2024-02-29", "23:59:59.250"),
            (1_795_435_199, "2026-11-23", "11:59:59.250"),
            (4_107_542_400, "2100-03-01", "00:00:00.250"),
            (-1, "1969-12-31", "23:59:59.250"),
        ] {
            let shown = date_and_time(seconds * 1_000_000 + 250_999);
            assert_eq!(shown, (date.to_owned(), time.to_owned()));
        }
    }
}
