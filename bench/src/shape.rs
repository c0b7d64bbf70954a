//! What is served, to whom: the parameters that all parts of a benchmark share.

use clap::ValueEnum;
use serde::Serialize;

/// How viewers are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Route {
    /// JPEG, multipart over HTTP: `stream.mjpeg`.
    Multipart,
    /// JPEG in messages on `/api/watch`.
    Websocket,
    /// H.264 as fragments of MP4 in messages on `/api/watch`.
    Fragments,
    /// H.264 as a file that grows: `stream.mp4`.
    Mp4,
    /// JPEG, each asked for by a request of its own on one connection.
    Poll,
}

impl Route {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Multipart => "multipart",
            Self::Websocket => "websocket",
            Self::Fragments => "fragments",
            Self::Mp4 => "mp4",
            Self::Poll => "poll",
        }
    }

    pub(crate) fn is_video(self) -> bool {
        matches!(self, Self::Fragments | Self::Mp4)
    }

    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Self::Websocket | Self::Fragments)
    }
}

#[derive(Clone, Debug, clap::Args, Serialize)]
pub(crate) struct Shape {
    #[arg(long, value_enum, default_value_t = Route::Multipart)]
    pub(crate) route: Route,
    #[arg(long, default_value_t = 50)]
    pub(crate) viewers: usize,
    /// Cameras. Viewers are spread over them evenly.
    #[arg(long, default_value_t = 1)]
    pub(crate) cameras: usize,
    /// Size of a JPEG.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) frame_bytes: usize,
    /// Rate of H.264.
    #[arg(long, default_value_t = 4_000_000)]
    pub(crate) bits_per_second: usize,
    /// Frames a second of each camera. 0: it is there, and sends none.
    #[arg(long, default_value_t = 30.0)]
    pub(crate) fps: f64,
    /// Viewers, of those, that are slow.
    #[arg(long, default_value_t = 0)]
    pub(crate) slow: usize,
    /// What a slow viewer reads. 0: nothing at all.
    #[arg(long, default_value_t = 0)]
    pub(crate) slow_bytes_per_second: usize,
    /// Viewers a second that leave; each comes back at once.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) churn: f64,
}

impl Shape {
    /// What is measured unless something else is asked for.
    pub(crate) fn of(route: Route) -> Self {
        Self {
            route,
            viewers: 50,
            cameras: 1,
            frame_bytes: 100_000,
            bits_per_second: 4_000_000,
            fps: 30.0,
            slow: 0,
            slow_bytes_per_second: 0,
            churn: 0.0,
        }
    }

    /// The flags that say the same to another process.
    pub(crate) fn flags(&self) -> Vec<String> {
        [
            ("--route", self.route.name().to_owned()),
            ("--viewers", self.viewers.to_string()),
            ("--cameras", self.cameras.to_string()),
            ("--frame-bytes", self.frame_bytes.to_string()),
            ("--bits-per-second", self.bits_per_second.to_string()),
            ("--fps", self.fps.to_string()),
            ("--slow", self.slow.to_string()),
            (
                "--slow-bytes-per-second",
                self.slow_bytes_per_second.to_string(),
            ),
            ("--churn", self.churn.to_string()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
    }

    /// Refuses what cannot be measured.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.viewers > 0, "--viewers must be at least 1");
        anyhow::ensure!(self.cameras > 0, "--cameras must be at least 1");
        anyhow::ensure!(
            self.slow < self.viewers,
            "--slow must be less than --viewers: the others are what is measured"
        );
        anyhow::ensure!(
            self.fps.is_finite() && (0.0..=1000.0).contains(&self.fps),
            "--fps must be 0 to 1000"
        );
        anyhow::ensure!(
            self.churn.is_finite() && self.churn >= 0.0,
            "--churn must not be negative"
        );
        Ok(())
    }

    /// In words, for headings.
    pub(crate) fn title(&self) -> String {
        let frames = if self.route.is_video() {
            format!(
                "H.264 at {} Mb/s, {} fps",
                self.bits_per_second as f64 / 1e6,
                self.fps
            )
        } else {
            format!("{} KB x {} fps", self.frame_bytes as f64 / 1e3, self.fps)
        };
        let mut title = format!("{}: {} viewers x {frames}", self.route.name(), self.viewers);
        if self.cameras > 1 {
            title += &format!(", {} cameras", self.cameras);
        }
        if self.slow > 0 {
            title += &format!(", {} of them slow", self.slow);
            if self.slow_bytes_per_second > 0 {
                title += &format!(" ({} KB/s)", self.slow_bytes_per_second as f64 / 1e3);
            }
        }
        if self.churn > 0.0 {
            title += &format!(", {} a second come and go", self.churn);
        }
        title
    }
}

/// The name of a camera, by its number.
pub(crate) fn camera(number: usize) -> String {
    format!("bench/camera-{number}")
}
