//! What parts of the fleet say of themselves during a fault.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use sightline_tests::{http, process::Process};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

const ASK_EVERY: Duration = Duration::from_millis(50);

/// Asks a relay all the time whether it is ready. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Readiness {
    changes: Arc<Mutex<Vec<(Instant, State)>>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Unready,
    /// It does not answer.
    Silent,
}

impl Readiness {
    pub(crate) fn watch(relay: &str) -> Self {
        let changes = Arc::<Mutex<Vec<_>>>::default();
        let (relay, noted) = (relay.to_owned(), changes.clone());
        let task = tokio::spawn(async move {
            loop {
                let asked = timeout(Duration::from_secs(1), http::get(&relay, "/readyz")).await;
                let state = match asked {
                    Ok(Ok(answer)) if answer.status == 200 => State::Ready,
                    Ok(Ok(_)) => State::Unready,
                    _ => State::Silent,
                };
                note(&noted, state);
                sleep(ASK_EVERY).await;
            }
        });
        Self { changes, task }
    }

    /// When it changed to what since `from`, which is what it was at that time.
    pub(crate) fn since(&self, from: Instant) -> Vec<(Instant, State)> {
        let changes = self.changes.lock();
        let changes = changes.unwrap_or_else(PoisonError::into_inner);
        let start = changes.iter().rposition(|(at, _)| *at <= from);
        changes[start.unwrap_or_default()..].to_vec()
    }

    /// Whether it was ready all the time since `from`.
    pub(crate) fn held(&self, from: Instant) -> bool {
        let since = self.since(from);
        since.iter().all(|(_, state)| *state == State::Ready)
    }

    /// How long after `from` it first said that it is not ready.
    pub(crate) fn unready_after(&self, from: Instant) -> Option<Duration> {
        let since = self.since(from);
        let unready = since.iter().find(|(_, state)| *state == State::Unready);
        unready.map(|(at, _)| at.saturating_duration_since(from))
    }
}

fn note(changes: &Mutex<Vec<(Instant, State)>>, state: State) {
    let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
    if changes.last().is_none_or(|(_, last)| *last != state) {
        changes.push((Instant::now(), state));
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lines of warnings and errors that are the same but for their time, with how often each came, if that is more than
/// once. The log is in JSON.
pub(crate) fn repeated(lines: &[String]) -> Vec<(String, usize)> {
    let mut seen = BTreeMap::<String, usize>::new();
    for line in lines {
        let Ok(mut line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if !matches!(line["level"].as_str(), Some("WARN" | "ERROR")) {
            continue;
        }
        if let Some(fields) = line.as_object_mut() {
            fields.remove("timestamp");
        }
        *seen.entry(line.to_string()).or_default() += 1;
    }
    seen.into_iter().filter(|(_, count)| *count > 1).collect()
}

/// How the memory of a program grew from before a fault to 30 s after it, or to when it was back within a tenth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    before_bytes: u64,
}

/// How long a program has to give back what a fault made it take.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(30);

impl Memory {
    pub(crate) fn before(process: &Process) -> anyhow::Result<Self> {
        let before_bytes = process.memory_bytes()?;
        Ok(Self { before_bytes })
    }

    /// Waits until it is back within a tenth, 30 s at most, and gives the growth in bytes and whether it is.
    pub(crate) async fn after(self, process: &Process) -> anyhow::Result<(i64, bool)> {
        let start = Instant::now();
        loop {
            let growth = self.growth_now(process)?;
            let is_back = growth <= i64::try_from(self.before_bytes / 10)?;
            if is_back || start.elapsed() >= GIVEN_BACK_WITHIN {
                return Ok((growth, is_back));
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    pub(crate) fn growth_now(self, process: &Process) -> anyhow::Result<i64> {
        Ok(i64::try_from(process.memory_bytes()?)? - i64::try_from(self.before_bytes)?)
    }
}
