//! The results: `target/faults.json`, and the tables of `docs/reliability.md` that are made of it.

use std::{collections::BTreeMap, path::PathBuf, thread};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sightline_tests::process::root;

use crate::{
    glass::quantile,
    measured::Measured,
    rows::{Row, all},
};

const START: &str = "<!-- made by `make faults` -->";
const END: &str = "<!-- end of what `make faults` made -->";

/// The results of all rows that were ever run here, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    rows: BTreeMap<String, Results>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Results {
    fault: String,
    target: String,
    passed: bool,
    median: Summary,
    worst: Summary,
    runs: Vec<Measured>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Summary {
    recovery_ms: f64,
    lost: f64,
    stale_shown: f64,
    rss_growth: f64,
    figures: BTreeMap<String, f64>,
}

impl Report {
    /// The results so far; none if there is no file.
    pub(crate) fn load() -> Result<Self> {
        let Ok(text) = std::fs::read(path()) else {
            return Ok(Self::default());
        };
        let mut report: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not what was written", path().display()))?;
        for results in report.rows.values_mut() {
            results.sum_up();
        }
        Ok(report)
    }

    pub(crate) fn save(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path(), text + "\n").with_context(|| format!("{}", path().display()))
    }

    pub(crate) fn put(&mut self, row: &Row, runs: Vec<Measured>) {
        let mut results = Results {
            fault: row.fault.to_owned(),
            target: row.target.to_owned(),
            runs,
            ..Results::default()
        };
        results.sum_up();
        self.rows.insert(row.name.to_owned(), results);
    }

    /// Puts the table in the place of the one that stands in the page.
    pub(crate) fn write_docs(&self) -> Result<()> {
        let page = root().join("docs/reliability.md");
        let text = std::fs::read_to_string(&page)?;
        let (before, rest) = text.split_once(START).context("the page has no table")?;
        let (_, after) = rest.split_once(END).context("the table has no end")?;
        let text = format!("{before}{START}\n\n{}\n{END}{after}", self.table());
        std::fs::write(&page, text).with_context(|| format!("{}", page.display()))
    }

    fn table(&self) -> String {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut table = format!(
            "On a machine with {cores} cores that ran everything, servers, publishers, relays and viewers, beside other work.\n\n\
             | row | fault | target | measured, median / worst | lost | stale shown | memory | runs | |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for row in all() {
            table += &match self.rows.get(row.name) {
                Some(results) => results.line(&row),
                None => format!(
                    "| `{}` | {} | {} | | | | | 0 | not run |\n",
                    row.name, row.fault, row.target
                ),
            };
        }
        table + &self.failures()
    }

    /// What was missed, in words: nothing is hidden.
    fn failures(&self) -> String {
        let mut text = String::new();
        for row in all() {
            let Some(results) = self.rows.get(row.name).filter(|results| !results.passed) else {
                continue;
            };
            // By kind: many viewers, and many runs, miss the same by a little more or less. One stands for them.
            let mut reasons = BTreeMap::<String, (String, usize)>::new();
            for run in &results.runs {
                let old = (run.stale_shown > 0).then(|| "old pictures passed for live".to_owned());
                let all = run.broken.iter().chain(&run.missed).chain(&old);
                let kinds: BTreeMap<_, _> =
                    all.map(|reason| (kind(reason), short(reason))).collect();
                for (kind, reason) in kinds {
                    reasons.entry(kind).or_insert((reason, 0)).1 += 1;
                }
            }
            let reasons: Vec<_> = reasons
                .into_values()
                .map(|(reason, count)| format!("{reason} ({count} of {})", results.runs.len()))
                .collect();
            text += &format!("- `{}`: {}\n", row.name, reasons.join("; "));
        }
        if text.is_empty() {
            text
        } else {
            format!("\nWhat was missed, with the runs that missed it:\n\n{text}")
        }
    }
}

impl Results {
    /// What all runs came to.
    fn sum_up(&mut self) {
        self.passed = self.runs.iter().all(Measured::passed);
        self.median = summary(&self.runs, 0.5);
        self.worst = summary(&self.runs, 1.0);
    }

    fn line(&self, row: &Row) -> String {
        let (median, worst) = (&self.median, &self.worst);
        let mut measured = format!(
            "{} {:.0} / {:.0} ms",
            row.figure, median.recovery_ms, worst.recovery_ms
        );
        for (name, value) in &median.figures {
            let worst = worst.figures.get(name).copied().unwrap_or_default();
            measured += &format!("; {name} {value:.0} / {worst:.0}");
        }
        format!(
            "| `{}` | {} | {} | {measured} | {:.0} / {:.0} | {:.0} | {:+.1} MB | {} | {} |\n",
            row.name,
            row.fault,
            row.target,
            median.lost,
            worst.lost,
            worst.stale_shown,
            worst.rss_growth / 1e6,
            self.runs.len(),
            if self.passed { "kept" } else { "**missed**" },
        )
    }
}

fn summary(runs: &[Measured], part: f64) -> Summary {
    let of = |value: fn(&Measured) -> f64| quantile(runs.iter().map(value).collect(), part);
    let mut figures = BTreeMap::<String, Vec<f64>>::new();
    for (name, value) in runs.iter().flat_map(|run| &run.figures) {
        figures.entry(name.clone()).or_default().push(*value);
    }
    Summary {
        recovery_ms: of(|run| run.recovery_ms),
        lost: of(|run| run.lost as f64),
        stale_shown: of(|run| run.stale_shown as f64),
        rss_growth: of(|run| run.rss_growth as f64),
        figures: figures
            .into_iter()
            .map(|(name, values)| (name, quantile(values, part)))
            .collect(),
    }
}

/// The words alone: reasons that differ by their numbers are one kind.
fn kind(reason: &str) -> String {
    short(reason)
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect()
}

/// The first words.
fn short(reason: &str) -> String {
    const MOST: usize = 160;
    let line = reason.lines().next().unwrap_or_default();
    line.chars()
        .take(MOST)
        .collect::<String>()
        .replace('|', "/")
}

fn path() -> PathBuf {
    root().join("target/faults.json")
}
