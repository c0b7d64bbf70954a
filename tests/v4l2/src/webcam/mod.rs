//! The webcam: plugged in by [`Webcam::plug_in`], pulled out when dropped.

mod control;
mod descriptors;
mod usbip;

use std::{
    collections::VecDeque,
    fs, io,
    net::Shutdown,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use self::descriptors::{INTERVALS, MAX_FRAME, SIZES};
use self::usbip::Request;
use crate::picture;

/// The kernel's virtual host controller: `port descriptor device speed` plugs a device in.
const ATTACH: &str = "/sys/devices/platform/vhci_hcd.0/attach";

/// After a device was pulled out the kernel takes a while until the port is free again.
const PORT_FREE_WITHIN: Duration = Duration::from_secs(20);

/// Requests of the kernel that wait for the device. When they are so many, the kernel waits.
const QUEUE_REQUESTS: usize = 64;

/// How it behaves from the next frame on. Frames are counted from 1 at plugging in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// It stays plugged in and sends nothing.
    pub silent: bool,
    /// Every so many frames one carries the error flag of its payload header; 0 for none.
    pub flag_every: u32,
    /// Every so many frames one ends half way, without a flag; 0 for none.
    pub cut_every: u32,
    /// Zeros behind each picture.
    pub padding: usize,
}

/// A webcam that is plugged in.
pub struct Webcam {
    shared: Arc<Mutex<Shared>>,
    line: UnixStream,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    behaviour: Behaviour,
    sent: u32,
}

impl Webcam {
    /// Plugs a webcam into the machine. The kernel takes a moment until it has made a device of it.
    ///
    /// Each picture has the next number, from 1, and is [`Webcam::picture`] of it.
    pub fn plug_in(behaviour: Behaviour) -> io::Result<Self> {
        let deadline = Instant::now() + PORT_FREE_WITHIN;
        let (line, theirs) = loop {
            let (ours, theirs) = UnixStream::pair()?;
            let theirs = OwnedFd::from(theirs);
            const HIGH_SPEED: u32 = 3;
            const DEVICE: u32 = (1 << 16) | 2;
            match fs::write(
                ATTACH,
                format!("0 {} {DEVICE} {HIGH_SPEED}", theirs.as_raw_fd()),
            ) {
                Ok(()) => break (ours, theirs),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        // The kernel has a reference of its own.
        drop(theirs);
        let shared = Arc::new(Mutex::new(Shared { behaviour, sent: 0 }));
        let (requests, incoming) = mpsc::sync_channel(QUEUE_REQUESTS);
        let mut from_kernel = line.try_clone()?;
        let reader = std::thread::spawn(move || {
            while let Ok(request) = usbip::read(&mut from_kernel) {
                if requests.send(request).is_err() {
                    return;
                }
            }
        });
        let device = Device::new(line.try_clone()?, Arc::clone(&shared));
        let server = std::thread::spawn(move || device.serve(&incoming));
        Ok(Self {
            shared,
            line,
            threads: vec![reader, server],
        })
    }

    /// Changes how it behaves.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.shared).behaviour = behaviour;
    }

    /// How many frames it sent, whole or not.
    pub fn sent(&self) -> u32 {
        lock(&self.shared).sent
    }

    /// The picture of that number, byte by byte as it is sent at the size of that index in [`SIZES`].
    pub fn picture(size_index: usize, number: u32) -> Vec<u8> {
        picture::numbered(&plain()[size_index], number)
    }
}

/// A picture for each of [`SIZES`], without number.
fn plain() -> &'static [Vec<u8>] {
    static PLAIN: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PLAIN.get_or_init(|| {
        let sizes = SIZES.iter();
        sizes
            .map(|&(width, height)| picture::plain(width, height))
            .collect()
    })
}

