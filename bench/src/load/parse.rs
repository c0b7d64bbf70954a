//! Counts whole frames in what a server sends, from the few bytes that frame it: payloads are never looked at.

use anyhow::Context as _;

use crate::shape::Route;

/// Counts the frames of one connection, from the end of the response's head on.
#[derive(Debug)]
pub(crate) struct Counter {
    transfer: Transfer,
    format: Format,
    /// Bytes of a payload that are still to come.
    skip: u64,
    /// They are those of a frame.
    of_frame: bool,
    pub(crate) frames: u64,
    /// Frames that the relay said it left out.
    pub(crate) skipped: u64,
    /// Payload of a ping that is to be answered.
    pub(crate) ping: Option<Vec<u8>>,
}

/// RFC 9112, section 7.1.
#[derive(Debug)]
enum Transfer {
    Plain,
    /// In the line that says how long the chunk is.
    Size(u64),
    Data(u64),
    /// In the line end after the chunk: so many bytes of it are to come.
    End(u8),
}

#[derive(Debug)]
enum Format {
    /// Heads with `Content-Length`, and pictures.
    Lines { line: Vec<u8>, len: Option<u64> },
    /// Headers of messages, and what is read of a message itself.
    Messages { head: Vec<u8>, body: Vec<u8> },
    /// Headers of boxes.
    Boxes { head: Vec<u8> },
}

/// A line of a head is no longer.
const MAX_LINE_BYTES: usize = 1 << 10;

/// Of messages up to this length, all is read: all but frames are so short.
const SHORT_BYTES: u64 = 200;

/// The first byte of a message, which says what it is: fields `frame` and `skipped` of `ToViewer`.
const FRAME: u8 = 0x12;
const SKIPPED: u8 = 0x32;

impl Counter {
    pub(crate) fn new(route: Route, chunked: bool) -> Self {
        Self {
            transfer: if chunked {
                Transfer::Size(0)
            } else {
                Transfer::Plain
            },
            format: match route {
                Route::Multipart | Route::Poll => Format::Lines {
                    line: Vec::new(),
                    len: None,
                },
                Route::Websocket | Route::Fragments => Format::Messages {
                    head: Vec::new(),
                    body: Vec::new(),
                },
                Route::Mp4 => Format::Boxes { head: Vec::new() },
            },
            skip: 0,
            of_frame: false,
            frames: 0,
            skipped: 0,
            ping: None,
        }
    }

    /// How many of the next bytes need not be read.
    pub(crate) fn discardable(&self) -> u64 {
        match self.transfer {
            Transfer::Plain => self.skip,
            Transfer::Data(left) => self.skip.min(left),
            Transfer::Size(_) | Transfer::End(_) => 0,
        }
    }

    /// So many bytes were not read, at most [`Counter::discardable`].
    pub(crate) fn discarded(&mut self, len: u64) {
        if let Transfer::Data(left) = &mut self.transfer {
            *left -= len;
            if *left == 0 {
                self.transfer = Transfer::End(2);
            }
        }
        self.skip(len);
    }

    /// Takes in the next bytes.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> anyhow::Result<()> {
        while let Some(&first) = bytes.first() {
            match &mut self.transfer {
                Transfer::Plain => {
                    self.format(bytes)?;
                    bytes = &[];
                }
                Transfer::Size(len) => {
                    match char::from(first) {
                        '\n' => self.transfer = Transfer::Data(*len),
                        '\r' => {}
                        digit => {
                            let digit = digit.to_digit(16).context("a chunk without a size")?;
                            *len = *len << 4 | u64::from(digit);
                        }
                    }
                    bytes = &bytes[1..];
                }
                Transfer::Data(0) => anyhow::bail!("the server ended the answer"),
                Transfer::Data(left) => {
                    let len = bytes.len().min(usize::try_from(*left)?);
                    *left -= len as u64;
                    if *left == 0 {
                        self.transfer = Transfer::End(2);
                    }
                    self.format(&bytes[..len])?;
                    bytes = &bytes[len..];
                }
                Transfer::End(left) => {
                    *left -= 1;
                    if *left == 0 {
                        self.transfer = Transfer::Size(0);
                    }
                    bytes = &bytes[1..];
                }
            }
        }
        Ok(())
    }

    fn format(&mut self, mut bytes: &[u8]) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let len = self.skip.min(bytes.len() as u64);
                self.skip(len);
                bytes = &bytes[usize::try_from(len)?..];
                continue;
            }
            self.byte(bytes[0])?;
            bytes = &bytes[1..];
        }
        Ok(())
    }

    fn skip(&mut self, len: u64) {
        self.skip -= len;
        if self.skip == 0 && std::mem::take(&mut self.of_frame) {
            self.frames += 1;
        }
    }

    fn begin(&mut self, payload_bytes: u64, of_frame: bool) {
        self.skip = payload_bytes;
        self.of_frame = of_frame;
    }

    fn byte(&mut self, byte: u8) -> anyhow::Result<()> {
        match &mut self.format {
            Format::Lines { line, len } => {
                if byte != b'\n' {
                    anyhow::ensure!(line.len() < MAX_LINE_BYTES, "a head without a line end");
                    line.push(byte);
                    return Ok(());
                }
                let text = String::from_utf8_lossy(line).trim().to_ascii_lowercase();
                line.clear();
                if let Some(value) = text.strip_prefix("content-length:") {
                    *len = Some(value.trim().parse().context("Content-Length")?);
                } else if text.is_empty()
                    && let Some(len) = len.take()
                {
                    self.begin(len, true);
                }
            }
            Format::Boxes { head } => {
                head.push(byte);
                if let [a, b, c, d, kind @ ..] = &head[..]
                    && kind.len() == 4
                {
                    let is_data = kind == b"mdat";
                    let len = u64::from(u32::from_be_bytes([*a, *b, *c, *d]));
                    let payload = len.checked_sub(8).context("a box without a size")?;
                    head.clear();
                    self.begin(payload, is_data);
                }
            }
            Format::Messages { head, body } => {
                let Some(len) = message_len(head) else {
                    head.push(byte);
                    if message_len(head) == Some(0) {
                        head.clear();
                    }
                    return Ok(());
                };
                body.push(byte);
                let (opcode, read) = (head[0] & 0x0F, body.len() as u64);
                if len > SHORT_BYTES {
                    let is_frame = opcode == 2 && body[0] == FRAME;
                    head.clear();
                    body.clear();
                    self.begin(len - read, is_frame);
                } else if read == len {
                    let body = std::mem::take(body);
                    head.clear();
                    self.message(opcode, body)?;
                }
            }
        }
        Ok(())
    }

    /// A message of few bytes.
    fn message(&mut self, opcode: u8, body: Vec<u8>) -> anyhow::Result<()> {
        match opcode {
            8 => anyhow::bail!(
                "the server closed the connection: {:?}",
                String::from_utf8_lossy(body.get(2..).unwrap_or_default())
            ),
            9 => self.ping = Some(body),
            2 if body.first() == Some(&SKIPPED) => {
                use sightline_proto::{Message as _, ToViewer, to_viewer};
                if let Some(to_viewer::Message::Skipped(skipped)) =
                    ToViewer::decode(&body[..])?.message
                {
                    self.skipped += skipped.frames;
                }
            }
            2 if body.first() == Some(&FRAME) => self.frames += 1,
            _ => {}
        }
        Ok(())
    }
}

