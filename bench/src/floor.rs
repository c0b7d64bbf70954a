//! The floor: what a frame costs when nothing is done but to send it. One thread, one `send` of a prepared
//! buffer for each viewer and frame.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use crate::{
    content,
    process::wait,
    shape::Shape,
    wire::{self, Prepared},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    shape: Shape,
}

const LISTENER: Token = Token(usize::MAX);

/// A viewer of video that is so far behind goes on at a key frame.
const LATEST: Duration = Duration::from_secs(1);

const MAX_REQUEST_BYTES: usize = 4 << 10;

struct Viewer {
    socket: TcpStream,
    /// Its request, as far as it came.
    request: Vec<u8>,
    /// The frame that it is sent now, and how much of it was sent. None: its request is not whole yet, or it waits
    /// for a key frame.
    now: Option<(usize, usize)>,
    waits: bool,
}

/// What all viewers are sent.
struct Show {
    frames: Vec<Prepared>,
    /// The newest frame, counted without end; none yet.
    newest: Option<usize>,
    /// Frames that a viewer may be behind by. 0: it always gets the newest.
    late: usize,
    opening: &'static [u8],
}

/// Prints its port, and sends to whoever comes until it is killed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let shape = &arguments.shape;
    let mut show = Show {
        frames: wire::prepare(shape.route, &content::units(shape)?, shape.fps)?,
        newest: None,
        late: if shape.route.is_video() {
            (shape.fps * LATEST.as_secs_f64()) as usize
        } else {
            0
        },
        opening: wire::opening(shape.route),
    };
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    println!("{}", listener.local_addr()?.port());
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut viewers: Vec<Option<Viewer>> = Vec::new();
    let mut free = Vec::new();
    let interval = Duration::from_secs_f64(1.0 / shape.fps.max(0.001));
    let mut events = Events::with_capacity(1024);
    let mut next = Instant::now() + interval;
    loop {
        let now = Instant::now();
        if now >= next {
            // A floor that cannot keep up sends fewer frames, and still takes in who comes.
            next = (next + interval).max(now);
            show.newest = Some(show.newest.map_or(0, |newest| newest + 1));
            for (place, viewer) in viewers.iter_mut().enumerate() {
                serve(viewer, &show, place, &mut free);
            }
        }
        let idle = next.saturating_duration_since(Instant::now());
        wait(&mut poll, &mut events, idle)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut socket, _)) = listener.accept() {
                    // As the relay does.
                    socket.set_nodelay(true)?;
                    let place = free.pop().unwrap_or(viewers.len());
                    poll.registry().register(
                        &mut socket,
                        Token(place),
                        Interest::READABLE | Interest::WRITABLE,
                    )?;
                    let viewer = Viewer {
                        socket,
                        request: Vec::new(),
                        now: None,
                        waits: false,
                    };
                    if place == viewers.len() {
                        viewers.push(None);
                    }
                    viewers[place] = Some(viewer);
                }
                continue;
            }
            let place = event.token().0;
            let gone = match &mut viewers[place] {
                Some(viewer) if event.is_readable() => !viewer.listen(&show),
                _ => false,
            };
            if gone {
                viewers[place] = None;
                free.push(place);
            } else if event.is_writable() {
                // What did not fit is sent on; nobody is given a frame twice.
                serve(&mut viewers[place], &show, place, &mut free);
            }
        }
    }
}

fn serve(viewer: &mut Option<Viewer>, show: &Show, place: usize, free: &mut Vec<usize>) {
    if viewer.as_mut().is_some_and(|viewer| !viewer.send(show)) {
        *viewer = None;
        free.push(place);
    }
}

impl Viewer {
    /// Reads, and answers a request once it is whole. False once the viewer is gone.
    fn listen(&mut self, show: &Show) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return false,
                // What comes later is not for this server.
                Ok(_) if self.waits || self.now.is_some() => {}
                Ok(len) => {
                    self.request.extend(&buffer[..len]);
                    if self.request.ends_with(b"\r\n\r\n") {
                        self.request = Vec::new();
                        self.waits = true;
                        // A fresh connection has room for so little.
                        if !matches!(self.socket.write(show.opening), Ok(len) if len == show.opening.len())
                        {
                            return false;
                        }
                    } else if self.request.len() > MAX_REQUEST_BYTES {
                        return false;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Sends what there is for this viewer and fits. False once it is gone.
    fn send(&mut self, show: &Show) -> bool {
        let Some(newest) = show.newest else {
            return true;
        };
        if self.waits && show.is_key(newest) {
            self.waits = false;
            self.now = Some((newest, 0));
        }
        let Some((mut frame, mut sent)) = self.now else {
            return true;
        };
        while frame <= newest {
            let bytes = &show.frames[frame % show.frames.len()].bytes;
            if sent == bytes.len() {
                (frame, sent) = (show.after(frame), 0);
                continue;
            }
            match self.socket.write(&bytes[sent..]) {
                Ok(len) => sent += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.now = Some((frame, sent));
        true
    }
}

impl Show {
    fn is_key(&self, frame: usize) -> bool {
        self.frames[frame % self.frames.len()].key
    }

    /// What a viewer that got all of `frame` is sent next.
    fn after(&self, frame: usize) -> usize {
        let newest = self.newest.unwrap_or(frame);
        let next = frame + 1;
        if next + self.late >= newest {
            return next.max(newest.saturating_sub(self.late));
        }
        let key = (next..=newest).rev().find(|frame| self.is_key(*frame));
        key.unwrap_or(next)
    }
}
