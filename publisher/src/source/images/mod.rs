//! `images:///folder?fps=1`: the JPEG and PNG files of a folder, in the order of their names, over and over.
//! `images://` shows three pictures that are built in.
//!
//! The folder is read again in each round, so files may come and go. JPEGs are passed on as they are; PNGs become
//! JPEGs once. A file that cannot be shown is named in the log and left out.

mod decode;
mod file;
mod folder;

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use sightline_media::jpeg;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::{file::Loader, folder::Folder};
use super::{Error, Hint, InvalidSource, Output, Source, SourceUrl};
use crate::{
    clock::now_us,
    picture::{Image, Picture},
};

const DEFAULT_FPS: f64 = 1.0;

static BUILT_IN: [&[u8]; 3] = [
    include_bytes!("../../../pictures/1.jpg"),
    include_bytes!("../../../pictures/2.jpg"),
    include_bytes!("../../../pictures/3.jpg"),
];

/// The pictures that `url` names. Reads nothing yet.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    let mut parameters = url.parameters()?;
    let fps = parameters.fps()?.unwrap_or(DEFAULT_FPS);
    parameters.finish()?;
    let parsed = url.url()?;
    let built_in = parsed.host_str().unwrap_or_default().is_empty() && parsed.path().is_empty();
    let folder = if built_in { None } else { Some(url.path()?) };
    Ok(Box::new(Images {
        folder,
        period: Duration::from_secs_f64(1.0 / fps),
        what: url.to_string(),
    }))
}

struct Images {
    /// `None` for the pictures that are built in.
    folder: Option<PathBuf>,
    period: Duration,
    what: String,
}

impl Source for Images {
    fn hint(&self) -> Hint {
        let fps = (1.0 / self.period.as_secs_f64()) as f32;
        let first = jpeg::inspect(BUILT_IN[0])
            .ok()
            .filter(|_| self.folder.is_none());
        first.map_or(
            Hint {
                fps,
                ..Hint::default()
            },
            |info| Hint {
                width: info.width,
                height: info.height,
                fps,
            },
        )
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            let mut pace = Pace {
                period: self.period,
                due: Instant::now(),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => Ok(()),
                result = async {
                    match &self.folder {
                        Some(folder) => self.show_folder(folder, output, &mut pace).await,
                        None => show_built_in(output, &mut pace).await,
                    }
                } => result,
            }
        }
        .boxed()
    }
}

impl Images {
    /// Ends only with an error.
    async fn show_folder(
        &self,
        path: &std::path::Path,
        output: &Output,
        pace: &mut Pace,
    ) -> Result<(), Error> {
        let (mut folder, mut loader) = (Folder::new(path), Loader::default());
        loop {
            let files;
            (folder, files) = blocking(move || {
                let files = folder.files();
                (folder, files)
            })
            .await
            .map_err(|reason| self.failed(reason))?;
            let files = files.map_err(|reason| Error::Open {
                what: self.what.clone(),
                reason,
            })?;
            let (mut shown, mut fault) = (false, String::new());
            for file in files {
                let loaded;
                (loader, loaded) = blocking(move || {
                    let loaded = loader.load(&file);
                    (loader, loaded)
                })
                .await
                .map_err(|reason| self.failed(reason))?;
                match loaded {
                    Ok(jpeg) => {
                        pace.put(output, jpeg).await;
                        shown = true;
                    }
                    Err(bad) => {
                        output.count(bad.reason);
                        fault = bad.to_string();
                    }
                }
            }
            if !shown {
                return Err(self.failed(format!("none of its files can be shown; {fault}")));
            }
        }
    }

    fn failed(&self, reason: String) -> Error {
        Error::Failed {
            what: self.what.clone(),
            reason,
        }
    }
}

async fn show_built_in(output: &Output, pace: &mut Pace) -> Result<(), Error> {
    loop {
        for picture in BUILT_IN {
            pace.put(output, Bytes::from_static(picture)).await;
        }
    }
}

/// Hands pictures on in time.
struct Pace {
    period: Duration,
    due: Instant,
}

impl Pace {
    async fn put(&mut self, output: &Output, jpeg: Bytes) {
        sleep_until(self.due).await;
        // A disk that is too slow makes the pictures late, not crowded later.
        self.due = (self.due + self.period).max(Instant::now());
        output.put(Picture {
            capture_time_us: now_us(),
            image: Image::Jpeg(jpeg.into()),
        });
    }
}

/// `work` on a thread that may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
