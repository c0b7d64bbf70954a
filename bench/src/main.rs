//! What it costs to encode a frame, to serve it, and to look at it: Sightline's relay beside the physical floor, in one run.
//!
//! Absolute figures depend on the machine and on what else it does; ratios of interleaved rounds hold
//! better. Every role is a process of its own, so that the kernel counts their time apart.

mod content;
mod encode;
mod fanout;
mod fleet;
mod floor;
mod latency;
mod load;
mod memory;
mod peers;
mod process;
mod publisher;
mod report;
mod scale;
mod shape;
mod source;
mod svg;
#[cfg(feature = "browser")]
mod wall;
mod wire;

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
    /// From the bus to a viewer: p50, p99, p99.9 of each hop.
    Latency(latency::Arguments),
    /// Memory of the relay for each viewer, idle and active.
    Memory(memory::Arguments),
    /// The cost against viewers, cameras, size of frames, relays.
    Scale(scale::Arguments),
    /// CPU time of the codecs for each frame: JPEG and H.264, at 720p and 1080p.
    Encode(encode::Arguments),
    /// What a publisher costs: passing through, encoding, waiting, many cameras at once.
    Publisher(publisher::Arguments),
    /// What the wall costs in Chromium: its main thread, its processes, frames that are not shown, memory.
    #[cfg(feature = "browser")]
    Wall(wall::Arguments),
    /// (a part of `publisher`) A program that writes JPEGs to its standard output.
    #[command(hide = true)]
    PublisherFeed(publisher::feed::Arguments),
    /// (a part of `publisher`) The floor: one thread, from the pipe to the broker.
    #[command(hide = true)]
    PublisherFloor(publisher::floor::Arguments),
    /// (a part of `publisher`) Cameras inside this process, or their encoder alone.
    #[command(hide = true)]
    PublisherPath(publisher::path::Arguments),
    /// (a part of `fanout`) The floor: one thread, one `send` of a prepared buffer for each viewer.
    #[command(hide = true)]
    Floor(floor::Arguments),
    /// (a part of `fanout`) Viewers that read and drop.
    #[command(hide = true)]
    Load(load::Arguments),
    /// (a part of `fanout`) Cameras on the bus.
    #[command(hide = true)]
    Source(source::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = process::allow_connections() {
        eprintln!("warning: the limit of connections stays as it is: {error:#}");
    }
    let result = match arguments.command {
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Fanout(arguments) => fanout::run(&arguments),
        Command::Floor(arguments) => floor::run(&arguments),
        Command::Latency(arguments) => latency::run(&arguments),
        Command::Memory(arguments) => memory::run(&arguments),
        Command::Scale(arguments) => scale::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Publisher(arguments) => publisher::run(&arguments),
        Command::PublisherFeed(arguments) => publisher::feed::run(&arguments),
        Command::PublisherFloor(arguments) => publisher::floor::run(&arguments),
        Command::PublisherPath(arguments) => publisher::path::run(&arguments),
        #[cfg(feature = "browser")]
        Command::Wall(arguments) => wall::run(&arguments),
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
