//! What the loops of one camera share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize};

use sightline_proto::{AUDIO, CameraState, H264, H265, JPEG, SUB};
use tokio::{sync::watch, time::Instant};

use super::{
    Camera, Settings, Sub,
    demand::Demands,
    input::{Input, Status, Video},
    offer::Stream,
    rivals::Rivals,
};
use crate::{
    clock::now_us,
    cores::Cores,
    metrics::{Metrics, OfCamera, OfStream, Watched},
    source::{DropReason, Output},
};

/// This run of the program, as announced.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) version: &'static str,
    /// Random.
    pub(crate) instance: String,
    /// How many cameras it has.
    pub(crate) cameras: AtomicUsize,
    pub(crate) metrics: Metrics,
    /// Where all cameras encode.
    pub(crate) cores: Cores,
}

pub(super) struct Shared {
    pub(super) camera: Camera,
    pub(super) publisher: Arc<Publisher>,
    pub(super) epoch: u64,
    /// The camera's source.
    pub(super) main: Input,
    /// The second source, if the small stream has one of its own.
    pub(super) second: Option<Input>,
    /// All that there are names for, in the order in which they are announced.
    pub(super) streams: [Stream; 5],
    demands: Mutex<Demands>,
    /// Wakes the streams: a relay joined, a key frame was asked for, or the source gives something else.
    pub(super) asked: watch::Sender<()>,
    /// Wakes the announcer: something that is announced of a stream changed.
    pub(super) news: watch::Sender<()>,
    settings: Mutex<Settings>,
    pub(super) counters: OfCamera,
    pub(super) rivals: watch::Sender<Rivals>,
}

impl Shared {
    pub(super) fn new(camera: Camera, publisher: Arc<Publisher>) -> Self {
        let name = camera.name.clone();
        let output = || Output::new(publisher.cores.clone());
        let second = match &camera.offer.sub {
            Some(Sub::Source(from)) => {
                Some(Input::new(name.clone(), from.clone(), false, output()))
            }
            Some(Sub::Scaled { .. }) | None => None,
        };
        let main = Input::new(name.clone(), camera.from.clone(), camera.always, output());
        let status = main.status.subscribe();
        let watched = Watched {
            state: Box::new(move || status.borrow().state),
            outputs: [Some(&main), second.as_ref()]
                .into_iter()
                .flatten()
                .map(|input| input.output.clone())
                .collect(),
        };
        Self {
            epoch: now_us().unsigned_abs(),
            counters: publisher.metrics.camera(&name, watched),
            main,
            second,
            streams: [JPEG, H264, H265, AUDIO, SUB].map(Stream::new),
            demands: Mutex::default(),
            asked: watch::Sender::default(),
            news: watch::Sender::default(),
            settings: Mutex::new(camera.settings),
            rivals: watch::Sender::default(),
            camera,
            publisher,
        }
    }

    pub(super) fn demands(&self) -> MutexGuard<'_, Demands> {
        self.demands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of this name, one of those of `sightline_proto`.
    pub(super) fn stream(&self, name: &str) -> &Stream {
        let stream = self.streams.iter().find(|stream| stream.name == name);
        stream.expect("the name of a stream that there is")
    }

    /// What is counted of a stream that was worked on.
    pub(super) fn counters_of<'a>(&self, stream: &'a Stream) -> &'a OfStream {
        stream
            .counters
            .get_or_init(|| self.counters.stream(stream.name))
    }

    /// Where the frames of this stream come from.
    pub(super) fn input_of(&self, stream: &str) -> &Input {
        match &self.second {
            Some(second) if stream == SUB => second,
            _ => &self.main,
        }
    }

    /// The streams that may be demanded now.
    pub(super) fn offered(&self) -> impl Iterator<Item = &Stream> {
        self.streams
            .iter()
            .filter(|stream| self.offers(stream.name))
    }

    /// Whether this stream may be demanded: what the camera was seen to give decides, and the configuration.
    pub(super) fn offers(&self, stream: &str) -> bool {
        let offer = &self.camera.offer;
        if !offer.streams.is_empty() && !offer.streams.iter().any(|name| name == stream) {
            return false;
        }
        let gives = self.main.gives.borrow();
        // H.265 is carried; nothing can be made of it.
        let opaque = matches!(gives.video, Video::H265(_));
        match stream {
            JPEG | H264 => !opaque,
            H265 => opaque,
            AUDIO => gives.audio.is_some(),
            SUB => match &offer.sub {
                Some(Sub::Scaled { .. }) => !opaque,
                Some(Sub::Source(_)) => true,
                None => false,
            },
            _ => false,
        }
    }

    /// Whether this stream is sent even if nobody watches: of a camera that always sends, what its source gives,
    /// and pictures as JPEG.
    pub(super) fn always(&self, stream: &str) -> bool {
        if !self.camera.always || !self.offers(stream) {
            return false;
        }
        let given = match self.main.gives.borrow().video {
            Video::Unknown | Video::Pictures => JPEG,
            Video::H264(_) => H264,
            Video::H265(_) => H265,
        };
        match stream {
            AUDIO => true,
            SUB => false,
            // With another choice in the configuration, what was chosen.
            JPEG | H264 => stream == given || !self.offers(given),
            _ => stream == given,
        }
    }

    /// Whether frames of `stream` are to be sent now.
    pub(super) fn wants(&self, stream: &str, now: Instant) -> bool {
        self.always(stream) || self.demands().wants(stream, now)
    }

    /// How the camera is: as its source, or as its second one if only that is watched.
    pub(super) fn status(&self) -> Status {
        let main = self.main.status.borrow().clone();
        let Some(second) = &self.second else {
            return main;
        };
        let mut status = second.status.borrow().clone();
        if main.state == CameraState::Idle && status.state != CameraState::Idle {
            return status;
        }
        if status.reason.is_empty() {
            return main;
        }
        status.reason = match main.reason.as_str() {
            "" => format!("{SUB}: {}", status.reason),
            reason => format!("{reason}; {SUB}: {}", status.reason),
        };
        Status {
            state: main.state,
            reason: status.reason,
        }
    }

    /// What was not published since the start, by reason.
    pub(super) fn dropped(&self) -> Vec<(DropReason, u64)> {
        let mut all: Vec<_> = self.main.output.dropped().collect();
        for (reason, count) in self.second.iter().flat_map(|input| input.output.dropped()) {
            match all.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, sum)) => *sum += count,
                None => all.push((reason, count)),
            }
        }
        all
    }

    /// Frames a second that `input` gives or is expected to; 0 if nobody knows.
    pub(super) fn arriving_fps(&self, input: &Input) -> f32 {
        let measured = input.arrivals().rates().map(|(fps, _)| fps);
        measured.unwrap_or_else(|| input.from.source.hint().fps)
    }

    /// What was measured of the streams of `input` is over.
    pub(super) fn clear_meters(&self, input: &Input) {
        for stream in &self.streams {
            if std::ptr::eq(self.input_of(stream.name), input) {
                stream.meter().clear();
            }
        }
    }
}