/// The length of the message whose header this is, once it is whole. Servers do not mask.
fn message_len(head: &[u8]) -> Option<u64> {
    match (head.get(1)? & 0x7F, &head[2..]) {
        (126, [a, b]) => Some(u64::from(u16::from_be_bytes([*a, *b]))),
        (127, long) => Some(u64::from_be_bytes(long.try_into().ok()?)),
        (126, _) => None,
        (short, _) => Some(short.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        content,
        shape::Shape,
        wire::{opening, prepare},
    };

    const ROUTES: [Route; 5] = [
        Route::Multipart,
        Route::Websocket,
        Route::Fragments,
        Route::Mp4,
        Route::Poll,
    ];

    fn shape(route: Route) -> Shape {
        Shape {
            frame_bytes: 3_000,
            bits_per_second: 1_000_000,
            ..Shape::of(route)
        }
    }

    /// Three frames, and how many bytes of the answer's head stand before them.
    fn stream(route: Route) -> Vec<u8> {
        let shape = shape(route);
        let units = content::units(&shape).unwrap();
        let frames = prepare(route, &units, 30.0).unwrap();
        (0..3)
            .flat_map(|number| frames[number % frames.len()].bytes.clone())
            .collect()
    }

    fn chunked(bytes: &[u8], len: usize) -> Vec<u8> {
        let chunk =
            |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        bytes.chunks(len).flat_map(chunk).collect()
    }

    /// Reads `step` bytes at a time, and discards wherever that is allowed.
    fn count(counter: &mut Counter, mut bytes: &[u8], step: usize) {
        while !bytes.is_empty() {
            let discard = (counter.discardable() as usize).min(bytes.len());
            if discard > 0 {
                counter.discarded(discard as u64);
                bytes = &bytes[discard..];
            } else {
                let len = step.min(bytes.len());
                counter.read(&bytes[..len]).unwrap();
                bytes = &bytes[len..];
            }
        }
    }

    #[test]
    fn whole_frames_are_counted_on_every_route_however_they_arrive() {
        for route in ROUTES {
            let bytes = stream(route);
            for step in [1, 7, 256, 1 << 20] {
                let mut counter = Counter::new(route, false);
                count(&mut counter, &bytes[..bytes.len() - 100], step);
                assert_eq!(counter.frames, 2, "{route:?} by {step}");
                count(&mut counter, &bytes[bytes.len() - 100..], step);
                assert_eq!(counter.frames, 3, "{route:?} by {step}");
                for chunk in [5, 1_000, 1 << 20] {
                    let mut counter = Counter::new(route, true);
                    count(&mut counter, &chunked(&bytes, chunk), step);
                    assert_eq!(counter.frames, 3, "{route:?} by {step} in {chunk}");
                }
            }
        }
    }

    #[test]
    fn pings_are_handed_on_and_other_messages_are_no_frames() {
        let mut counter = Counter::new(Route::Websocket, false);
        counter.read(&[0x89, 2, b'h', b'i', 0x82, 0]).unwrap();
        assert_eq!(counter.ping.take(), Some(b"hi".to_vec()));
        // `hello`, and `skipped` with 7 frames.
        counter.read(&[0x82, 2, 0x0A, 0]).unwrap();
        counter.read(&[0x82, 4, SKIPPED, 2, 0x18, 7]).unwrap();
        assert_eq!((counter.frames, counter.skipped), (0, 7));
    }

    #[test]
    fn the_end_is_an_error() {
        let mut counter = Counter::new(Route::Websocket, false);
        let error = counter.read(&[0x88, 4, 3, 0xF4, b'n', b'o']).unwrap_err();
        assert!(error.to_string().contains("no"), "{error}");
        let mut counter = Counter::new(Route::Mp4, true);
        assert!(counter.read(b"0\r\n\r\n").is_err());
    }

    #[test]
    fn every_answer_has_a_status() {
        for route in ROUTES.into_iter().filter(|route| *route != Route::Poll) {
            assert!(opening(route).starts_with(b"HTTP/1.1 "), "{route:?}");
        }
    }
}
