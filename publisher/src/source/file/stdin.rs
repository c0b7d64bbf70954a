//! `-`: JPEGs on standard input, as they come.
//!
//! While nobody watches, nothing is read and the writer waits: what it wrote until then comes first. A
//! file as standard input is played like any other, once.

use std::{
    io::{self, IsTerminal as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::FileTypeExt as _,
    },
    time::Duration,
};

use bytes::BytesMut;
use futures_util::{FutureExt as _, future::BoxFuture};
use sightline_media::jpeg::Splitter;
use tokio::{io::AsyncReadExt as _, net::unix::pipe, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{DEFAULT_FPS, player::Player};
use crate::{
    clock::now_us,
    source::{Error, Hint, Output, Source, passthrough},
};

const WHAT: &str = "standard input";

/// What is read at once: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;

/// How long the writer may go without a picture.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

pub(super) struct Stdin;

impl Source for Stdin {
    fn hint(&self) -> Hint {
        Hint::default()
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            let read = async {
                let stdin = io::stdin()
                    .as_fd()
                    .try_clone_to_owned()
                    .map_err(|error| open(&error))?;
                read(stdin, output, SILENCE).await
            };
            stop.run_until_cancelled(read).await.unwrap_or(Ok(()))
        }
        .boxed()
    }
}

/// Hands on the pictures that come from `input`, until it ends. Never gives `Ok`.
///
/// Nothing here blocks a thread: one that waits for input cannot be stopped.
pub(super) async fn read(input: OwnedFd, output: &Output, silence: Duration) -> Result<(), Error> {
    if input.is_terminal() {
        return Err(open(
            &"it is a terminal; pipe JPEGs into this program, as `ffmpeg ... -f mjpeg - |` does",
        ));
    }
    let file = std::fs::File::from(input);
    let kind = file.metadata().map_err(|error| open(&error))?.file_type();
    if kind.is_file() {
        let player = Player {
            what: WHAT.into(),
            fps: DEFAULT_FPS,
            repeat: false,
        };
        return player.play(tokio::fs::File::from_std(file), output).await;
    }
    if !kind.is_fifo() {
        return Err(open(&"it is neither a pipe nor a file"));
    }
    let pipe = pipe::Receiver::from_file(file).map_err(|error| open(&error))?;
    read_pipe(pipe, output, silence).await
}

async fn read_pipe(
    mut pipe: pipe::Receiver,
    output: &Output,
    silence: Duration,
) -> Result<(), Error> {
    let mut splitter = Splitter::new(passthrough::MAX_BYTES);
    let mut watch = passthrough::Watch::new(silence);
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        buffer.clear();
        buffer.reserve(READ_BYTES);
        let silent = || Error::Silent {
            what: WHAT.into(),
            silence,
        };
        let read = timeout(watch.left(), pipe.read_buf(&mut buffer))
            .await
            .map_err(|_| silent())?;
        if read.map_err(|error| Error::Failed {
            what: WHAT.into(),
            reason: error.to_string(),
        })? == 0
        {
            if let Some(rest) = splitter.finish() {
                passthrough::put_split(output, rest);
            }
            return Err(Error::Ended { what: WHAT.into() });
        }
        for split in splitter.push(&buffer, now_us()) {
            if passthrough::put_split(output, split) {
                watch.picture_came();
            }
        }
    }
}

fn open(reason: &dyn std::fmt::Display) -> Error {
    Error::Open {
        what: WHAT.into(),
        reason: reason.to_string(),
    }
}
