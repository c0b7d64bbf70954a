//! Viewers that cost as little as possible: one thread for thousands of them, and bodies that the kernel throws
//! away instead of copying them.

mod parse;
mod viewer;

use std::{
    mem::MaybeUninit,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};

use crate::{
    process::wait,
    shape::{Route, Shape, camera},
};
use viewer::{Got, Request, Viewer};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Servers; viewers are spread over them evenly.
    #[arg(long, required = true)]
    address: Vec<SocketAddr>,
    #[command(flatten)]
    shape: Shape,
    #[arg(long)]
    seconds: f64,
    /// Asks for this instead of the relay's path.
    #[arg(long)]
    path: Option<String>,
}

/// What the viewers got while they were counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    /// Frames of all of them together, slow ones included.
    pub(crate) frames: u64,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
    /// Frames of the viewer that got fewest, of those that read and stayed; and how many these are.
    pub(crate) fewest: u64,
    pub(crate) steady: usize,
    /// Of these, the ones that got less than 99 of 100 frames.
    pub(crate) short: usize,
    /// Frames of these together.
    pub(crate) steady_frames: u64,
    /// Frames that the server said it left out for one of these.
    pub(crate) skipped: u64,
    /// Viewers that left and came back, and those whose connection the server closed.
    pub(crate) left: u64,
    pub(crate) closed: u64,
}

/// Viewers at a time that were not answered yet: more than a server's backlog would be tried again, later and later.
const MOST_COMING: usize = 100;

/// How long all viewers may take to come and get a first frame.
const START: Duration = Duration::from_secs(60);

/// How long they watch before they are counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// How often slow viewers read, viewers leave, and pictures are asked for.
const TICK: Duration = Duration::from_millis(10);

const SCRAP_BYTES: usize = 1 << 20;

/// Connects, watches, prints `counting`, counts for the time given, and prints the outcome as JSON.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut load = Load::new(arguments)?;
    load.gather()?;
    load.watch(WARM_UP)?;
    load.seats.iter_mut().for_each(Seat::forget);
    load.closed = 0;
    println!("counting");
    let seconds = load.watch(Duration::from_secs_f64(arguments.seconds))?;
    let outcome = load.outcome(seconds.as_secs_f64());
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

struct Load<'a> {
    arguments: &'a Arguments,
    poll: Poll,
    seats: Vec<Seat>,
    /// Those that are to be connected.
    empty: Vec<usize>,
    /// Those that were not answered yet.
    coming: usize,
    scrap: Vec<MaybeUninit<u8>>,
    /// When the next tick is, and what has been done of what is due by the second.
    tick_at: Instant,
    ticks: u64,
    to_leave: f64,
    next_to_leave: usize,
    closed: u64,
}

/// A viewer, and what it got.
#[derive(Default)]
struct Seat {
    viewer: Option<Viewer>,
    got: Got,
    left: u64,
    /// It asked for a picture that it did not get yet.
    asked: bool,
}

impl Seat {
    fn forget(&mut self) {
        self.got = Got::default();
        self.left = 0;
    }
}

impl<'a> Load<'a> {
    fn new(arguments: &'a Arguments) -> anyhow::Result<Self> {
        arguments.shape.check()?;
        let viewers = arguments.shape.viewers;
        Ok(Self {
            arguments,
            poll: Poll::new()?,
            seats: (0..viewers).map(|_| Seat::default()).collect(),
            empty: (0..viewers).rev().collect(),
            coming: 0,
            scrap: vec![MaybeUninit::uninit(); SCRAP_BYTES],
            tick_at: Instant::now(),
            ticks: 0,
            to_leave: 0.0,
            next_to_leave: 0,
            closed: 0,
        })
    }

    /// Waits until everybody is there and those who read have a frame.
    fn gather(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        let needs_frame = self.arguments.shape.fps > 0.0;
        let slow = self.arguments.shape.slow;
        loop {
            self.watch(TICK)?;
            let waiting = self.seats.iter().enumerate().filter(|(place, seat)| {
                let watches = seat.viewer.as_ref().is_some_and(Viewer::is_watching);
                !watches || (needs_frame && *place >= slow && seat.got.frames == 0)
            });
            let waiting = waiting.count();
            if waiting == 0 {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "{waiting} of {} viewers got nothing within {START:?}",
                self.seats.len()
            );
        }
    }

