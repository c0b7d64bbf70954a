//! Medians and ranges of interleaved rounds.

use serde::Serialize;

/// One measurement of one server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// CPU time of the server for each frame that a viewer got, microseconds.
    pub(crate) us_per_frame: f64,
    /// Frames per second of a viewer, on average, and of the one that got fewest.
    pub(crate) fps: f64,
    pub(crate) fewest_fps: f64,
    /// Memory of the server at the end.
    pub(crate) rss_kib: u64,
}

pub(crate) struct Report {
    servers: Vec<(&'static str, Vec<Sample>)>,
}

impl Report {
    /// The first server is what the others are compared with.
    pub(crate) fn new(servers: &[&'static str]) -> Self {
        Self {
            servers: servers.iter().map(|name| (*name, Vec::new())).collect(),
        }
    }

    pub(crate) fn add(&mut self, server: &str, sample: Sample) {
        if let Some((_, samples)) = self.servers.iter_mut().find(|(name, _)| *name == server) {
            samples.push(sample);
        }
    }

    pub(crate) fn print(&self, title: &str, json: bool) -> anyhow::Result<()> {
        if json {
            let samples: serde_json::Map<_, _> = self
                .servers
                .iter()
                .map(|(name, samples)| Ok(((*name).to_owned(), serde_json::to_value(samples)?)))
                .collect::<anyhow::Result<_>>()?;
            println!(
                "{}",
                serde_json::json!({"title": title, "samples": samples})
            );
            return Ok(());
        }
        println!("{title}\n");
        println!(
            "| server | us per frame (range) | against the floor (range) | fps, fewest | MiB |"
        );
        println!("| --- | --- | --- | --- | --- |");
        let (_, floor) = &self.servers[0];
        for (name, samples) in &self.servers {
            let cost = Spread::of(samples.iter().map(|s| s.us_per_frame));
            // Pairs of one round, so that a machine that gets slower changes no ratio.
            let ratio = Spread::of(
                samples
                    .iter()
                    .zip(floor)
                    .map(|(sample, floor)| sample.us_per_frame / floor.us_per_frame),
            );
            let fps = Spread::of(samples.iter().map(|s| s.fps));
            let fewest = Spread::of(samples.iter().map(|s| s.fewest_fps));
            let rss = Spread::of(samples.iter().map(|s| s.rss_kib as f64 / 1024.0));
            println!(
                "| {name} | {:.1} ({:.1}-{:.1}) | {:.2} ({:.2}-{:.2}) | {:.1}, {:.1} | {:.1} |",
                cost.median,
                cost.least,
                cost.most,
                ratio.median,
                ratio.least,
                ratio.most,
                fps.median,
                fewest.median,
                rss.median
            );
        }
        Ok(())
    }
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            least: at(0),
            median: at(values.len() / 2),
            most: at(values.len().saturating_sub(1)),
        }
    }
}
