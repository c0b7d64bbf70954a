//! Finds pictures in a stream of bytes.

use std::{fmt, mem};

use memchr::memchr;

use super::marker;

/// What a stream turned out to hold, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// From SOI to EOI. What is inside was walked, not checked: see [`prepare`](super::prepare).
    Picture {
        /// The picture, behind what its buffer held: see [`Splitter::with_buffers`].
        data: Vec<u8>,
        /// What came with the chunk that held its first byte.
        stamp: i64,
    },
    /// Bytes that are no whole picture.
    Dropped {
        /// Why.
        reason: Reason,
        /// How many.
        bytes: u64,
    },
}

/// Why bytes of a stream are no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Bytes between pictures, said once per gap.
    Garbage,
    /// The next picture, or the end of the stream, came before this one's end.
    Truncated,
    /// It started like a picture and went on unlike one.
    Corrupt,
    /// It is longer than allowed.
    TooLarge,
}

/// Cuts a stream of bytes into pictures.
///
/// It walks each picture by the lengths of its segments, so an embedded thumbnail is never taken for a
/// picture of its own. That holds when the picture around it is damaged, too: the search goes on where the
/// damage was found, at the price of the next picture if the damage hid its start. How the stream is cut
/// into chunks makes no difference. It holds at most one picture of the allowed length; of a longer one it
/// holds nothing. Time is linear in the bytes.
pub struct Splitter {
    max_bytes: usize,
    buffers: Buffers,
    state: State,
    /// The picture so far, or what was seen of a gap.
    current: Current,
    /// The stamp of the chunk that held the last 0xFF.
    stamp_of_mark: i64,
    /// Size of the last picture: the next one will be like it.
    expected_bytes: usize,
}

type Buffers = Box<dyn FnMut() -> Vec<u8> + Send>;

#[derive(Debug, Default)]
struct Current {
    data: Vec<u8>,
    /// Where the picture starts in `data`.
    start: usize,
    /// Counts on when `data` is given up.
    bytes: u64,
    stamp: i64,
    /// Whether a scan was seen: a picture without one cannot end.
    scanned: bool,
    too_large: bool,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between pictures; so many bytes of FF D8 FF have been seen.
    Gap(u8),
    /// The 0xFF of a marker.
    Mark,
    /// The second byte of a marker.
    Code,
    /// The two bytes of a segment's length.
    Length {
        code: u8,
    },
    LengthLow {
        code: u8,
        high: u8,
    },
    /// So many more bytes of a segment.
    Payload {
        code: u8,
        left: usize,
    },
    /// Packed pixels.
    Scan,
    /// Packed pixels, after 0xFF.
    ScanCode,
}