impl Drop for Webcam {
    /// Pulls the cable.
    fn drop(&mut self) {
        // Fails if the kernel was first to hang up.
        let _ = self.line.shutdown(Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The device's side of the cable.
struct Device {
    line: UnixStream,
    shared: Arc<Mutex<Shared>>,
    control: control::State,
    /// Transfers that wait for picture data: sequence and room in bytes.
    open: VecDeque<(u32, usize)>,
    /// The payload that is being sent, and how much of it is gone.
    payload: Option<(Vec<u8>, usize)>,
    next_frame: Instant,
}

impl Device {
    fn new(line: UnixStream, shared: Arc<Mutex<Shared>>) -> Self {
        Self {
            line,
            shared,
            control: control::State::new(),
            open: VecDeque::new(),
            payload: None,
            next_frame: Instant::now(),
        }
    }

    /// Until the cable is pulled.
    fn serve(mut self, requests: &mpsc::Receiver<Request>) {
        /// Looks so often whether it is to behave otherwise.
        const IDLE: Duration = Duration::from_millis(50);
        loop {
            let wait = self
                .next_frame
                .saturating_duration_since(Instant::now())
                .min(IDLE);
            let waits_for_frame = self.payload.is_none() && !self.open.is_empty();
            let done = match requests.recv_timeout(if waits_for_frame { wait } else { IDLE }) {
                Ok(request) => self.answer(request),
                Err(mpsc::RecvTimeoutError::Timeout) => Ok(()),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            };
            if done.and_then(|()| self.stream()).is_err() {
                return;
            }
        }
    }

    fn answer(&mut self, request: Request) -> io::Result<()> {
        match request {
            Request::Submit {
                sequence,
                endpoint: 0,
                input,
                len,
                setup,
                data,
            } => match self.control.request(setup, &data) {
                Ok(answer) if input => {
                    let len = u32::try_from(answer.len()).map_err(io::Error::other)?;
                    usbip::done(&mut self.line, sequence, len, &answer)
                }
                Ok(_) => usbip::done(&mut self.line, sequence, len, &[]),
                Err(control::Stall) => usbip::stall(&mut self.line, sequence),
            },
            Request::Submit { sequence, len, .. } => {
                self.open
                    .push_back((sequence, usize::try_from(len).map_err(io::Error::other)?));
                Ok(())
            }
            Request::Unlink { sequence, victim } => {
                let place = self.open.iter().position(|&(open, _)| open == victim);
                let was_open = place.and_then(|place| self.open.remove(place)).is_some();
                if self.open.is_empty() {
                    // The host stopped streaming.
                    self.payload = None;
                }
                usbip::unlinked(&mut self.line, sequence, was_open)
            }
        }
    }

    /// Sends what there is room for.
    fn stream(&mut self) -> io::Result<()> {
        if self.payload.is_none() && !self.open.is_empty() && Instant::now() >= self.next_frame {
            self.payload = self.next_payload().map(|payload| (payload, 0));
            let interval = Duration::from_nanos(u64::from(self.control.interval) * 100);
            self.next_frame = Instant::now() + interval;
        }
        while let (Some((payload, sent)), Some(&(sequence, room))) =
            (self.payload.as_mut(), self.open.front())
        {
            let len = room.min(payload.len() - *sent);
            let part = &payload[*sent..*sent + len];
            usbip::done(
                &mut self.line,
                sequence,
                u32::try_from(len).unwrap_or(u32::MAX),
                part,
            )?;
            *sent += len;
            self.open.pop_front();
            // A transfer that is not full ends the payload.
            if len < room {
                self.payload = None;
            }
        }
        Ok(())
    }

    /// The next frame behind its payload header.
    fn next_payload(&self) -> Option<Vec<u8>> {
        const END_OF_HEADER: u8 = 0x80;
        const ERROR: u8 = 0x40;
        const END_OF_FRAME: u8 = 0x02;
        let mut shared = lock(&self.shared);
        let Behaviour {
            silent,
            flag_every,
            cut_every,
            padding,
        } = shared.behaviour;
        if silent {
            return None;
        }
        shared.sent += 1;
        let number = shared.sent;
        let is_nth = |every: u32| every > 0 && number.is_multiple_of(every);
        let mut picture = Webcam::picture(self.control.size_index, number);
        if is_nth(cut_every) {
            picture.truncate(picture.len() / 2);
        }
        picture.resize(picture.len() + padding, 0);
        let error = if is_nth(flag_every) { ERROR } else { 0 };
        // The lowest bit tells frames apart.
        let frame = u8::from(!number.is_multiple_of(2));
        let flags = END_OF_HEADER | END_OF_FRAME | error | frame;
        Some([&[2, flags][..], &picture].concat())
    }
}
