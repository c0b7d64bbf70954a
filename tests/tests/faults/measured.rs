//! What one run of a row came to.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{glass, viewer::Seen};

/// What one run came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// What the row's target is about, in milliseconds.
    pub(crate) recovery_ms: f64,
    /// Pictures that a viewer should have seen around the fault, and did not: the worst viewer.
    pub(crate) lost: u64,
    /// Pictures older than a second that passed for live, of all viewers.
    pub(crate) stale_shown: u64,
    /// In bytes, of the program that grew most.
    pub(crate) rss_growth: i64,
    /// What else was measured.
    pub(crate) figures: BTreeMap<String, f64>,
    /// Targets in time or size that were missed.
    pub(crate) missed: Vec<String>,
    /// What must hold on any machine and did not.
    pub(crate) broken: Vec<String>,
}

impl Measured {
    /// Fails if `holds` does not. For what does not hang on the speed of the machine.
    pub(crate) fn must(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.broken.push(what.into());
        }
    }

    /// Notes a figure, and that it should not be above `limit`.
    pub(crate) fn at_most(&mut self, name: &str, value: f64, limit: f64) {
        self.figure(name, value);
        if value > limit {
            self.missed
                .push(format!("{name} {value:.0} is above {limit}"));
        }
    }

    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        let worst = self.figures.entry(name.to_owned()).or_insert(value);
        *worst = worst.max(value);
    }

    /// The row's main figure: the worst, if there are several.
    pub(crate) fn recovery(&mut self, took: Duration, limit: Duration) {
        let took_ms = took.as_secs_f64() * 1e3;
        self.recovery_ms = self.recovery_ms.max(took_ms);
        if took > limit {
            self.missed
                .push(format!("{took_ms:.0} ms is above {} ms", limit.as_millis()));
        }
    }

    /// What holds for every viewer after every fault.
    pub(crate) fn glass(&mut self, seen: &[Seen], fps: f64) {
        self.stale_shown += glass::stale_shown(seen);
        self.lost = self.lost.max(glass::lost(seen, fps));
        let backwards = glass::backwards(seen);
        self.must(backwards == 0, format!("{backwards} pictures went back"));
    }

    pub(crate) fn passed(&self) -> bool {
        self.missed.is_empty() && self.is_sound()
    }

    /// Apart from speed.
    pub(crate) fn is_sound(&self) -> bool {
        self.broken.is_empty() && self.stale_shown == 0
    }
}
