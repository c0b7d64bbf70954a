//! What it costs to encode a frame, and to serve it: Sightline's relay beside the physical floor, in one run.
//!
//! Absolute figures depend on the machine and on what else it does; ratios of interleaved rounds hold
//! better. Every role is a process of its own, so that the kernel counts their time apart.

mod encode;
mod fanout;
mod floor;
mod frame;
mod load;
mod process;
mod report;
mod source;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    about = "Benchmarks of Sightline: `make bench` runs all of them",
    version
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// CPU time of a server for each frame that reaches a viewer: the relay against the floor.
    Fanout(fanout::Arguments),
    /// CPU time of the codecs for each frame: JPEG and H.264, at 720p and 1080p.
    Encode(encode::Arguments),
    /// (a part of `fanout`) The floor: one thread, one `send` of a prepared buffer for each viewer.
    #[command(hide = true)]
    Floor(floor::Arguments),
    /// (a part of `fanout`) Viewers that read and drop.
    #[command(hide = true)]
    Load(load::Arguments),
    /// (a part of `fanout`) A camera on the bus.
    #[command(hide = true)]
    Source(source::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Fanout(arguments) => fanout::run(&arguments),
        Command::Floor(arguments) => floor::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Source(arguments) => source::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