    /// Watches for so long, or a little longer; says how long.
    fn watch(&mut self, length: Duration) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            if now - start >= length {
                return Ok(now - start);
            }
            if now >= self.tick_at {
                self.tick_at = (self.tick_at + TICK).max(now);
                self.tick()?;
            }
            self.connect()?;
            wait(&mut self.poll, &mut events, TICK)?;
            for event in &events {
                let place = event.token().0;
                if event.is_writable() {
                    self.writable(place)?;
                }
                if event.is_readable() && !self.reads_slowly(place) {
                    self.read(place, u64::MAX)?;
                }
            }
        }
    }

    /// The first viewers are the slow ones. A viewer that is just coming reads its answer like any other.
    fn reads_slowly(&self, place: usize) -> bool {
        let watches = |seat: &Seat| seat.viewer.as_ref().is_some_and(Viewer::is_watching);
        place < self.arguments.shape.slow && watches(&self.seats[place])
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        while self.coming < MOST_COMING
            && let Some(place) = self.empty.pop()
        {
            let shape = &self.arguments.shape;
            let mut viewer = Viewer::connect(Request {
                address: self.arguments.address[place % self.arguments.address.len()],
                route: shape.route,
                camera: camera(place / self.arguments.address.len() % shape.cameras),
                path: self.arguments.path.clone(),
            })?;
            self.poll.registry().register(
                &mut viewer.socket,
                Token(place),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.seats[place].viewer = Some(viewer);
            self.coming += 1;
        }
        Ok(())
    }

    fn writable(&mut self, place: usize) -> anyhow::Result<()> {
        let seat = &mut self.seats[place];
        let Some(viewer) = &mut seat.viewer else {
            return Ok(());
        };
        if viewer.is_connecting() {
            viewer
                .writable()
                .with_context(|| format!("viewer {place}"))?;
            seat.asked = !viewer.is_connecting();
        }
        Ok(())
    }

    /// Reads up to `limit` bytes. A viewer whose connection is closed comes again; one that is refused is an error.
    fn read(&mut self, place: usize, limit: u64) -> anyhow::Result<()> {
        let seat = &mut self.seats[place];
        let Some(viewer) = &mut seat.viewer else {
            return Ok(());
        };
        let was_watching = viewer.is_watching();
        match viewer.read(limit, &mut self.scrap) {
            Ok(got) => {
                if viewer.is_watching() && !was_watching {
                    self.coming -= 1;
                }
                seat.got.frames += got.frames;
                seat.got.skipped += got.skipped;
                seat.got.bytes += got.bytes;
                seat.asked &= got.frames == 0;
                if got.closed {
                    self.closed += 1;
                    self.leave(place);
                }
                Ok(())
            }
            Err(_) if was_watching => {
                self.closed += 1;
                self.leave(place);
                Ok(())
            }
            Err(error) => Err(error).with_context(|| format!("viewer {place}")),
        }
    }

    fn leave(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        if let Some(viewer) = seat.viewer.take() {
            if !viewer.is_watching() {
                self.coming -= 1;
            }
            seat.left += 1;
            self.empty.push(place);
        }
    }

    fn tick(&mut self) -> anyhow::Result<()> {
        self.ticks += 1;
        let shape = &self.arguments.shape;
        let (slow, viewers) = (shape.slow, shape.viewers);
        let budget = shape.slow_bytes_per_second as f64 * TICK.as_secs_f64();
        self.to_leave += shape.churn * TICK.as_secs_f64();
        let polls = shape.route == Route::Poll;
        let every = (1.0 / (shape.fps.max(0.001) * TICK.as_secs_f64())).max(1.0);
        if budget >= 1.0 {
            for place in 0..slow {
                if self.reads_slowly(place) {
                    self.read(place, budget as u64)?;
                }
            }
        }
        while self.to_leave >= 1.0 {
            self.to_leave -= 1.0;
            // The last tenth of the viewers come and go in turn; the others stay.
            let churning = (viewers / 10).max(1);
            let place = viewers - 1 - self.next_to_leave % churning;
            self.next_to_leave += 1;
            if self.seats[place]
                .viewer
                .as_ref()
                .is_some_and(Viewer::is_watching)
            {
                self.leave(place);
            }
        }
        if polls {
            self.ask(every)?;
        }
        Ok(())
    }

    /// Everybody whose turn it is asks for a picture, unless the last one has not come: each one every so many
    /// ticks.
    fn ask(&mut self, every: f64) -> anyhow::Result<()> {
        for (place, seat) in self.seats.iter_mut().enumerate() {
            let turns = |ticks: u64| ((ticks as f64 + place as f64 * 0.618) / every) as u64;
            let is_due = turns(self.ticks) != turns(self.ticks - 1);
            if let Some(viewer) = &mut seat.viewer
                && is_due
                && !seat.asked
                && viewer.is_watching()
            {
                viewer.request()?;
                seat.asked = true;
            }
        }
        Ok(())
    }

    fn outcome(&self, seconds: f64) -> Outcome {
        let shape = &self.arguments.shape;
        let is_steady = |seat: &&Seat| seat.left == 0;
        let steady: Vec<&Seat> = self.seats[shape.slow..].iter().filter(is_steady).collect();
        let enough = shape.fps * seconds * 0.99 - 1.0;
        Outcome {
            seconds,
            frames: self.seats.iter().map(|seat| seat.got.frames).sum(),
            bytes: self.seats.iter().map(|seat| seat.got.bytes).sum(),
            fewest: steady.iter().map(|it| it.got.frames).min().unwrap_or(0),
            steady: steady.len(),
            short: steady
                .iter()
                .filter(|seat| (seat.got.frames as f64) < enough)
                .count(),
            steady_frames: steady.iter().map(|seat| seat.got.frames).sum(),
            skipped: steady.iter().map(|seat| seat.got.skipped).sum(),
            left: self.seats.iter().map(|seat| seat.left).sum(),
            closed: self.closed,
        }
    }
}
