//! Publisher and relay in one process.

mod cli;
mod config;
mod run;

fn main() -> std::process::ExitCode {
    cli::main()
}
