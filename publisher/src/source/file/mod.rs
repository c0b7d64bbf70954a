//! `file:///x.mjpeg?fps=25&loop=true`: JPEGs one after the other in a file, shown as if a camera took
//! them; and `-`, the same from standard input.
//!
//! The parameters may stand behind `#` as well. A file is read bit by bit, however large it is, and
//! started anew for each period of demand. What lies between the pictures is skipped, so a saved
//! multipart stream works too.

mod kind;
mod player;
mod stdin;

use std::path::{Path, PathBuf};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use self::player::Player;
use super::{Error, Hint, InvalidSource, Output, Source, SourceUrl};

/// Frames per second of a file that does not say otherwise.
const DEFAULT_FPS: f64 = 25.0;

/// The source that `url` names. Opens nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    if url.rest() == "-" {
        return Ok(Box::new(stdin::Stdin));
    }
    let path = url.path()?;
    let mut parameters = match url.url()? {
        parsed if parsed.fragment().is_none() => url.parameters()?,
        parsed if parsed.query().is_none() => url.fragment_parameters()?,
        _ => return Err(url.invalid("its parameters stand behind ? or #, not both")),
    };
    let fps = parameters.fps()?.unwrap_or(DEFAULT_FPS);
    let repeat = parameters.take("loop", "true or false")?.unwrap_or(true);
    parameters.finish()?;
    Ok(Box::new(File { path, fps, repeat }))
}

struct File {
    path: PathBuf,
    fps: f64,
    repeat: bool,
}

impl File {
    async fn play(&self, output: &Output) -> Result<(), Error> {
        let what = self.path.display().to_string();
        let file = open(&self.path).await.map_err(|reason| Error::Open {
            what: what.clone(),
            reason,
        })?;
        Player {
            what,
            fps: self.fps,
            repeat: self.repeat,
        }
        .play(file, output)
        .await
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
        #[allow(clippy::cast_possible_truncation)]
        Hint {
            fps: self.fps as f32,
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
