//! Bytes that wait for a viewer's socket.

use std::{
    collections::VecDeque,
    io::{ErrorKind, IoSlice, Result},
};

use bytes::{Buf as _, Bytes};
use rustix::{io::Errno, net::SendFlags};
use tokio::net::TcpStream;

/// Pieces that are handed to the kernel in one call. More go in several.
const AT_ONCE: usize = 8;

/// A socket that takes what it has room for, and never waits.
pub(super) trait Send {
    fn send(&self, bytes: &[u8]) -> Result<usize>;
    fn send_all(&self, slices: &[IoSlice<'_>]) -> Result<usize>;
}

impl Send for TcpStream {
    /// Goes past the runtime's books of what is ready, which cost a look at cold memory for each frame: almost always there
    /// is room.
    fn send(&self, bytes: &[u8]) -> Result<usize> {
        match rustix::net::send(self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            // The runtime has to find that out for itself, or it would not say when there is room again.
            Err(Errno::AGAIN) => self.try_write(bytes),
            sent => Ok(sent?),
        }
    }

    fn send_all(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        self.try_write_vectored(slices)
    }
}

/// Bytes on their way to one viewer. Pieces are shared with other viewers: none is copied.
///
/// It is filled up only once it is empty, but for a few words in between: it holds one frame.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Empty if nothing waits. Mostly it is all there is.
    first: Bytes,
    rest: VecDeque<Bytes>,
}

/// How far a viewer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    All,
    /// The socket has no room for the rest.
    Some {
        /// Whether it took any.
        progress: bool,
    },
}

impl Outbox {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.first.is_empty() {
            self.first = bytes;
        } else if !bytes.is_empty() {
            self.rest.push_back(bytes);
        }
    }

    /// Pieces that wait.
    pub(crate) fn len(&self) -> usize {
        usize::from(!self.first.is_empty()) + self.rest.len()
    }

    /// Hands over as much as the socket takes. After an error nothing more can be sent.
    pub(super) fn flush(&mut self, socket: &impl Send) -> Result<Flushed> {
        let mut progress = false;
        while !self.first.is_empty() {
            let sent = if self.rest.is_empty() {
                socket.send(&self.first)
            } else {
                let mut slices = [IoSlice::new(&[]); AT_ONCE];
                let count = self.len().min(AT_ONCE);
                let pieces = std::iter::once(&self.first).chain(&self.rest);
                for (slice, piece) in slices.iter_mut().zip(pieces) {
                    *slice = IoSlice::new(piece);
                }
                socket.send_all(&slices[..count])
            };
            match sent {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => {
                    progress = true;
                    self.take(sent);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Flushed::Some { progress });
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Flushed::All)
    }

    /// Forgets the first `sent` bytes.
    fn take(&mut self, mut sent: usize) {
        while !self.first.is_empty() {
            if sent < self.first.len() {
                self.first.advance(sent);
                return;
            }
            sent -= self.first.len();
            self.first = self.rest.pop_front().unwrap_or_default();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{cell::RefCell, io::Error};

    use proptest::prelude::*;

    use super::*;

    /// Takes so many bytes in each call, and none where it says 0.
    #[derive(Default)]
    pub(crate) struct Script {
        pub(crate) room: RefCell<VecDeque<usize>>,
        pub(crate) taken: RefCell<Vec<u8>>,
    }

    impl Script {
        fn of(room: impl IntoIterator<Item = usize>) -> Self {
            Self {
                room: RefCell::new(room.into_iter().collect()),
                taken: RefCell::default(),
            }
        }
    }

    impl Send for Script {
        fn send(&self, bytes: &[u8]) -> Result<usize> {
            self.send_all(&[IoSlice::new(bytes)])
        }

        fn send_all(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
            let room = self.room.borrow_mut().pop_front();
            let mut room = match room {
                Some(0) => return Err(ErrorKind::WouldBlock.into()),
                Some(room) => room,
                None => usize::MAX,
            };
            let mut sent = 0;
            for slice in slices {
                let part = slice.len().min(room);
                self.taken.borrow_mut().extend_from_slice(&slice[..part]);
                sent += part;
                room -= part;
            }
            Ok(sent)
        }
    }

    fn outbox(pieces: &[&'static [u8]]) -> Outbox {
        let mut outbox = Outbox::default();
        for piece in pieces {
            outbox.push(Bytes::from_static(piece));
        }
        outbox
    }

    #[test]
    fn a_viewer_that_takes_a_part_gets_the_rest_later() {
        let socket = Script::of([4, 0]);
        let mut outbox = outbox(&[b"abc", b"def"]);
        let flushed = outbox.flush(&socket).unwrap();
        assert_eq!(flushed, Flushed::Some { progress: true });
        assert_eq!(*socket.taken.borrow(), b"abcd");
        assert_eq!(outbox.flush(&socket).unwrap(), Flushed::All);
        assert_eq!(*socket.taken.borrow(), b"abcdef");
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn a_viewer_that_takes_nothing_makes_no_progress() {
        let socket = Script::of([0]);
        let flushed = outbox(&[b"abc"]).flush(&socket).unwrap();
        assert_eq!(flushed, Flushed::Some { progress: false });
    }

    #[test]
    fn an_empty_piece_is_none() {
        assert_eq!(outbox(&[b"", b""]).len(), 0);
    }

    #[test]
    fn a_broken_connection_is_an_error() {
        struct Broken;
        impl Send for Broken {
            fn send(&self, _: &[u8]) -> Result<usize> {
                Err(Error::from(ErrorKind::BrokenPipe))
            }
            fn send_all(&self, _: &[IoSlice<'_>]) -> Result<usize> {
                Ok(0)
            }
        }
        assert!(outbox(&[b"abc"]).flush(&Broken).is_err());
        assert!(outbox(&[b"abc", b"d"]).flush(&Broken).is_err());
    }

    proptest! {
        #[test]
        fn every_byte_goes_once_and_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..30),
            room in prop::collection::vec(0usize..40, 0..60),
        ) {
            let socket = Script::of(room);
            let mut outbox = Outbox::default();
            for piece in &pieces {
                outbox.push(piece.clone().into());
            }
            while outbox.flush(&socket).unwrap() != Flushed::All {}
            prop_assert_eq!(&*socket.taken.borrow(), &pieces.concat());
        }
    }
}
