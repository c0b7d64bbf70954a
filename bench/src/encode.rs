//! CPU time of the codecs for each frame of the moving test card.

use std::time::Duration;

use anyhow::Context as _;
use sightline_publisher::cost::{Frames, Task};

use crate::process::cpu_of;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Frames that are drawn beforehand: two seconds. At 1080p they take 190 MB.
    #[arg(long, default_value_t = 60)]
    frames: u32,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Width, height, and bits a second of H.264.
const SIZES: [(u32, u32, u32); 2] = [(1280, 720, 2_000_000), (1920, 1080, 4_000_000)];

const FPS: f64 = 30.0;

const TASKS: [(Task, &str); 4] = [
    (Task::EncodeJpeg, "encode JPEG"),
    (Task::EncodeH264, "encode H.264"),
    (Task::DecodeJpeg, "decode JPEG"),
    (Task::DecodeH264, "decode H.264"),
];

/// Runs all tasks in turn, round by round, and prints the medians.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.frames > 0 && arguments.rounds > 0,
        "--frames and --rounds must be at least 1"
    );
    if !arguments.json {
        println!("The codecs: CPU time for a frame of the test card\n");
        println!("| size | task | ms per frame (range) | of a core at {FPS} fps | KB per frame |");
        println!("| --- | --- | --- | --- | --- |");
    }
    for (width, height, bits_per_second) in SIZES {
        let frames = Frames::new(width, height, arguments.frames, bits_per_second)?;
        let mut samples = vec![(Vec::new(), 0); TASKS.len()];
        for _ in 0..arguments.rounds {
            for ((task, _), (times, bytes)) in TASKS.into_iter().zip(&mut samples) {
                let before = cpu()?;
                *bytes = frames.run(task)?;
                times.push(cpu()?.saturating_sub(before).as_secs_f64() * 1e3);
            }
        }
        for ((_, name), (times, bytes)) in TASKS.iter().zip(&mut samples) {
            let count = f64::from(arguments.frames);
            let kilobytes = *bytes as f64 / 1e3 / count;
            times.iter_mut().for_each(|time| *time /= count);
            times.sort_by(f64::total_cmp);
            let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
            if arguments.json {
                let figures = serde_json::json!({
                    "task": name, "width": width, "height": height, "ms_per_frame": times, "kilobytes": kilobytes,
                });
                println!("{figures}");
            } else {
                let share = median * FPS / 10.0;
                println!(
                    "| {width}x{height} | {name} | {median:.2} ({least:.2}-{most:.2}) | {share:.0} % | {kilobytes:.1} |"
                );
            }
        }
    }
    Ok(())
}

/// CPU time of this program. The codecs run on its one thread.
fn cpu() -> anyhow::Result<Duration> {
    cpu_of(nix::unistd::Pid::this()).context("cannot read the CPU time of this program")
}
