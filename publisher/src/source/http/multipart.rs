//! Takes a camera's multipart stream apart, tolerant of what cameras get wrong.
//!
//! Between parts nothing but lines is expected, so any line that starts with two dashes, or is the
//! boundary without them, starts a part. A part's Content-Length is believed when its body is a whole
//! picture. If it is missing or wrong, the rest of the stream is searched for pictures instead, which
//! needs neither boundaries nor headers. Lines may end in LF alone.
//!
//! Source: RFC 2046, section 5.1; cameras.

use sightline_media::jpeg::{Reason, Split, Splitter};

use crate::{
    packet::{self, ROOM_BYTES},
    pool::Pool,
};

/// What the header of one part may hold; a longer one ends the stream.
pub(super) const MAX_HEADER_BYTES: usize = 16 << 10;

/// The header of a part is longer than [`MAX_HEADER_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header of a part is longer than {MAX_HEADER_BYTES} bytes")]
pub(super) struct HeaderTooLong;

/// Takes bytes as they come, gives pictures behind [room](packet::room). It holds at most one picture and one header.
pub(super) struct Parser {
    /// Without leading dashes.
    boundary: Vec<u8>,
    max_bytes: usize,
    pool: Pool,
    state: State,
    splitter: Splitter,
}

enum State {
    /// Before the first part, or between two.
    Between(Line),
    Head {
        head: Head,
        line: Line,
    },
    /// A part with a length.
    Body {
        left: usize,
        /// Room, and what came.
        data: Vec<u8>,
        stamp: Option<i64>,
    },
    /// A part that is no picture.
    Skip {
        left: usize,
    },
    /// Lengths are not to be had: pictures are searched for until the stream ends.
    Search,
}

/// The line so far, without its end.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    /// Stamp of its first byte.
    stamp: i64,
}

/// What the header of a part says.
#[derive(Default)]
struct Head {
    bytes: usize,
    lines: usize,
    /// `None` if it does not say.
    picture: Option<bool>,
    length: Option<usize>,
}

impl Parser {
    /// Reads a stream of the given boundary, with pictures of at most `max_bytes`, into buffers of `pool`.
    pub(super) fn new(boundary: &str, max_bytes: usize, pool: Pool) -> Self {
        let buffers = pool.clone();
        Self {
            boundary: boundary.trim_start_matches('-').as_bytes().to_vec(),
            max_bytes,
            state: State::Between(Line::default()),
            splitter: Splitter::with_buffers(max_bytes, move || packet::room(&buffers)),
            pool,
        }
    }

    /// Takes the next bytes, which came at `stamp`, and gives what they complete. After an error the
    /// stream is over.
    pub(super) fn push(
        &mut self,
        mut chunk: &[u8],
        stamp: i64,
    ) -> Result<Vec<Split>, HeaderTooLong> {
        let mut out = Vec::new();
        while !chunk.is_empty() {
            let taken = match &mut self.state {
                State::Between(_) | State::Head { .. } => self.line(chunk, stamp)?,
                State::Body {
                    left,
                    data,
                    stamp: first,
                } => {
                    let taken = chunk.len().min(*left);
                    data.extend_from_slice(&chunk[..taken]);
                    first.get_or_insert(stamp);
                    *left -= taken;
                    if *left == 0 {
                        self.body_came(&mut out);
                    }
                    taken
                }
                State::Skip { left } => {
                    let taken = chunk.len().min(*left);
                    *left -= taken;
                    if *left == 0 {
                        self.state = State::Between(Line::default());
                    }
                    taken
                }
                State::Search => {
                    out.extend(self.splitter.push(chunk, stamp));
                    chunk.len()
                }
            };
            chunk = &chunk[taken..];
        }
        Ok(out)
    }

    /// Says what the end of the stream leaves behind.
    pub(super) fn finish(&mut self) -> Option<Split> {
        match &self.state {
            State::Body { data, .. } if data.len() > ROOM_BYTES => Some(Split::Dropped {
                reason: Reason::Truncated,
                bytes: (data.len() - ROOM_BYTES) as u64,
            }),
            State::Search => self.splitter.finish(),
            _ => None,
        }
    }

    /// Takes the bytes of `chunk` up to the end of the line, and says how many.
    fn line(&mut self, chunk: &[u8], stamp: i64) -> Result<usize, HeaderTooLong> {
        let (line, in_head, before) = match &mut self.state {
            State::Between(line) => (line, false, 0),
            State::Head { head, line } => (line, true, head.bytes),
            _ => return Ok(0),
        };
        for (index, &byte) in chunk.iter().enumerate() {
            if byte == b'\n' {
                self.line_came();
                return Ok(index + 1);
            }
            if line.bytes.is_empty() {
                line.stamp = stamp;
            }
            if before + line.bytes.len() < MAX_HEADER_BYTES {
                line.bytes.push(byte);
            } else if in_head {
                return Err(HeaderTooLong);
            }
            if line.bytes == [0xFF, 0xD8, 0xFF] {
                // A picture without a header of its own, or without the empty line after it.
                let first = std::mem::take(line);
                self.search(&first.bytes, first.stamp);
                return Ok(index + 1);
            }
        }
        Ok(chunk.len())
    }

