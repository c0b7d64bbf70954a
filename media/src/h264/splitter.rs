//! Finds access units in a stream of bytes.

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem;

use super::{Grouper, MAX_UNIT_BYTES, Reason, Split, annexb::without_zeros, slice::HEAD_BYTES};

const START_CODE: &[u8] = &[0, 0, 1];

/// A start code may begin this many bytes before the end of what has come.
const OVERLAP: usize = START_CODE.len() - 1;

/// Chunks are taken in such pieces, so that what is held stays within bounds however large they are.
const PIECE_BYTES: usize = 64 << 10;

/// Cuts a stream of bytes in Annex B form into access units.
///
/// How the stream is cut into chunks makes no difference. An access unit is given when the next one starts,
/// or when [`flush`](Self::flush) or [`finish`](Self::finish) says that it has ended. What cannot be carried
/// is dropped as [`Grouper`] says. It holds at most one NAL unit and one access unit of [`MAX_UNIT_BYTES`]
/// each. Time is linear in the bytes.
#[derive(Debug)]
pub struct Splitter {
    max_bytes: usize,
    grouper: Grouper,
    /// What has come since the last start code, unless it was dropped.
    held: BytesMut,
    /// Bytes of `held` that hold no start code.
    searched: usize,
    state: State,
    /// Of the chunk that ended the start code in front of the NAL unit.
    stamp: i64,
}

/// What `held` is part of.
#[derive(Clone, Debug)]
enum State {
    /// No NAL unit: what comes before the first one, or the rest of one that was given too early.
    Gap {
        bytes: u64,
        only_zeros: bool,
        flushed: bool,
    },
    Unit,
    /// A NAL unit that is too large: its head, and how many bytes were dropped.
    TooLarge {
        head: Bytes,
        bytes: u64,
    },
}

impl State {
    const START: Self = Self::Gap {
        bytes: 0,
        only_zeros: true,
        flushed: false,
    };
}

impl Default for Splitter {
    fn default() -> Self {
        Self::with_limit(MAX_UNIT_BYTES)
    }
}

impl Splitter {
    /// Gives access units of at most `max_bytes`.
    pub(crate) fn with_limit(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            grouper: Grouper::with_limit(max_bytes),
            held: BytesMut::new(),
            searched: 0,
            state: State::START,
            stamp: 0,
        }
    }

    /// Takes the next bytes of the stream and gives what they complete. `stamp` is whatever the caller wants
    /// to know of a unit's first byte, such as when it came.
    pub fn push(&mut self, chunk: &[u8], stamp: i64) -> Vec<Split> {
        let mut out = Vec::new();
        for piece in chunk.chunks(PIECE_BYTES) {
            self.held.extend_from_slice(piece);
            self.search(stamp, &mut out);
            self.give_up();
        }
        out
    }

    /// Gives the access unit that has not ended, for a live stream that has been silent for a while: without
    /// this, a frame is given only when the next one comes.
    ///
    /// If it had not ended, its rest is dropped, and so are frames up to the next key frame.
    pub fn flush(&mut self) -> Vec<Split> {
        let mut out = Vec::new();
        if matches!(self.state, State::Unit) && !without_zeros(&self.held).is_empty() {
            self.end_unit(self.held.len(), &mut out);
            out.extend(self.grouper.end());
            self.held.clear();
            self.searched = 0;
            self.state = State::Gap {
                bytes: 0,
                only_zeros: true,
                flushed: true,
            };
        }
        out
    }

    /// Gives what the end of the stream leaves. The splitter can be used for another stream of the same
    /// camera: parameter sets are kept.
    pub fn finish(&mut self) -> Vec<Split> {
        let mut out = Vec::new();
        self.end_unit(self.held.len(), &mut out);
        out.extend(self.grouper.end());
        self.grouper.lose();
        self.held.clear();
        self.searched = 0;
        self.state = State::START;
        out
    }

    fn search(&mut self, stamp: i64, out: &mut Vec<Split>) {
        let finder = memmem::Finder::new(START_CODE);
        while let Some(at) = finder.find(&self.held[self.searched..]) {
            let end = self.searched + at;
            self.end_unit(end, out);
            self.held.advance(end + START_CODE.len());
            self.searched = 0;
            self.state = State::Unit;
            self.stamp = stamp;
        }
        self.searched = self.held.len().saturating_sub(OVERLAP);
    }

    /// What is held up to `end` completes what there was.
    fn end_unit(&mut self, end: usize, out: &mut Vec<Split>) {
        self.account(end);
        let unit = without_zeros(&self.held[..end]);
        match &self.state {
            State::Unit if unit.is_empty() => {}
            State::Unit => out.extend(self.grouper.push(unit, self.stamp)),
            State::TooLarge { head, bytes } => {
                out.extend(self.grouper.push_head(head, *bytes, self.stamp));
            }
            State::Gap {
                only_zeros: true, ..
            } => {}
            State::Gap { bytes, flushed, .. } => {
                if *flushed {
                    self.grouper.lose();
                }
                out.push(Split::Dropped {
                    reason: if *flushed {
                        Reason::Damaged
                    } else {
                        Reason::Garbage
                    },
                    bytes: *bytes,
                });
            }
        }
    }

    /// Drops what cannot become a unit that is carried.
    fn give_up(&mut self) {
        if matches!(self.state, State::Unit) && self.searched <= self.max_bytes {
            return;
        }
        self.account(self.searched);
        self.held.advance(self.searched);
        self.searched = 0;
    }

    /// Counts the first `len` bytes that are held, if they are not to be carried.
    fn account(&mut self, len: usize) {
        match &mut self.state {
            State::Unit if len > self.max_bytes => {
                let head = &self.held[..self.max_bytes.min(HEAD_BYTES)];
                self.state = State::TooLarge {
                    head: Bytes::copy_from_slice(head),
                    bytes: len as u64,
                };
            }
            State::Unit => {}
            State::TooLarge { bytes, .. } => *bytes += len as u64,
            State::Gap {
                bytes, only_zeros, ..
            } => {
                *bytes += len as u64;
                *only_zeros &= self.held[..len].iter().all(|&byte| byte == 0);
            }
        }
    }
}

#[cfg(test)]
#[path = "splitter_tests.rs"]
mod tests;
