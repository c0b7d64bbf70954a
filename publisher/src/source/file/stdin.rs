//! `-`, `file:///dev/stdin`: JPEGs or bare H.264 on standard input, as they come.
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
use tokio::{io::AsyncReadExt as _, net::unix::pipe, time::sleep};
use tokio_util::sync::CancellationToken;

use super::Film;
use crate::{
    clock::now_us,
    source::{
        Error, Hint, Output, Source,
        live::{self, Live},
    },
};

const WHAT: &str = "standard input";

/// What is read at once: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;

/// How long the writer may go without a picture.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

pub(super) struct Stdin {
    pub(super) options: live::Options,
}

impl Source for Stdin {
    fn hint(&self) -> Hint {
        self.options.hint()
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
                read(stdin, self.options, output, SILENCE).await
            };
            stop.run_until_cancelled(read).await.unwrap_or(Ok(()))
        }
        .boxed()
    }
}

/// Hands on what comes from `input`, until it ends. Never gives `Ok`.
///
/// Nothing here blocks a thread: one that waits for input cannot be stopped.
pub(super) async fn read(
    input: OwnedFd,
    options: live::Options,
    output: &Output,
    silence: Duration,
) -> Result<(), Error> {
    if input.is_terminal() {
        return Err(open(
            &"it is a terminal; pipe JPEGs or H.264 into this program, as `ffmpeg ... -f mjpeg - |` does",
        ));
    }
    let file = std::fs::File::from(input);
    let kind = file.metadata().map_err(|error| open(&error))?.file_type();
    if kind.is_file() {
        let film = Film {
            what: WHAT.into(),
            extension: None,
            fps: options.fps,
            repeat: false,
        };
        let file = tokio::fs::File::from_std(file);
        return film.play(file, output, |_| {}).await;
    }
    if !kind.is_fifo() {
        return Err(open(&"it is neither a pipe nor a file"));
    }
    let pipe = pipe::Receiver::from_file(file).map_err(|error| open(&error))?;
    read_pipe(pipe, options.format, output, options.silence(silence)).await
}

async fn read_pipe(
    mut pipe: pipe::Receiver,
    format: Option<live::Format>,
    output: &Output,
    silence: Duration,
) -> Result<(), Error> {
    let mut live = Live::new(format, silence, output);
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    let failed = |reason: String| Error::Failed {
        what: WHAT.into(),
        reason,
    };
    loop {
        buffer.clear();
        buffer.reserve(READ_BYTES);
        let read = tokio::select! {
            biased;
            read = pipe.read_buf(&mut buffer) => read,
            () = sleep(live.quiet()) => {
                live.flush(output);
                continue;
            }
            () = sleep(live.left()) => {
                return Err(Error::Silent {
                    what: WHAT.into(),
                    silence,
                });
            }
        };
        if read.map_err(|error| failed(error.to_string()))? == 0 {
            live.finish(output);
            return Err(Error::Ended { what: WHAT.into() });
        }
        live.push(&buffer, now_us(), output)
            .map_err(|error| failed(error.to_string()))?;
    }
}

fn open(reason: &dyn std::fmt::Display) -> Error {
    Error::Open {
        what: WHAT.into(),
        reason: reason.to_string(),
    }
}
