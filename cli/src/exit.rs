//! Exit codes, alike in every program. `docs/ref/configuration.md` lists them for people.

use std::{fmt::Display, process::ExitCode};

/// Why a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked to, or was told to stop.
    Success = 0,
    /// It ran, and failed.
    Failure = 1,
    /// The command line is wrong; clap uses the same number.
    Usage = 2,
    /// A setting is wrong or missing: starting again without a change is of no use (`EX_CONFIG`).
    Settings = 78,
    /// `healthcheck`: not healthy, or not ready.
    Unhealthy = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Runs a program's body on a multi-threaded runtime and turns its result into an exit code.
///
/// An error is printed to standard error with all its causes; it exits with the code that was put on
/// it by [`Exit::because`], else with [`Exit::Failure`].
pub fn run(body: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return Exit::Failure.into();
        }
    };
    let result = runtime.block_on(body);
    // A capture thread that hangs in a driver must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => Exit::Success.into(),
        Err(error) => match error.downcast::<Coded>() {
            Ok(coded) => {
                eprintln!("error: {}", coded.message);
                coded.exit.into()
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                Exit::Failure.into()
            }
        },
    }
}

/// An error message with the exit code that goes with it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Coded {
    exit: Exit,
    message: String,
}

impl Exit {
    /// An error that ends the program with this code.
    pub fn because(self, message: impl Display) -> anyhow::Error {
        Coded {
            exit: self,
            message: message.to_string(),
        }
        .into()
    }
}
