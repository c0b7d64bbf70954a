//! Recordings for tests, made by ffmpeg, and what ffprobe says of them. A test fails if they are missing.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bytes::Bytes;
use sightline_media::h264::{Split, Splitter};

/// A moving picture of 2 s with 25 frames a second, in groups of 12.
pub(crate) const PICTURE: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2";
pub(crate) const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2";
pub(crate) const B_FRAMES: &str =
    "-pix_fmt yuv420p -c:v libx264 -preset veryfast -bf 3 -g 12 -sc_threshold 0 -c:a aac";

fn run<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    output.stdout
}

/// A recording in a folder of its own, which goes with it.
pub(crate) struct Recording {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Recording {
    /// What ffmpeg makes with these arguments, separated by spaces.
    pub(crate) fn new(name: &str, args: &str) -> Self {
        let recording = Self::of(name, b"");
        let args = args
            .split_whitespace()
            .chain([recording.path.to_str().unwrap()]);
        run(
            "ffmpeg",
            ["-v", "error", "-nostdin", "-y"].into_iter().chain(args),
        );
        recording
    }

    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Presentation times of a track (`v`, `a`), in microseconds, in order.
    pub(crate) fn presented_us(&self, track: &str) -> Vec<i64> {
        let args = ["-v", "error", "-select_streams", track, "-show_entries"];
        let rest = [
            "packet=pts_time",
            "-of",
            "csv=p=0",
            self.path.to_str().unwrap(),
        ];
        let shown = run("ffprobe", args.into_iter().chain(rest));
        let mut times: Vec<_> = String::from_utf8(shown)
            .unwrap()
            .lines()
            .filter_map(|line| line.split(',').next()?.parse::<f64>().ok())
            .map(|seconds| (seconds * 1e6).round() as i64)
            .collect();
        times.sort_unstable();
        times
    }

    /// A hash for each picture, in the order of presentation.
    pub(crate) fn pictures(&self) -> Vec<String> {
        pictures(&self.path)
    }
}

pub(crate) fn pictures(path: &Path) -> Vec<String> {
    let args = ["-v", "error", "-nostdin", "-i", path.to_str().unwrap()];
    let rest = [
        "-map",
        "0:v",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ];
    let shown = run("ffmpeg", args.into_iter().chain(rest));
    String::from_utf8(shown)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit(',').next()?.trim().to_owned()))
        .collect()
}

/// Access units of a stream of 25 frames with these options of the encoder.
pub(crate) fn units_of_h264(options: &str) -> Vec<Bytes> {
    let made = Recording::new(
        "x.h264",
        &format!(
            "-f lavfi -i testsrc2=size=64x48:rate=25:duration=1 -pix_fmt yuv420p -c:v libx264 -g 12 \
             -sc_threshold 0 {options} -f h264"
        ),
    );
    let mut splitter = Splitter::default();
    let mut splits = splitter.push(&made.bytes(), 0);
    splits.extend(splitter.finish());
    let units = splits.into_iter().filter_map(|split| match split {
        Split::Unit(unit) => Some(unit.data),
        Split::Dropped { .. } => None,
    });
    let units: Vec<_> = units.collect();
    assert_eq!(units.len(), 25);
    units
}
