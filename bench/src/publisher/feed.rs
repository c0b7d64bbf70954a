//! A camera that costs next to nothing: writes the same JPEG, as a webcam gives it at 1080p, to its standard output.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use sightline_publisher::cost::webcam_jpeg;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    fps: f64,
}

/// Writes until nobody reads any more.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let jpeg = webcam_jpeg()?;
    let interval = Duration::from_secs_f64(1.0 / arguments.fps);
    // Whole frames, without the buffer that cuts at line ends.
    let mut output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let mut next = Instant::now();
    loop {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next = (next + interval).max(Instant::now());
        match output.write_all(&jpeg) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}
