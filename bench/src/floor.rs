//! The floor: what a frame costs when nothing is done but to send it. One thread, one `send` of a prepared
//! buffer for each viewer and frame.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::frame::{self, Route};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    viewers: usize,
    #[arg(long)]
    frame_bytes: usize,
    #[arg(long)]
    fps: f64,
    #[arg(long)]
    route: Route,
}

struct Viewer {
    socket: TcpStream,
    /// How much of the current frame was sent. A viewer that is behind misses the next one.
    sent: usize,
}

/// Prints its port, waits for all viewers, then sends until its standard input ends.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let mut poll = Poll::new()?;
    let mut viewers = Vec::with_capacity(arguments.viewers);
    for index in 0..arguments.viewers {
        let (mut socket, _) = listener.accept()?;
        greet(&mut socket, arguments.route)?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry()
            .register(&mut socket, Token(index), Interest::WRITABLE)?;
        viewers.push(Viewer { socket, sent: 0 });
    }
    let frame = frame::on_the_wire(arguments.route, &frame::jpeg(arguments.frame_bytes)?);
    let interval = Duration::from_secs_f64(1.0 / arguments.fps);
    let mut events = Events::with_capacity(arguments.viewers.max(64));
    let mut next = Instant::now();
    loop {
        let now = Instant::now();
        if now >= next {
            next += interval;
            for viewer in &mut viewers {
                // Not yet through with the last one: it keeps that one, as a real server would.
                if viewer.sent == 0 || viewer.sent == frame.len() {
                    viewer.sent = 0;
                    if !viewer.send(&frame)? {
                        return Ok(());
                    }
                }
            }
            continue;
        }
        poll.poll(&mut events, Some(next - now))?;
        for event in &events {
            let viewer = &mut viewers[event.token().0];
            if viewer.sent > 0 && viewer.sent < frame.len() && !viewer.send(&frame)? {
                return Ok(());
            }
        }
    }
}

impl Viewer {
    /// False once the viewer is gone.
    fn send(&mut self, frame: &[u8]) -> anyhow::Result<bool> {
        while self.sent < frame.len() {
            match self.socket.write(&frame[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                    ) =>
                {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

fn greet(socket: &mut std::net::TcpStream, route: Route) -> anyhow::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).context("request head")?;
        head.push(byte[0]);
    }
    socket.write_all(match route {
        Route::Multipart => {
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=boundarydonotcross\r\n\r\n--boundarydonotcross\r\n"
        }
        Route::Websocket => {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        }
    })?;
    Ok(())
}
