//! ffmpeg and ffprobe, as encoder and as judge. A test fails if they are missing.

use std::{
    ffi::OsStr,
    process::{Command, Output, Stdio},
};

/// Runs a program to its end; it must succeed.
fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    output
}

/// What ffmpeg writes to its standard output with these arguments, separated by spaces.
pub(crate) fn make(args: &str) -> Vec<u8> {
    let all = ["-v", "error", "-nostdin"]
        .into_iter()
        .chain(args.split_whitespace())
        .chain(["-"]);
    run("ffmpeg", all).stdout
}

/// A moving test picture as raw H.264, so many frames of `size` at `rate` frames a second.
pub(crate) fn h264(size: &str, rate: u32, frames: u32, options: &str) -> Vec<u8> {
    make(&format!(
        "-f lavfi -i testsrc2=size={size}:rate={rate} -frames:v {frames} -pix_fmt yuv420p \
         -c:v libx264 -preset veryfast {options} -f h264"
    ))
}

/// A file that is judged.
pub(crate) struct File(tempfile::NamedTempFile);

impl File {
    /// `suffix` tells ffmpeg what it is.
    pub(crate) fn new(suffix: &str, bytes: &[u8]) -> Self {
        let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Self(file)
    }

    /// What ffmpeg makes with these arguments, separated by spaces; `suffix` tells it what to make.
    pub(crate) fn made(suffix: &str, args: &str) -> Self {
        let file = Self::new(suffix, &[]);
        let all = ["-v", "error", "-nostdin", "-y"]
            .into_iter()
            .chain(args.split_whitespace())
            .chain([file.path()]);
        run("ffmpeg", all);
        file
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.0.path()).unwrap()
    }

    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// Fails if a strict reader finds anything to say.
    pub(crate) fn assert_faultless(&self) {
        // Times as they are: ffmpeg would round them to frames at the average rate, and warn of its own doing.
        let times = ["-fps_mode", "passthrough", "-enc_time_base", "-1"];
        let args = ["-v", "warning", "-nostdin", "-xerror", "-i", self.path()];
        let decoded = run(
            "ffmpeg",
            args.into_iter().chain(times).chain(["-f", "null", "-"]),
        );
        assert_eq!(String::from_utf8_lossy(&decoded.stderr), "");
        let probed = run(
            "ffprobe",
            [
                "-v",
                "warning",
                "-show_packets",
                "-show_frames",
                self.path(),
            ],
        );
        assert_eq!(String::from_utf8_lossy(&probed.stderr), "");
    }

    /// One hash for each decoded frame of a track (`v` or `a`), in the order of presentation.
    pub(crate) fn hashes(&self, track: &str) -> Vec<String> {
        let map = format!("0:{track}");
        let decoded = run(
            "ffmpeg",
            [
                "-v",
                "error",
                "-nostdin",
                "-i",
                self.path(),
                "-map",
                &map,
                "-fps_mode",
                "passthrough",
                "-f",
                "framemd5",
                "-",
            ],
        );
        String::from_utf8(decoded.stdout)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit(',').next())
            .map(|hash| hash.trim().to_owned())
            .collect()
    }

    /// One hash of all samples of sound.
    pub(crate) fn sound(&self) -> Vec<u8> {
        run(
            "ffmpeg",
            [
                "-v",
                "error",
                "-nostdin",
                "-i",
                self.path(),
                "-vn",
                "-f",
                "s16le",
                "-",
            ],
        )
        .stdout
    }

    /// Presentation and decode time and the flags of each packet of a track, in the order of the file.
    pub(crate) fn packets(&self, track: &str) -> Vec<(i64, i64, bool)> {
        let shown = run(
            "ffprobe",
            [
                "-v",
                "error",
                "-select_streams",
                track,
                "-show_entries",
                "packet=pts,dts,flags",
                "-of",
                "csv=p=0",
                self.path(),
            ],
        );
        String::from_utf8(shown.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let fields: Vec<_> = line.split(',').collect();
                (
                    fields[0].parse().unwrap(),
                    fields[1].parse().unwrap(),
                    fields[2].contains('K'),
                )
            })
            .collect()
    }

    /// These entries of each packet of a track, in the order of the file.
    pub(crate) fn packet_entries(&self, track: &str, names: &str) -> Vec<Vec<String>> {
        let entries = format!("packet={names}");
        let args = [
            "-v",
            "error",
            "-select_streams",
            track,
            "-show_entries",
            &entries,
        ];
        let shown = run(
            "ffprobe",
            args.into_iter().chain(["-of", "csv=p=0", self.path()]),
        );
        String::from_utf8(shown.stdout)
            .unwrap()
            .lines()
            // Side data stand on lines of their own.
            .filter(|line| !line.trim_matches(',').is_empty())
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect()
    }

    /// A property of the first stream of a kind, as ffprobe names it.
    pub(crate) fn property(&self, track: &str, name: &str) -> String {
        let entry = format!("stream={name}");
        let shown = run(
            "ffprobe",
            [
                "-v",
                "error",
                "-select_streams",
                track,
                "-show_entries",
                &entry,
                "-of",
                "csv=p=0",
                self.path(),
            ],
        );
        String::from_utf8(shown.stdout).unwrap().trim().to_owned()
    }
}
