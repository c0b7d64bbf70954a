//! The fault suite: real programs, one fault at a time, and what viewers see of it.
//!
//! `make faults` runs every row five times and writes `target/faults.json` and the tables of `docs/reliability.md`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod glass;
mod measured;
mod pulse;
mod report;
mod rows;
mod soak;
mod stage;
mod viewer;
mod witness;

use std::{panic::AssertUnwindSafe, process::ExitCode, time::Duration};

use anyhow::{Result, ensure};
use clap::Parser;
use futures_util::FutureExt as _;
use sightline_tests::process;

use crate::{
    measured::Measured,
    pulse::Pulse,
    report::Report,
    rows::{Row, all},
};

/// What faults do to a fleet, measured at the glass.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only rows whose name begins so; may be repeated
    #[arg(long)]
    row: Vec<String>,
    /// How often each row is run; those that take ten minutes are run once
    #[arg(long, default_value_t = 5)]
    times: usize,
    /// Only what does not hang on the speed of the machine can fail, and rows that take minutes are left out
    #[arg(long)]
    quick: bool,
    /// Name the rows and run nothing
    #[arg(long)]
    list: bool,
    /// Write the tables of docs/reliability.md
    #[arg(long)]
    docs: bool,
    /// Write them from target/faults.json and run nothing
    #[arg(long)]
    report: bool,
    /// Instead of rows: kill at random for so many minutes
    #[arg(long, value_name = "MINUTES")]
    soak: Option<f64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace: it is about the fleet.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Some(minutes) = arguments.soak {
        return soak::run(Duration::from_secs_f64(minutes * 60.0)).await;
    }
    let mut report = Report::load()?;
    if arguments.report {
        return report.write_docs();
    }
    let wanted = |row: &Row| {
        let named = arguments.row.iter().any(|name| row.name.starts_with(name));
        named || (arguments.row.is_empty() && !(arguments.quick && row.slow))
    };
    let rows: Vec<_> = all().into_iter().filter(wanted).collect();
    ensure!(!rows.is_empty(), "no row has such a name: see --list");
    if arguments.list {
        for row in rows {
            println!("{:24} {}", row.name, row.fault);
        }
        return Ok(());
    }
    // Building our programs takes a while, and is no part of a measurement.
    process::binary("sightline-relay");
    let mut failed = Vec::new();
    for row in rows {
        let times = if row.once { 1 } else { arguments.times };
        let runs = repeat(&row, times).await;
        let fails = |run: &Measured| {
            if arguments.quick {
                !run.is_sound()
            } else {
                !run.passed()
            }
        };
        if runs.iter().any(fails) {
            failed.push(row.name);
        }
        if !arguments.quick {
            report.put(&row, runs);
            report.save()?;
        }
    }
    if arguments.docs {
        report.write_docs()?;
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// A run during which the machine stood still for longer says nothing.
const STANDSTILL: Duration = Duration::from_millis(250);
/// So often a run is repeated for that.
const REPEATED: usize = 3;

/// Runs a row so many times.
async fn repeat(row: &Row, times: usize) -> Vec<Measured> {
    let mut runs = Vec::new();
    let mut repeated = 0;
    while runs.len() < times {
        println!("{} {}/{times}: {}", row.name, runs.len() + 1, row.fault);
        let pulse = Pulse::start();
        let measured = once(row).await;
        println!("  {}", serde_json::to_string(&measured).unwrap_or_default());
        let still = pulse.longest();
        if still > STANDSTILL && repeated < REPEATED {
            println!("  once more: the machine stood still for {still:?}");
            repeated += 1;
        } else {
            runs.push(measured);
        }
    }
    runs
}

/// A run that breaks off is a failed one.
async fn once(row: &Row) -> Measured {
    match AssertUnwindSafe((row.run)()).catch_unwind().await {
        Ok(Ok(measured)) => measured,
        Ok(Err(error)) => broken_off(&format!("{error:#}")),
        Err(panic) => broken_off(&words(&*panic)),
    }
}

fn broken_off(why: &str) -> Measured {
    let mut measured = Measured::default();
    measured.must(false, why);
    measured
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
