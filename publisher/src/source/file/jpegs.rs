//! Plays the JPEGs of a file at a steady rate.

use std::{io::SeekFrom, time::Duration};

use bytes::BytesMut;
use sightline_media::jpeg::Split;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    time::{Interval, MissedTickBehavior, interval},
};

use super::{DEFAULT_FPS, Film};
use crate::{
    clock::now_us,
    source::{Error, Output, passthrough},
};

/// What is read at once.
const READ_BYTES: usize = 256 << 10;

/// How far a file is searched for its first picture.
const SEARCH_BYTES: usize = 16 << 20;

/// Hands on the pictures of `file`, until it ends or cannot be read. Never gives `Ok`.
pub(super) async fn play(film: &Film, mut file: File, output: &Output) -> Result<(), Error> {
    let fps = film.fps.unwrap_or(DEFAULT_FPS);
    let mut ticks = interval(Duration::from_secs_f64(1.0 / fps));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        play_once(film, &mut file, &mut ticks, output).await?;
        if !film.repeat {
            return Err(Error::Ended {
                what: film.what.clone(),
            });
        }
        file.seek(SeekFrom::Start(0))
            .await
            .map_err(|error| film.failed(error.to_string()))?;
    }
}

async fn play_once(
    film: &Film,
    file: &mut File,
    ticks: &mut Interval,
    output: &Output,
) -> Result<(), Error> {
    let mut splitter = passthrough::splitter(output);
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    let (mut read, mut any) = (0, false);
    loop {
        buffer.clear();
        buffer.reserve(READ_BYTES);
        let got = file
            .read_buf(&mut buffer)
            .await
            .map_err(|error| film.failed(error.to_string()))?;
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
            return Err(film.not_supported("something else"));
        }
        if got == 0 {
            return Ok(());
        }
    }
}