    fn line_came(&mut self) {
        let (mut head, mut line) = match &mut self.state {
            State::Between(line) => (None, std::mem::take(&mut line.bytes)),
            State::Head { head, line } => {
                (Some(std::mem::take(head)), std::mem::take(&mut line.bytes))
            }
            _ => return,
        };
        line.truncate(line.trim_ascii_end().len());
        if line.is_empty() {
            return match head {
                Some(head) if head.lines > 0 => self.head_came(&head),
                _ => self.state = State::Between(Line::default()),
            };
        }
        match self.delimiter(&line) {
            Some(Delimiter::Part) => head = Some(Head::default()),
            Some(Delimiter::End) => head = None,
            None if head.is_some() || starts_with_content(&line) => {
                head.get_or_insert_default().take(&line);
            }
            None => {}
        }
        self.state = match head {
            Some(head) => State::Head {
                head,
                line: Line::default(),
            },
            None => State::Between(Line::default()),
        };
    }

    fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        let dashes = line.iter().take_while(|&&byte| byte == b'-').count();
        let name = &line[dashes..];
        if self.boundary.is_empty() || name != self.boundary {
            let end = name
                .strip_suffix(b"--")
                .is_some_and(|name| name == self.boundary);
            return match dashes {
                0 | 1 => None,
                _ if end => Some(Delimiter::End),
                _ => Some(Delimiter::Part),
            };
        }
        Some(Delimiter::Part)
    }

    /// The empty line after a header came.
    fn head_came(&mut self, head: &Head) {
        let length = head
            .length
            .filter(|length| (1..=self.max_bytes).contains(length));
        self.state = match (head.picture.unwrap_or(true), length) {
            (true, Some(left)) => {
                let mut data = packet::room(&self.pool);
                data.reserve(left);
                State::Body {
                    left,
                    data,
                    stamp: None,
                }
            }
            (true, None) => State::Search,
            (false, Some(left)) => State::Skip { left },
            (false, None) => State::Between(Line::default()),
        };
    }

    /// As many bytes of a body came as its header promised.
    fn body_came(&mut self, out: &mut Vec<Split>) {
        let State::Body { data, stamp, .. } = &mut self.state else {
            return;
        };
        let (mut data, stamp) = (std::mem::take(data), stamp.unwrap_or_default());
        let padding = data[ROOM_BYTES..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        if padding > 0 {
            data.drain(ROOM_BYTES..ROOM_BYTES + padding);
        }
        let picture = &data[ROOM_BYTES..];
        if !picture.starts_with(&[0xFF, 0xD8]) {
            out.push(Split::Dropped {
                reason: Reason::Corrupt,
                bytes: picture.len() as u64,
            });
            self.state = State::Between(Line::default());
        } else if is_whole(picture) {
            out.push(Split::Picture { data, stamp });
            self.state = State::Between(Line::default());
        } else {
            out.extend(self.search(&data[ROOM_BYTES..], stamp));
        }
    }

    /// Searches for pictures from now on, first in `bytes`.
    fn search(&mut self, bytes: &[u8], stamp: i64) -> Vec<Split> {
        self.state = State::Search;
        self.splitter.push(bytes, stamp)
    }
}

/// Whether a body ends as a picture does, apart from padding. What follows a wrong length would not.
fn is_whole(data: &[u8]) -> bool {
    let padding = |byte: &&u8| matches!(**byte, 0 | b'\r' | b'\n');
    let len = data.len() - data.iter().rev().take_while(padding).count();
    data[..len].ends_with(&[0xFF, 0xD9])
}

enum Delimiter {
    Part,
    End,
}

fn starts_with_content(line: &[u8]) -> bool {
    line.get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

impl Head {
    fn take(&mut self, line: &[u8]) {
        self.bytes += line.len();
        self.lines += 1;
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        let Ok(value) = std::str::from_utf8(value) else {
            return;
        };
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = value.parse().ok();
        } else if name.eq_ignore_ascii_case(b"content-type") {
            use super::kind::{Kind, of};
            self.picture = Some(matches!(of(Some(value)), Kind::Picture | Kind::Unsaid));
        }
    }
}

#[cfg(test)]
#[path = "multipart_tests.rs"]
mod tests;
