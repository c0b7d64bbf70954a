//! `exec:COMMAND ... #format=h264&fps=5`: a child process whose standard output is a stream of JPEGs or bare H.264.
//!
//! For example `exec:ffmpeg -loglevel error -i rtsp://... -f mjpeg -`. The parameters may be left out: what comes
//! tells what it is, and `fps` is for streams so slow that they would be taken for silent. The line is cut into words as a
//! shell does, with quotes and backslashes, but no shell runs: no variables, no wildcards, no pipes.
//! For those, write `exec:sh -c '...'`.
//!
//! A command runs with the rights of the publisher, so it may come from the local configuration only.
//! No message on the bus can set a source.

mod child;
mod stderr;

use std::{convert::Infallible, ffi::OsString, io, time::Duration};

use bytes::BytesMut;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    child::{Child, Exit},
    stderr::Log,
};
use super::{
    Error, Hint, InvalidSource, Output, Source, SourceUrl,
    live::{self, Live},
};
use crate::clock::now_us;

/// How long a command may go without a picture: from its start, as some take their time to connect, and
/// between two. Then it is ended and started again.
const SILENCE: Duration = Duration::from_secs(15);

/// What is read at once: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;

/// How long output is still read after the command has ended.
const DRAIN: Duration = Duration::from_millis(200);

/// The source that `url` names. Starts nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    Ok(Box::new(Exec::new(url, SILENCE)?))
}

struct Exec {
    program: OsString,
    arguments: Vec<OsString>,
    /// Without arguments, which may hold passwords.
    what: String,
    options: live::Options,
    silence: Duration,
}

impl Exec {
    fn new(url: &SourceUrl, silence: Duration) -> Result<Self, InvalidSource> {
        let (line, mut parameters) = url.command()?;
        let options = live::Options::take(&mut parameters)?;
        parameters.finish()?;
        let words = shlex::split(line)
            .ok_or_else(|| url.invalid("a quote or backslash at the end is left open"))?;
        let mut words = words.into_iter().map(OsString::from);
        let program = words
            .next()
            .filter(|word| !word.is_empty())
            .ok_or_else(|| url.invalid("names no command, as in exec:ffmpeg -i ... -f mjpeg -"))?;
        Ok(Self {
            program,
            arguments: words.collect(),
            what: url.to_string(),
            options,
            silence: options.silence(silence),
        })
    }

    async fn run(&self, output: &Output, stop: &CancellationToken) -> Result<(), Error> {
        let (mut child, stdout, mut stderr) = Child::start(&self.program, &self.arguments)
            .await
            .map_err(|error| self.not_started(&error))?;
        tracing::debug!(command = %self.what, pid = child.pid(), "started");
        let mut log = Log::default();
        let end = tokio::select! {
            biased;
            () = stop.cancelled() => End::Stopped,
            end = self.pictures(output, stdout, &mut child) => end,
            never = follow(&mut log, &mut stderr) => match never {},
        };
        let exit = child.end().await;
        match end {
            End::Stopped => Ok(()),
            End::Silent => Err(Error::Silent {
                what: self.what.clone(),
                silence: self.silence,
            }),
            End::Closed { any } => {
                // What it said last may be the reason.
                let _ = timeout(DRAIN, log.read(&mut stderr)).await;
                Err(self.ended(&exit, any, log.last_line()))
            }
            End::Unusable(error) => Err(self.failed(error.to_string())),
            End::Unreadable(error) => {
                Err(self.failed(format!("its output cannot be read: {error}")))
            }
        }
    }

    /// Hands on pictures until there are no more.
    async fn pictures(
        &self,
        output: &Output,
        mut stdout: pipe::Receiver,
        child: &mut Child,
    ) -> End {
        let mut live = Live::new(self.options.format, self.silence, output);
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        let mut any = false;
        let mut drained = None;
        loop {
            buffer.clear();
            buffer.reserve(READ_BYTES);
            let read = tokio::select! {
                biased;
                read = stdout.read_buf(&mut buffer) => read,
                () = child.exited(), if drained.is_none() => {
                    // A process that left the group may keep the pipe open.
                    drained = Some(Instant::now() + DRAIN);
                    continue;
                }
                () = sleep_until(drained.unwrap_or_else(Instant::now)), if drained.is_some() => Ok(0),
                () = sleep(live.quiet()) => {
                    any |= live.flush(output);
                    continue;
                }
                () = sleep(live.left()) => return End::Silent,
            };
            match read {
                Ok(0) => break,
                Ok(_) if drained.is_some_and(|drained| drained < Instant::now()) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return End::Unreadable(error),
            }
            match live.push(&buffer, now_us(), output) {
                Ok(given) => any |= given,
                Err(error) => return End::Unusable(error),
            }
            if live.left().is_zero() {
                return End::Silent;
            }
        }
        any |= live.finish(output);
        End::Closed { any }
    }

    fn not_started(&self, error: &io::Error) -> Error {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => {
                format!("command not found: {}", self.program.to_string_lossy())
            }
            io::ErrorKind::PermissionDenied => {
                format!(
                    "{} is not an executable file",
                    self.program.to_string_lossy()
                )
            }
            _ => error.to_string(),
        };
        Error::Open {
            what: self.what.clone(),
            reason,
        }
    }

    fn ended(&self, exit: &Exit, any: bool, last_line: Option<&str>) -> Error {
        let mut reason = exit.to_string();
        if !any {
            reason.push_str(" before its first picture");
        }
        if let Some(line) = last_line {
            reason.push_str(": ");
            reason.push_str(line);
        }
        self.failed(reason)
    }

    fn failed(&self, reason: String) -> Error {
        Error::Failed {
            what: self.what.clone(),
            reason,
        }
    }
}

/// Logs what comes on standard error. Never ends: a command may close it and go on.
async fn follow(log: &mut Log, stderr: &mut pipe::Receiver) -> Infallible {
    log.read(stderr).await;
    std::future::pending().await
}

/// Why no more pictures come.
enum End {
    Stopped,
    Silent,
    /// Standard output is closed; `any` picture came before.
    Closed {
        any: bool,
    },
    Unusable(live::Unusable),
    Unreadable(io::Error),
}

impl Source for Exec {
    fn hint(&self) -> Hint {
        self.options.hint()
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move { Exec::run(self, output, &stop).await }.boxed()
    }
}

#[cfg(test)]
mod tests;
