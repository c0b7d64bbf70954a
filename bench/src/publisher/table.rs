//! Medians and ranges of what publishers cost, round by round.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

/// One measurement of one part.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// CPU time of the process, in hundredths of one core's.
    pub(crate) core_percent: f64,
    /// CPU time for each frame, microseconds; 0 if there are none.
    pub(crate) us_per_frame: f64,
    /// Frames a second of each camera.
    pub(crate) fps: f64,
}

/// CPU time and frames so far.
pub(crate) type Reading = (Duration, u64);

impl Sample {
    /// Reads twice, so far apart.
    pub(crate) fn over(
        length: Duration,
        read: impl Fn() -> anyhow::Result<Reading>,
        cameras: usize,
    ) -> anyhow::Result<Self> {
        let (before, start) = (read()?, Instant::now());
        thread::sleep(length);
        let after = read()?;
        Ok(Self::between(before, after, start.elapsed(), cameras))
    }

    pub(crate) fn between(
        before: Reading,
        after: Reading,
        elapsed: Duration,
        cameras: usize,
    ) -> Self {
        let cpu = after.0.saturating_sub(before.0).as_secs_f64();
        let frames = after.1.saturating_sub(before.1) as f64;
        let seconds = elapsed.as_secs_f64();
        Self {
            core_percent: cpu / seconds * 100.0,
            us_per_frame: if frames > 0.0 {
                cpu * 1e6 / frames
            } else {
                0.0
            },
            fps: frames / seconds / cameras as f64,
        }
    }
}

/// How parts are compared with the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// Hundredths of a core beyond it.
    Difference,
    /// CPU time per frame, as a multiple.
    Ratio,
    Nothing,
}

impl Against {
    /// Of one round: a machine that gets slower changes little.
    fn compare(self, sample: Sample, first: Sample) -> f64 {
        match self {
            Self::Difference => sample.core_percent - first.core_percent,
            Self::Ratio => sample.us_per_frame / first.us_per_frame,
            Self::Nothing => f64::NAN,
        }
    }
}

pub(crate) struct Table {
    title: String,
    against: Against,
    parts: Vec<(&'static str, Vec<Sample>)>,
}

impl Table {
    pub(crate) fn new(title: String, against: Against, parts: &[&'static str]) -> Self {
        Self {
            title,
            against,
            parts: parts.iter().map(|part| (*part, Vec::new())).collect(),
        }
    }

    pub(crate) fn parts(&self) -> Vec<&'static str> {
        self.parts.iter().map(|(part, _)| *part).collect()
    }

    pub(crate) fn add(&mut self, part: &str, sample: Sample) {
        if let Some((_, samples)) = self.parts.iter_mut().find(|(name, _)| *name == part) {
            samples.push(sample);
        }
    }

    pub(crate) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            let samples: serde_json::Map<_, _> = self
                .parts
                .iter()
                .map(|(part, samples)| Ok(((*part).to_owned(), serde_json::to_value(samples)?)))
                .collect::<anyhow::Result<_>>()?;
            println!(
                "{}",
                serde_json::json!({"title": self.title, "samples": samples})
            );
            return Ok(());
        }
        let against = match self.against {
            Against::Difference => " beyond the first, % of a core (range) |",
            Against::Ratio => " us against the first (range) |",
            Against::Nothing => "",
        };
        println!("\n{}\n", self.title);
        println!("| | % of a core (range) | us per frame (range) | fps |{against}");
        let columns = if against.is_empty() { 4 } else { 5 };
        println!("|{}", " --- |".repeat(columns));
        let (_, first) = &self.parts[0];
        for (part, samples) in &self.parts {
            let core = spread(samples.iter().map(|sample| sample.core_percent), 2);
            let frame = spread(samples.iter().map(|sample| sample.us_per_frame), 0);
            let fps = spread(samples.iter().map(|sample| sample.fps), 1);
            print!("| {part} | {core} | {frame} | {fps} |");
            if self.against != Against::Nothing {
                let pairs = samples.iter().zip(first);
                let compared = pairs.map(|(sample, first)| self.against.compare(*sample, *first));
                print!(" {} |", spread(compared, 2));
            }
            println!();
        }
        Ok(())
    }
}

/// `median (least to most)`.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match &values[..] {
        [] => "-".into(),
        [least, ..] => format!(
            "{:.digits$} ({least:.digits$} to {:.digits$})",
            values[values.len() / 2],
            values[values.len() - 1]
        ),
    }
}
