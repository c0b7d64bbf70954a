//! One viewer: connects, asks, and counts what it is sent.

use std::{
    io::{Error, ErrorKind, Read as _, Write as _},
    mem::MaybeUninit,
    net::SocketAddr,
};

use anyhow::Context as _;
use mio::net::TcpStream;
use sightline_proto::{Form, H264, JPEG, Message as _, Subscribe, ToRelay, to_relay};
use socket2::SockRef;

use super::parse::Counter;
use crate::shape::Route;

/// `MSG_TRUNC`: on TCP, count and discard (tcp(7)). Elsewhere, bytes are read.
const DISCARD: i32 = if cfg!(target_os = "linux") { 0x20 } else { 0 };

/// What is read at a time where something has to be looked at: a head, and little of what follows.
const LOOK_BYTES: usize = 256;

const MAX_HEAD_BYTES: usize = 8 << 10;

pub(super) struct Viewer {
    pub(super) socket: TcpStream,
    state: State,
    request: Request,
}

/// What a viewer asks for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) address: SocketAddr,
    pub(super) route: Route,
    pub(super) camera: String,
    /// Instead of the relay's path for the route.
    pub(super) path: Option<String>,
}

enum State {
    Connecting,
    /// The head of the answer, as far as it came.
    Asking(Vec<u8>),
    Watching(Counter),
}

/// What came of a look at the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) frames: u64,
    pub(super) skipped: u64,
    pub(super) bytes: u64,
    /// The server has ended the connection.
    pub(super) closed: bool,
}

impl Viewer {
    pub(super) fn connect(request: Request) -> anyhow::Result<Self> {
        Ok(Self {
            socket: TcpStream::connect(request.address)
                .with_context(|| format!("cannot connect to {}", request.address))?,
            state: State::Connecting,
            request,
        })
    }

    pub(super) fn is_connecting(&self) -> bool {
        matches!(self.state, State::Connecting)
    }

    /// It was accepted, and what it gets is counted.
    pub(super) fn is_watching(&self) -> bool {
        matches!(self.state, State::Watching(_))
    }

    /// Sends the request once the connection stands.
    pub(super) fn writable(&mut self) -> anyhow::Result<()> {
        if !self.is_connecting() {
            return Ok(());
        }
        if let Some(error) = self.socket.take_error()? {
            return Err(error).context("cannot connect");
        }
        match self.socket.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.socket.set_nodelay(true)?;
        self.state = State::Asking(Vec::new());
        self.request()
    }

    /// Asks; on the route where each picture is asked for, once more.
    pub(super) fn request(&mut self) -> anyhow::Result<()> {
        let head = self.request.head();
        self.write(head.as_bytes())
    }

    /// Reads all that is there, up to `limit` bytes.
    pub(super) fn read(
        &mut self,
        limit: u64,
        scrap: &mut [MaybeUninit<u8>],
    ) -> anyhow::Result<Got> {
        let mut got = Got::default();
        let before = self.counts();
        while got.bytes < limit {
            match self.read_some(limit - got.bytes, scrap) {
                Ok(None) => {
                    got.closed = true;
                    break;
                }
                Ok(Some(len)) => got.bytes += len,
                Err(error) => match error.downcast_ref::<Error>().map(Error::kind) {
                    Some(ErrorKind::WouldBlock) => break,
                    Some(ErrorKind::Interrupted) => {}
                    Some(ErrorKind::ConnectionReset) => {
                        got.closed = true;
                        break;
                    }
                    _ => return Err(error),
                },
            }
        }
        let after = self.counts();
        got.frames = after.0 - before.0;
        got.skipped = after.1 - before.1;
        Ok(got)
    }

    fn counts(&self) -> (u64, u64) {
        match &self.state {
            State::Watching(counter) => (counter.frames, counter.skipped),
            _ => (0, 0),
        }
    }

    fn read_some(
        &mut self,
        limit: u64,
        scrap: &mut [MaybeUninit<u8>],
    ) -> anyhow::Result<Option<u64>> {
        if let State::Watching(counter) = &mut self.state
            && counter.discardable() > 0
        {
            let wanted = counter.discardable().min(limit).min(scrap.len() as u64);
            let scrap = &mut scrap[..wanted as usize];
            let len = SockRef::from(&self.socket).recv_with_flags(scrap, DISCARD)? as u64;
            counter.discarded(len);
            return Ok((len > 0).then_some(len));
        }
        let mut buffer = [0; LOOK_BYTES];
        let len = self.socket.read(&mut buffer)?;
        match &mut self.state {
            State::Connecting => {}
            State::Asking(head) => {
                head.extend(&buffer[..len]);
                let end = head.windows(4).position(|end| end == b"\r\n\r\n");
                if let Some(end) = end {
                    let head = std::mem::take(head);
                    self.answered(&head[..end], &head[end + 4..])?;
                } else {
                    anyhow::ensure!(head.len() < MAX_HEAD_BYTES, "a head without an end");
                }
            }
            State::Watching(counter) => {
                counter.read(&buffer[..len])?;
                if let Some(ping) = counter.ping.take() {
                    self.write(&masked(0x8A, &ping))?;
                }
            }
        }
        Ok((len > 0).then_some(len as u64))
    }

    fn answered(&mut self, head: &[u8], rest: &[u8]) -> anyhow::Result<()> {
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        let route = self.request.route;
        let status = if route.is_websocket() { "101" } else { "200" };
        anyhow::ensure!(
            text.split(' ').nth(1) == Some(status),
            "{} answered {}",
            self.request.address,
            text.lines().next().unwrap_or_default()
        );
        let mut counter = Counter::new(route, text.contains("transfer-encoding: chunked"));
        if route == Route::Poll {
            // There each head belongs to a picture.
            counter.read(head)?;
            counter.read(b"\r\n\r\n")?;
        }
        counter.read(rest)?;
        self.state = State::Watching(counter);
        if route.is_websocket() {
            self.write(&masked(0x82, &self.request.subscription()))?;
        }
        Ok(())
    }

    /// What viewers say is so short that it always fits.
    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.socket.write(bytes)?;
        anyhow::ensure!(written == bytes.len(), "the server reads nothing");
        Ok(())
    }
}

impl Request {
    fn head(&self) -> String {
        let Self {
            address, camera, ..
        } = self;
        let path = match (&self.path, self.route) {
            (Some(path), _) => path.clone(),
            (None, Route::Multipart) => format!("/api/cameras/{camera}/stream.mjpeg"),
            (None, Route::Mp4) => format!("/api/cameras/{camera}/stream.mp4"),
            (None, Route::Poll) => format!("/api/cameras/{camera}/snapshot.jpg"),
            (None, Route::Websocket | Route::Fragments) => "/api/watch".into(),
        };
        let upgrade = if self.route.is_websocket() {
            "Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        } else {
            ""
        };
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n")
    }

    fn subscription(&self) -> Vec<u8> {
        let video = self.route.is_video();
        ToRelay {
            message: Some(to_relay::Message::Subscribe(Subscribe {
                camera: self.camera.clone(),
                stream: if video { H264 } else { JPEG }.into(),
                form: if video { Form::Fmp4 } else { Form::Frame }.into(),
                ..Subscribe::default()
            })),
        }
        .encode_to_vec()
    }
}

/// A short WebSocket message, masked with zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let head = [first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    [&head, payload].concat()
}
