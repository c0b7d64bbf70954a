//! Medians and ranges of interleaved rounds.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    load::Outcome,
    svg::{self, Bar},
};

/// One measurement of one server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// CPU time of the server for each frame that a viewer got, microseconds; and what that is of one core.
    pub(crate) us_per_frame: f64,
    pub(crate) cores: f64,
    /// What viewers got on average, in units of 1000 bytes, heads included.
    pub(crate) kb_per_frame: f64,
    /// Frames per second of a viewer that reads and stays, on average, and of the one that got fewest.
    pub(crate) fps: f64,
    pub(crate) fewest_fps: f64,
    /// Memory of the server at the end, and how much more that is than when counting began.
    pub(crate) rss_kib: u64,
    pub(crate) rss_growth_kib: i64,
    /// The same of the kernel for all TCP connections, the viewers' ends included.
    pub(crate) tcp_kib: u64,
    pub(crate) tcp_growth_kib: i64,
    pub(crate) outcome: Outcome,
}

#[derive(Serialize)]
pub(crate) struct Report {
    title: String,
    servers: Vec<Server>,
}

#[derive(Serialize)]
struct Server {
    name: String,
    samples: Vec<Sample>,
}

impl Report {
    /// The first server is what the others are compared with.
    pub(crate) fn new(title: String, servers: impl IntoIterator<Item = &'static str>) -> Self {
        let servers = servers.into_iter().map(|name| Server {
            name: name.to_owned(),
            samples: Vec::new(),
        });
        Self {
            title,
            servers: servers.collect(),
        }
    }

    pub(crate) fn add(&mut self, server: &str, sample: Sample) {
        if let Some(server) = self.servers.iter_mut().find(|it| it.name == server) {
            server.samples.push(sample);
        }
    }

    /// Writes `<path>.json` and `<path>.svg`.
    pub(crate) fn write(&self, path: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = path else {
            return Ok(());
        };
        let bars = self.servers.iter().map(|server| {
            let cost = Spread::of(server.samples.iter().map(|it| it.us_per_frame));
            Bar {
                name: server.name.clone(),
                least: cost.least,
                median: cost.median,
                most: cost.most,
            }
        });
        let bars: Vec<Bar> = bars.collect();
        let label = "CPU per frame and viewer, microseconds";
        write(
            &path.with_extension("svg"),
            &svg::bars(&self.title, label, &bars),
        )?;
        write(&path.with_extension("json"), &serde_json::to_string(self)?)
    }

    pub(crate) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!("{}\n", self.title);
        println!(
            "| server | us per frame (range) | against the floor (range) | KB per frame | fps, fewest | short of frames | MiB (growth) | MiB in the kernel (growth) |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        for server in &self.servers {
            let of = |value: fn(&Sample) -> f64| Spread::of(server.samples.iter().map(value));
            let cost = of(|it| it.us_per_frame);
            let ratio = self.ratio(server);
            let mib = |value: fn(&Sample) -> f64| of(value).median / 1024.0;
            println!(
                "| {} | {} | {} | {:.1} | {:.1}, {:.1} | {} of {} | {:.1} ({:+.1}) | {:.1} ({:+.1}) |",
                server.name,
                cost.text(1),
                ratio.text(2),
                of(|it| it.kb_per_frame).median,
                of(|it| it.fps).median,
                of(|it| it.fewest_fps).median,
                of(|it| it.outcome.short as f64).median,
                of(|it| it.outcome.steady as f64).median,
                mib(|it| it.rss_kib as f64),
                mib(|it| it.rss_growth_kib as f64),
                mib(|it| it.tcp_kib as f64),
                mib(|it| it.tcp_growth_kib as f64),
            );
        }
        println!();
        Ok(())
    }

    /// Pairs of one round, so that a machine that gets slower changes no ratio.
    fn ratio(&self, server: &Server) -> Spread {
        let pairs = server.samples.iter().zip(&self.servers[0].samples);
        Spread::of(pairs.map(|(sample, floor)| sample.us_per_frame / floor.us_per_frame))
    }
}

/// Writes a file, and the folders that lead to it.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("a path without a folder")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The range of some values.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of no values, none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            least: at(0),
            median: at(values.len() / 2),
            most: at(values.len().saturating_sub(1)),
        }
    }

    pub(crate) fn text(self, decimals: usize) -> String {
        let Self {
            least,
            median,
            most,
        } = self;
        format!("{median:.decimals$} ({least:.decimals$}-{most:.decimals$})")
    }
}
