//! `file:///x.mp4`: a recording, shown in real time and over and over, as if a camera took it; and `-`, what comes on
//! standard input.
//!
//! MP4 and QuickTime files with H.264 or H.265 and AAC, bare H.264, and JPEGs one after the other. Which of them, the
//! content says. A file is read bit by bit, however large it is, and started anew for each period of demand.

mod annexb;
mod jpegs;
mod mp4;
mod paced;
#[cfg(test)]
pub(crate) mod samples;
mod stdin;

use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::sync::CancellationToken;

use super::{
    Error, Hint, InvalidSource, Output, Source, SourceUrl,
    kind::{self, Kind},
    live,
};

/// Frames per second of a file that does not say otherwise.
const DEFAULT_FPS: f64 = 25.0;

/// Names that say what a file should hold, so that it is not searched for something else.
const NAMES: [(&str, &str); 8] = [
    ("mp4", "an MP4 file"),
    ("m4v", "an MP4 file"),
    ("mov", "a QuickTime file"),
    ("h264", "a bare H.264 stream"),
    ("264", "a bare H.264 stream"),
    ("avc", "a bare H.264 stream"),
    ("h265", "a bare H.265 stream"),
    ("265", "a bare H.265 stream"),
];

/// The source that `url` names. Opens nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    let mut parameters = url.parameters()?;
    let is_stdin = url.rest().split(['?', '#']).next() == Some("-");
    if is_stdin || url.path()? == Path::new("/dev/stdin") {
        let options = live::Options::take(&mut parameters)?;
        parameters.finish()?;
        return Ok(Box::new(stdin::Stdin { options }));
    }
    let path = url.path()?;
    let fps = parameters.fps()?;
    let repeat = parameters.take("loop", "true or false")?.unwrap_or(true);
    parameters.finish()?;
    Ok(Box::new(File {
        path,
        fps,
        repeat,
        found_fps: Mutex::default(),
    }))
}

struct File {
    path: PathBuf,
    /// Set in the URL.
    fps: Option<f64>,
    repeat: bool,
    /// What the file said when it was opened last.
    found_fps: Mutex<Option<f64>>,
}

impl File {
    async fn play(&self, output: &Output) -> Result<(), Error> {
        let what = self.path.display().to_string();
        let file = open(&self.path).await.map_err(|reason| Error::Open {
            what: what.clone(),
            reason,
        })?;
        let extension = self
            .path
            .extension()
            .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let film = Film {
            what,
            extension,
            fps: self.fps,
            repeat: self.repeat,
        };
        let found = |fps| {
            *self
                .found_fps
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(fps);
        };
        film.play(file, output, found).await
    }
}

/// A file that is open, and how to show it.
struct Film {
    what: String,
    /// Of its name, in lower case.
    extension: Option<String>,
    /// Frames per second, if configured.
    fps: Option<f64>,
    /// Starts again at the end.
    repeat: bool,
}

impl Film {
    /// Shows it until it ends or cannot be read; never gives `Ok`. `found` is told its rate.
    async fn play(
        &self,
        mut file: tokio::fs::File,
        output: &Output,
        found: impl FnOnce(f64),
    ) -> Result<(), Error> {
        let mut head = Vec::with_capacity(kind::HEAD_BYTES);
        (&mut file)
            .take(kind::HEAD_BYTES as u64)
            .read_to_end(&mut head)
            .await
            .map_err(|error| self.failed(error.to_string()))?;
        file.seek(SeekFrom::Start(0))
            .await
            .map_err(|error| self.failed(error.to_string()))?;
        match kind::guess(&head) {
            Kind::Mp4 => {
                if self.fps.is_some() {
                    return Err(self.refused(
                        "fps= is for files without times of their own: an MP4 file has them",
                    ));
                }
                let file = file.into_std().await;
                let reader = paced::blocking(move || mp4::Reader::open(file))
                    .await
                    .and_then(|opened| opened)
                    .map_err(|reason| self.refused(reason))?;
                found(reader.fps());
                self.paced(Box::new(reader), output).await
            }
            Kind::H264 => {
                let file = file.into_std().await;
                let reader = annexb::Reader::new(file, self.fps);
                self.paced(Box::new(reader), output).await
            }
            Kind::Empty => Err(self.not_supported("empty")),
            Kind::H265 => Err(self.not_supported("a bare H.265 stream")),
            Kind::Other(kind) => Err(self.not_supported(kind)),
            Kind::Unknown if self.named().is_some() => Err(self.not_supported("something else")),
            Kind::Jpegs | Kind::Unknown => jpegs::play(self, file, output).await,
        }
    }

    async fn paced(&self, reader: Box<dyn paced::Reader>, output: &Output) -> Result<(), Error> {
        let mut player = paced::Player::default();
        let reason = match player.play(reader, self.repeat, output).await {
            paced::End::Ended => {
                return Err(Error::Ended {
                    what: self.what.clone(),
                });
            }
            paced::End::Failed(reason) => reason,
        };
        Err(self.failed(reason))
    }

    /// What the name says that is in the file.
    fn named(&self) -> Option<&'static str> {
        let extension = self.extension.as_deref()?;
        let (_, what) = NAMES.iter().find(|(name, _)| *name == extension)?;
        Some(what)
    }

    /// Says what to do with a file of a kind that is not supported.
    fn not_supported(&self, kind: &str) -> Error {
        let named = self
            .named()
            .filter(|named| *named != kind)
            .map_or_else(String::new, |named| format!("its name says {named}, but "));
        let advice = match kind {
            "a bare H.265 stream" => {
                "`ffmpeg -i <file> -c copy -tag:v hvc1 <file>.mp4` makes MP4 of it"
            }
            _ => {
                "`ffmpeg -i <file> -c copy <file>.mp4` makes MP4 of what has H.264 in it, \
                 `ffmpeg -i <file> -c:v libx264 -c:a aac <file>.mp4` of anything else"
            }
        };
        self.refused(format!(
            "{named}it seems to be {kind}; supported are MP4 and QuickTime, bare H.264, and JPEGs one after the other \
             (Motion JPEG); {advice}"
        ))
    }

    fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Open {
            what: self.what.clone(),
            reason: reason.into(),
        }
    }

    fn failed(&self, reason: impl Into<String>) -> Error {
        Error::Failed {
            what: self.what.clone(),
            reason: reason.into(),
        }
    }
}

async fn open(path: &Path) -> Result<tokio::fs::File, String> {
    // Asked before it is opened: opening a pipe waits for its writer.
    let metadata = tokio::fs::metadata(path)
        .await
        .map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err(format!("it is a folder: use images://{}", path.display()));
    }
    if !metadata.is_file() {
        return Err("it is not a regular file: read it through exec:cat, or standard input".into());
    }
    tokio::fs::File::open(path)
        .await
        .map_err(|error| error.to_string())
}

impl Source for File {
    fn hint(&self) -> Hint {
        let found = *self
            .found_fps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        #[allow(clippy::cast_possible_truncation)]
        Hint {
            fps: self.fps.or(found).unwrap_or(DEFAULT_FPS) as f32,
            ..Hint::default()
        }
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            stop.run_until_cancelled(self.play(output))
                .await
                .unwrap_or(Ok(()))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
