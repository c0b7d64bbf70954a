//! How long a frame takes from the camera's side of the bus to a viewer, through broker and relay.
//!
//! All processes share one clock. Each frame says when it was handed to the bus, and when the relay had all of it;
//! the viewer looks at the clock once it has read the last byte.

use std::{
    io::{BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Serialize;
use sightline_proto::{
    Form, H264, JPEG, Message as _, Subscribe, ToRelay, ToViewer, to_relay, to_viewer,
};

use crate::{
    fleet::Fleet,
    report,
    shape::{Shape, camera},
    source::now_us,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, default_value_t = 20)]
    cameras: usize,
    #[arg(long, default_value_t = 50_000)]
    frame_bytes: usize,
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Print the figures as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Write `<name>.json` too: a path without its ending.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Frames of the first seconds are not counted: connections find their speed.
const WARM_UP: Duration = Duration::from_secs(2);

/// Of one part of the way, in microseconds.
#[derive(Debug, Serialize)]
struct Hop {
    name: &'static str,
    frames: usize,
    p50: i64,
    p99: i64,
    p999: i64,
    most: i64,
}

/// Watches all cameras on one WebSocket.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let shape = Shape {
        cameras: arguments.cameras,
        frame_bytes: arguments.frame_bytes,
        fps: arguments.fps,
        ..Shape::of(crate::shape::Route::Websocket)
    };
    let fleet = Fleet::start(&shape, 1)?;
    let mut viewer = connect(fleet.relays[0].address, &shape)?;
    let (mut to_relay, mut to_viewer, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let start = Instant::now();
    let length = WARM_UP + Duration::from_secs_f64(arguments.seconds);
    while start.elapsed() < length {
        let Some(frame) = viewer.frame()? else {
            continue;
        };
        let now = now_us();
        if start.elapsed() >= WARM_UP {
            to_relay.push(frame.arrival_time_us - frame.capture_time_us);
            to_viewer.push(now - frame.arrival_time_us);
            whole.push(now - frame.capture_time_us);
        }
    }
    let expected = arguments.fps * arguments.cameras as f64 * arguments.seconds;
    let hops = [
        hop("publisher's send to relay", to_relay)?,
        hop("relay to viewer's read", to_viewer)?,
        hop("publisher's send to viewer's read", whole)?,
    ];
    let title = format!(
        "Latency: {} cameras x {} KB x {} fps, {:.0} frames sent, {} seen",
        arguments.cameras,
        arguments.frame_bytes as f64 / 1e3,
        arguments.fps,
        expected,
        hops[0].frames
    );
    let json = serde_json::json!({"title": title, "hops": hops}).to_string();
    if let Some(path) = &arguments.out {
        report::write(&path.with_extension("json"), &json)?;
    }
    if arguments.json {
        println!("{json}");
        return Ok(());
    }
    println!("{title}\n");
    println!("| hop | p50, ms | p99 | p99.9 | most |");
    println!("| --- | --- | --- | --- | --- |");
    for hop in &hops {
        let [p50, p99, p999, most] =
            [hop.p50, hop.p99, hop.p999, hop.most].map(|us| us as f64 / 1e3);
        println!(
            "| {} | {p50:.2} | {p99:.2} | {p999:.2} | {most:.2} |",
            hop.name
        );
    }
    println!();
    Ok(())
}

fn hop(name: &'static str, mut us: Vec<i64>) -> anyhow::Result<Hop> {
    us.sort_unstable();
    let at = |share: f64| us.get((us.len() as f64 * share) as usize).copied();
    Ok(Hop {
        name,
        frames: us.len(),
        p50: at(0.5).context("no frame was seen")?,
        p99: at(0.99).context("no frame was seen")?,
        p999: at(0.999).context("no frame was seen")?,
        most: us.last().copied().context("no frame was seen")?,
    })
}

/// A viewer that reads whole messages, as browsers do.
struct Viewer {
    socket: BufReader<TcpStream>,
    message: Vec<u8>,
}

fn connect(address: SocketAddr, shape: &Shape) -> anyhow::Result<Viewer> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    write!(
        socket,
        "GET /api/watch HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut socket = BufReader::new(socket);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    anyhow::ensure!(head.starts_with(b"HTTP/1.1 101"), "no WebSocket");
    let video = shape.route.is_video();
    for number in 0..shape.cameras {
        let subscribe = ToRelay {
            message: Some(to_relay::Message::Subscribe(Subscribe {
                camera: camera(number),
                stream: if video { H264 } else { JPEG }.into(),
                form: if video { Form::Fmp4 } else { Form::Frame }.into(),
                ..Subscribe::default()
            })),
        }
        .encode_to_vec();
        let message = [
            &[0x82, 0x80 | subscribe.len() as u8, 0, 0, 0, 0],
            &subscribe[..],
        ];
        socket.get_mut().write_all(&message.concat())?;
    }
    Ok(Viewer {
        socket,
        message: Vec::new(),
    })
}

impl Viewer {
    /// The next message, if it is a frame. Waits for it.
    fn frame(&mut self) -> anyhow::Result<Option<sightline_proto::WatchFrame>> {
        let mut head = [0; 2];
        self.socket.read_exact(&mut head)?;
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.socket.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            127 => {
                let mut len = [0; 8];
                self.socket.read_exact(&mut len)?;
                usize::try_from(u64::from_be_bytes(len))?
            }
            len => len.into(),
        };
        self.message.resize(len, 0);
        self.socket.read_exact(&mut self.message)?;
        match head[0] & 0x0F {
            2 => Ok(match ToViewer::decode(&self.message[..])?.message {
                Some(to_viewer::Message::Frame(frame)) => Some(frame),
                _ => None,
            }),
            9 => {
                let head = [0x8A, 0x80 | len as u8, 0, 0, 0, 0];
                let pong = [&head, &self.message[..]].concat();
                self.socket.get_mut().write_all(&pong)?;
                Ok(None)
            }
            8 => anyhow::bail!("the relay closed the connection"),
            _ => Ok(None),
        }
    }
}