impl Splitter {
    /// Gives pictures of at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self::with_buffers(max_bytes, Vec::new)
    }

    /// As [`new`](Self::new). Each picture is appended to one of `buffers`: so that memory can be used again, and
    /// something can stand before it.
    pub fn with_buffers(
        max_bytes: usize,
        buffers: impl FnMut() -> Vec<u8> + Send + 'static,
    ) -> Self {
        Self {
            max_bytes,
            buffers: Box::new(buffers),
            state: State::Gap(0),
            current: Current::default(),
            stamp_of_mark: 0,
            expected_bytes: 0,
        }
    }

    /// Takes the next bytes of the stream and gives what they complete. `stamp` is whatever the caller
    /// wants to know of a picture's first byte, such as when it came.
    pub fn push(&mut self, chunk: &[u8], stamp: i64) -> Vec<Split> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < chunk.len() {
            let taken = self.step(&chunk[at..], stamp, &mut out);
            at += taken;
        }
        out
    }

    /// Says what the end of the stream leaves behind. The splitter can be used for another one.
    pub fn finish(&mut self) -> Option<Split> {
        let mut out = Vec::new();
        match self.state {
            State::Gap(seen) => {
                self.current.bytes += u64::from(seen);
                self.end_gap(&mut out);
            }
            _ => self.drop_picture(Reason::Truncated, &mut out),
        }
        self.state = State::Gap(0);
        out.pop()
    }

    /// Looks at the first bytes of `chunk`, which is not empty, and says how many are done with: zero only
    /// when the state has changed.
    fn step(&mut self, chunk: &[u8], stamp: i64, out: &mut Vec<Split>) -> usize {
        let byte = chunk[0];
        match self.state {
            State::Gap(seen) => self.gap(seen, chunk, stamp, out),
            State::Mark if byte == 0xFF => self.mark(State::Code, stamp),
            State::Mark => {
                self.drop_picture(Reason::Corrupt, out);
                self.state = State::Gap(0);
                0
            }
            State::Code => self.code(byte, stamp, out),
            State::Length { code } => self.take(&chunk[..1], State::LengthLow { code, high: byte }),
            State::LengthLow { code, high } => {
                let left = usize::from(u16::from_be_bytes([high, byte]));
                let Some(left) = left.checked_sub(2) else {
                    self.drop_picture(Reason::Corrupt, out);
                    self.state = State::Gap(0);
                    return 0;
                };
                self.take(&chunk[..1], after_payload(code, left))
            }
            State::Payload { code, left } => {
                let taken = left.min(chunk.len());
                self.take(&chunk[..taken], after_payload(code, left - taken))
            }
            State::Scan => match pixels(chunk) {
                0 => self.mark(State::ScanCode, stamp),
                taken => self.take(&chunk[..taken], State::Scan),
            },
            State::ScanCode => match byte {
                0x00 | marker::TEM | marker::RST0..=marker::RST7 => self.take(&[byte], State::Scan),
                _ => self.code(byte, stamp, out),
            },
        }
    }

    fn gap(&mut self, seen: u8, chunk: &[u8], stamp: i64, out: &mut Vec<Split>) -> usize {
        match (seen, chunk[0]) {
            (0, 0xFF) => {
                self.stamp_of_mark = stamp;
                self.state = State::Gap(1);
                1
            }
            (0, _) => {
                let taken = memchr(0xFF, chunk).unwrap_or(chunk.len());
                self.current.bytes += taken as u64;
                taken
            }
            (1, marker::SOI) => {
                self.state = State::Gap(2);
                1
            }
            (2, 0xFF) => {
                self.end_gap(out);
                self.start_picture();
                0
            }
            _ => {
                self.current.bytes += u64::from(seen);
                self.state = State::Gap(0);
                0
            }
        }
    }

    /// The second byte of a marker, after its 0xFF.
    fn code(&mut self, code: u8, stamp: i64, out: &mut Vec<Split>) -> usize {
        match code {
            0xFF => self.mark(self.state, stamp),
            marker::EOI if self.current.scanned => {
                self.append(&[marker::EOI]);
                self.end_picture(out);
                self.state = State::Gap(0);
                1
            }
            marker::SOI => {
                // The 0xFF before it was counted as part of the picture that it cuts off.
                self.current.bytes -= 1;
                self.drop_picture(Reason::Truncated, out);
                self.start_picture();
                1
            }
            0x00 | marker::EOI => {
                self.drop_picture(Reason::Corrupt, out);
                self.state = State::Gap(0);
                0
            }
            marker::TEM | marker::RST0..=marker::RST7 => self.take(&[code], State::Mark),
            _ => self.take(&[code], State::Length { code }),
        }
    }

    fn mark(&mut self, next: State, stamp: i64) -> usize {
        self.stamp_of_mark = stamp;
        self.take(&[0xFF], next)
    }

    /// Adds bytes to the picture, and says how many.
    fn take(&mut self, bytes: &[u8], next: State) -> usize {
        self.append(bytes);
        if next == State::Scan {
            self.current.scanned = true;
        }
        self.state = next;
        bytes.len()
    }

    fn append(&mut self, bytes: &[u8]) {
        let current = &mut self.current;
        current.bytes += bytes.len() as u64;
        if current.too_large {
            return;
        }
        if current.data.len() - current.start + bytes.len() > self.max_bytes {
            current.too_large = true;
            current.data = Vec::new();
            return;
        }
        current.data.extend_from_slice(bytes);
    }

    /// After FF D8, the last 0xFF of which came with `stamp_of_mark`.
    fn start_picture(&mut self) {
        let mut data = (self.buffers)();
        data.reserve(self.expected_bytes);
        self.current = Current {
            start: data.len(),
            data,
            stamp: self.stamp_of_mark,
            ..Current::default()
        };
        self.append(&[0xFF, marker::SOI]);
        self.state = State::Mark;
    }

    fn end_picture(&mut self, out: &mut Vec<Split>) {
        if self.current.too_large {
            return self.drop_picture(Reason::TooLarge, out);
        }
        let current = mem::take(&mut self.current);
        let len_bytes = current.data.len() - current.start;
        self.expected_bytes = len_bytes + len_bytes / 8;
        out.push(Split::Picture {
            data: current.data,
            stamp: current.stamp,
        });
    }

    fn drop_picture(&mut self, reason: Reason, out: &mut Vec<Split>) {
        let current = mem::take(&mut self.current);
        let reason = if current.too_large {
            Reason::TooLarge
        } else {
            reason
        };
        out.push(Split::Dropped {
            reason,
            bytes: current.bytes,
        });
    }

    fn end_gap(&mut self, out: &mut Vec<Split>) {
        let current = mem::take(&mut self.current);
        if current.bytes > 0 {
            out.push(Split::Dropped {
                reason: Reason::Garbage,
                bytes: current.bytes,
            });
        }
    }
}

impl fmt::Debug for Splitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splitter")
            .field("max_bytes", &self.max_bytes)
            .field("state", &self.state)
            .field("current", &self.current.bytes)
            .finish_non_exhaustive()
    }
}

/// How many bytes at the start of `chunk` are packed pixels for sure.
fn pixels(chunk: &[u8]) -> usize {
    let mut len = 0;
    while let Some(found) = memchr(0xFF, &chunk[len..]) {
        match chunk.get(len + found + 1) {
            Some(0x00 | marker::RST0..=marker::RST7) => len += found + 2,
            _ => return len + found,
        }
    }
    chunk.len()
}

fn after_payload(code: u8, left: usize) -> State {
    match (code, left) {
        (marker::SOS, 0) => State::Scan,
        (_, 0) => State::Mark,
        _ => State::Payload { code, left },
    }
}

#[cfg(test)]
#[path = "splitter_tests.rs"]
mod tests;
