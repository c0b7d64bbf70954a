//! Plays the pictures of a file at a steady rate.

use std::{io::SeekFrom, time::Duration};

use bytes::BytesMut;
use sightline_media::jpeg::{Split, Splitter};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    time::{Interval, MissedTickBehavior, interval},
};

use super::kind::{self, Kind};
use crate::{
    clock::now_us,
    source::{Error, Output, passthrough},
};

/// What is read at once.
const READ_BYTES: usize = 256 << 10;

/// How far a file is searched for its first picture.
const SEARCH_BYTES: usize = 16 << 20;

pub(super) struct Player {
    pub(super) what: String,
    /// Pictures per second, more than 0.
    pub(super) fps: f64,
    /// Starts again at the end.
    pub(super) repeat: bool,
}

impl Player {
    /// Hands on the pictures of `file`, until it ends or cannot be read. Never gives `Ok`.
    pub(super) async fn play(&self, mut file: File, output: &Output) -> Result<(), Error> {
        self.check(&mut file).await?;
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.fps));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.play_once(&mut file, &mut ticks, output).await?;
            if !self.repeat {
                return Err(Error::Ended {
                    what: self.what.clone(),
                });
            }
            self.rewind(&mut file).await?;
        }
    }

    async fn play_once(
        &self,
        file: &mut File,
        ticks: &mut Interval,
        output: &Output,
    ) -> Result<(), Error> {
        let mut splitter = Splitter::new(passthrough::MAX_BYTES);
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        let (mut read, mut any) = (0, false);
        loop {
            buffer.clear();
            buffer.reserve(READ_BYTES);
            let got = file
                .read_buf(&mut buffer)
                .await
                .map_err(|error| self.failed(&error))?;
            let splits = if got > 0 {
                splitter.push(&buffer, 0)
            } else {
                splitter.finish().into_iter().collect()
            };
            for split in splits {
                any |= match split {
                    Split::Picture { data, .. } => {
                        ticks.tick().await;
                        passthrough::put(output, data, now_us())
                    }
                    dropped @ Split::Dropped { .. } => passthrough::put_split(output, dropped),
                };
            }
            read += got;
            if !any && (got == 0 || read >= SEARCH_BYTES) {
                return Err(self.not_supported("something else"));
            }
            if got == 0 {
                return Ok(());
            }
        }
    }

    /// Says at once what is wrong with a file of a kind that is not supported.
    async fn check(&self, file: &mut File) -> Result<(), Error> {
        let mut head = Vec::with_capacity(kind::HEAD_BYTES);
        file.take(kind::HEAD_BYTES as u64)
            .read_to_end(&mut head)
            .await
            .map_err(|error| self.failed(&error))?;
        match kind::guess(&head) {
            Kind::Other(kind) => return Err(self.not_supported(kind)),
            Kind::Empty => return Err(self.not_supported("empty")),
            Kind::Jpegs | Kind::Unknown => {}
        }
        self.rewind(file).await
    }

    async fn rewind(&self, file: &mut File) -> Result<(), Error> {
        file.seek(SeekFrom::Start(0))
            .await
            .map(drop)
            .map_err(|error| self.failed(&error))
    }

    fn not_supported(&self, kind: &str) -> Error {
        let reason = format!(
            "it seems to be {kind}; supported are JPEGs one after the other (Motion JPEG), as \
             `ffmpeg -i <file> -an -c:v mjpeg -q:v 3 -f mjpeg <file>.mjpeg` makes them"
        );
        Error::Open {
            what: self.what.clone(),
            reason,
        }
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::Failed {
            what: self.what.clone(),
            reason: error.to_string(),
        }
    }
}
