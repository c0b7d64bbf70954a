//! Viewers that cost as little as possible: one thread, and bodies that the kernel throws away (`MSG_TRUNC`)
//! instead of copying them.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    mem::MaybeUninit,
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use serde::{Deserialize, Serialize};
use sightline_proto::{Message as _, Subscribe, ToRelay, to_relay};
use socket2::Socket;

use crate::frame::{CAMERA, Route};

/// `MSG_TRUNC`: on TCP, count and discard (tcp(7)).
const DISCARD: i32 = 0x20;

const READ_BYTES: usize = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    route: Route,
    #[arg(long)]
    viewers: usize,
    /// Viewers, of those, that stop reading after the first frame.
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    #[arg(long)]
    seconds: f64,
    /// Bytes on the wire for each frame, to tell how many frames came.
    #[arg(long)]
    frame_wire_bytes: usize,
}

/// What the viewers that read got.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Frames of all of them together.
    pub(crate) frames: f64,
    /// Frames of the viewer that got fewest.
    pub(crate) fewest: f64,
    pub(crate) seconds: f64,
}

/// Connects, prints `ready`, reads for the time given, prints the outcome as JSON.
///
/// Between a line on standard input and the end the frames are counted.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut poll = Poll::new()?;
    let mut viewers = Vec::new();
    for index in 0..arguments.viewers {
        let socket = connect(arguments.address, arguments.route)
            .with_context(|| format!("viewer {index}"))?;
        socket.set_nonblocking(true)?;
        if index >= arguments.stalled {
            poll.registry().register(
                &mut SourceFd(&socket.as_raw_fd()),
                Token(index),
                Interest::READABLE,
            )?;
        }
        viewers.push((Socket::from(socket), 0u64));
    }
    println!("ready");
    let mut buffer = vec![MaybeUninit::<u8>::uninit(); READ_BYTES];
    let mut events = Events::with_capacity(1024);
    let warm_up = Instant::now() + Duration::from_secs(1);
    let mut counting: Option<Instant> = None;
    let length = Duration::from_secs_f64(arguments.seconds);
    loop {
        let now = Instant::now();
        match counting {
            None if now >= warm_up => {
                viewers.iter_mut().for_each(|(_, bytes)| *bytes = 0);
                println!("counting");
                counting = Some(now);
            }
            Some(since) if now - since >= length => break,
            _ => {}
        }
        poll.poll(&mut events, Some(Duration::from_millis(20)))?;
        for event in &events {
            let (socket, bytes) = &mut viewers[event.token().0];
            *bytes += drain(socket, &mut buffer)?;
        }
    }
    let seconds = counting.map_or(0.0, |since| since.elapsed().as_secs_f64());
    let frames = |bytes: u64| bytes as f64 / arguments.frame_wire_bytes as f64;
    let reading = &viewers[arguments.stalled..];
    let outcome = Outcome {
        frames: reading.iter().map(|(_, bytes)| frames(*bytes)).sum(),
        fewest: reading
            .iter()
            .map(|(_, bytes)| frames(*bytes))
            .fold(f64::INFINITY, f64::min),
        seconds,
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

fn drain(socket: &Socket, buffer: &mut [MaybeUninit<u8>]) -> anyhow::Result<u64> {
    let mut total = 0;
    loop {
        match socket.recv_with_flags(buffer, DISCARD) {
            Ok(0) => anyhow::bail!("the server closed a viewer's connection"),
            Ok(len) => total += len as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn connect(address: SocketAddr, route: Route) -> anyhow::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    match route {
        Route::Multipart => {
            write!(
                socket,
                "GET /api/cameras/{CAMERA}/stream.mjpeg HTTP/1.1\r\nHost: {address}\r\n\r\n"
            )?;
            expect_status(&mut socket, "200")?;
        }
        Route::Websocket => {
            write!(
                socket,
                "GET /api/watch HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )?;
            expect_status(&mut socket, "101")?;
            let subscribe = ToRelay {
                message: Some(to_relay::Message::Subscribe(Subscribe {
                    camera: CAMERA.into(),
                    ..Subscribe::default()
                })),
            }
            .encode_to_vec();
            // A short binary message, masked with zeros.
            let head = [0x82, 0x80 | subscribe.len() as u8, 0, 0, 0, 0];
            socket.write_all(&[&head[..], &subscribe].concat())?;
        }
    }
    Ok(socket)
}

fn expect_status(socket: &mut TcpStream, status: &str) -> anyhow::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    anyhow::ensure!(
        head.split(' ').nth(1) == Some(status),
        "expected status {status}: {head}"
    );
    Ok(())
}
