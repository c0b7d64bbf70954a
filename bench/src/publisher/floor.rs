//! The floor of a publisher: reads what a camera program writes, and writes it to the broker. One thread, blocking
//! calls, one buffer, nothing looked at: what is left are the copies that the kernel makes.

use std::{
    io::{BufRead as _, BufReader, IoSlice, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use anyhow::Context as _;

use sightline_publisher::cost::webcam_jpeg;

use crate::process::this_program;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    nats: SocketAddr,
    #[arg(long)]
    subject: String,
    #[arg(long)]
    fps: f64,
}

/// Runs until it is killed, which ends the camera program, too.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut broker = connect(arguments.nats)?;
    let mut camera = camera(arguments)?
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the camera program")?;
    let mut frames = camera.stdout.take().context("no standard output")?;
    let mut frame = vec![0; webcam_jpeg()?.len()];
    let head = format!("PUB {} {}\r\n", arguments.subject, frame.len());
    loop {
        frames.read_exact(&mut frame)?;
        write_all(&mut broker, [head.as_bytes(), &frame, b"\r\n"])?;
    }
}

/// The camera program, as the publisher is told to start it, too.
fn camera(arguments: &Arguments) -> anyhow::Result<Command> {
    let mut command = this_program("publisher-feed")?;
    command.args(["--fps", &arguments.fps.to_string()]);
    Ok(command)
}

/// NATS as a client speaks it that only publishes. The server's first PING comes later than the benchmark lasts, or
/// need not be answered by then.
fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut info = String::new();
    BufReader::new(socket.try_clone()?).read_line(&mut info)?;
    anyhow::ensure!(info.starts_with("INFO "), "this is no NATS server: {info}");
    socket.write_all(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n")?;
    Ok(socket)
}

fn write_all(socket: &mut TcpStream, parts: [&[u8]; 3]) -> anyhow::Result<()> {
    let mut slices = parts.map(IoSlice::new);
    let mut left = &mut slices[..];
    while !left.is_empty() {
        let written = socket.write_vectored(left)?;
        anyhow::ensure!(written > 0, "the broker takes no more");
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}
