//! Plots as SVG: curves over an axis that counts, and bars with ranges.

use std::fmt::Write as _;

/// Values against one quantity.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One bar: from 0 to the median, and the range.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

const COLOURS: [&str; 6] = [
    "#1f6fb4", "#d9622b", "#3a9a4b", "#8a5ab5", "#b8a021", "#666666",
];

/// Lines on which values are named, about.
const STEPS: f64 = 5.0;

/// Curves over a logarithmic axis of numbers above 0, on a linear one of values from 0.
pub(crate) fn curves(title: &str, x_label: &str, y_label: &str, curves: &[Curve]) -> String {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let (low, high) = all().fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    let mut plot = Plot::new(title, y_label, all().map(|(_, y)| *y));
    let across = |x: f64| {
        let share = (x / low).ln() / (high / low).ln().max(f64::EPSILON);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    };
    let mut named: Vec<f64> = all().map(|(x, _)| *x).collect();
    named.sort_by(f64::total_cmp);
    named.dedup();
    for x in named {
        plot.text(across(x), HEIGHT - BOTTOM + 18.0, "middle", &number(x));
    }
    plot.text(WIDTH / 2.0, HEIGHT - 18.0, "middle", x_label);
    for (index, curve) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<String> = curve
            .points
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1}", across(*x), plot.up(*y)))
            .collect();
        let _ = writeln!(
            plot.svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            points.join(" ")
        );
        for (x, y) in &curve.points {
            let (x, y) = (across(*x), plot.up(*y));
            let _ = writeln!(
                plot.svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
            );
        }
        let x = LEFT + 10.0 + 170.0 * index as f64;
        let _ = writeln!(
            plot.svg,
            r#"<rect x="{x:.1}" y="32" width="10" height="10" fill="{colour}"/>"#
        );
        plot.text(x + 15.0, 41.0, "start", &curve.name);
    }
    plot.end()
}

/// Bars beside each other, from 0.
pub(crate) fn bars(title: &str, y_label: &str, bars: &[Bar]) -> String {
    let mut plot = Plot::new(title, y_label, bars.iter().map(|bar| bar.most));
    let each = (WIDTH - LEFT - RIGHT) / bars.len().max(1) as f64;
    for (index, bar) in bars.iter().enumerate() {
        let middle = LEFT + each * (index as f64 + 0.5);
        let (x, width) = (middle - each * 0.3, each * 0.6);
        let (top, bottom) = (plot.up(bar.median), plot.up(0.0));
        let (least, most) = (plot.up(bar.least), plot.up(bar.most));
        let colour = COLOURS[index % COLOURS.len()];
        let _ = writeln!(
            plot.svg,
            r#"<rect x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{:.1}" fill="{colour}"/>
<line x1="{middle:.1}" x2="{middle:.1}" y1="{least:.1}" y2="{most:.1}" stroke="black"/>"#,
            bottom - top
        );
        plot.text(middle, HEIGHT - BOTTOM + 18.0, "middle", &bar.name);
        plot.text(middle, most - 6.0, "middle", &format!("{:.1}", bar.median));
    }
    plot.end()
}

/// The frame, the axis of values and its lines.
struct Plot {
    svg: String,
    most: f64,
}

impl Plot {
    fn new(title: &str, y_label: &str, values: impl Iterator<Item = f64>) -> Self {
        let step = step(values.fold(0.0, f64::max));
        let most = step * (STEPS + 1.0);
        let mut plot = Self {
            svg: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
                 font-family=\"sans-serif\" font-size=\"12\">\n\
                 <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
            ),
            most,
        };
        plot.text(WIDTH / 2.0, 20.0, "middle", title);
        for line in 0..=STEPS as u32 + 1 {
            let value = f64::from(line) * step;
            let y = plot.up(value);
            let right = WIDTH - RIGHT;
            let _ = writeln!(
                plot.svg,
                r##"<line x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}" stroke="#dddddd"/>"##
            );
            plot.text(LEFT - 6.0, y + 4.0, "end", &number(value));
        }
        let middle = HEIGHT / 2.0;
        let _ = writeln!(
            plot.svg,
            r#"<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">{}</text>"#,
            escaped(y_label)
        );
        plot
    }

    fn up(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - value / self.most * (HEIGHT - TOP - BOTTOM)
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.svg,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    fn end(mut self) -> String {
        self.svg += "</svg>\n";
        self.svg
    }
}

/// A round step, some of which reach `most`.
fn step(most: f64) -> f64 {
    let rough = most.max(f64::MIN_POSITIVE) / STEPS;
    let ten = 10f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|n| n * ten >= rough);
    round.unwrap_or(10.0) * ten
}

/// No more decimals than it needs.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_reach_the_top() {
        for most in [0.003, 1.0, 17.0, 99.0, 100.0, 12_345.0] {
            let step = step(most);
            assert!(
                step * (STEPS + 1.0) >= most && step * STEPS < most * 3.0,
                "{most}: {step}"
            );
        }
        assert_eq!(step(17.0), 5.0);
    }

    #[test]
    fn every_point_and_bar_is_inside_and_named() {
        let curve = Curve {
            name: "a <b>".into(),
            points: vec![(1.0, 2.0), (1_000.0, 40.0)],
        };
        let svg = curves("t", "x", "y", &[curve]);
        assert!(svg.contains("a &lt;b>"));
        assert!(
            svg.contains("points=\"70.0,") && svg.contains(" 700.0,"),
            "{svg}"
        );
        let bar = Bar {
            name: "relay".into(),
            least: 1.0,
            median: 2.0,
            most: 3.0,
        };
        let svg = bars("t", "y", &[bar]);
        assert!(svg.contains(">relay<") && svg.contains(">2.0<"), "{svg}");
    }
}
