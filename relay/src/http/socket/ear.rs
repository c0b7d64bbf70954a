//! A line as tungstenite sees it.

use std::{
    io::{Error, ErrorKind, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::line::{Line, Show};

/// What tungstenite may have waiting at a socket without room: answers to pings. A viewer that sends more of them than
/// it takes answers is ended.
const MAX_WAITING: usize = 64;

/// Reads from the line's socket, and writes between what its viewer is shown.
#[derive(Debug)]
pub(super) struct Ear<S>(Arc<Line<S>>);

impl<S> Ear<S> {
    pub(super) fn new(line: Arc<Line<S>>) -> Self {
        Self(line)
    }
}

impl<S: Show + std::fmt::Debug> AsyncRead for Ear<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let socket = self.0.socket();
        loop {
            ready!(socket.poll_read_ready(cx))?;
            match socket.try_read(buffer.initialize_unfilled()) {
                Ok(len) => {
                    buffer.advance(len);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl<S: Show + std::fmt::Debug> AsyncWrite for Ear<S> {
    /// Takes `bytes` at once: a whole frame, as tungstenite is told to hold none back.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let is_taken = self.0.with(|_, out| {
            let has_room = out.len() < MAX_WAITING;
            if has_room {
                out.push(Bytes::copy_from_slice(bytes));
            }
            has_room
        });
        Poll::Ready(if is_taken {
            Ok(bytes.len())
        } else {
            Err(Error::from(ErrorKind::StorageFull))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}
