//! The streams of a camera, and what is announced of each.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use sightline_proto::{AUDIO, CameraState, Codec, H264, H265, JPEG, SUB};

use super::{
    Sub,
    input::{Gives, Input, Video},
    meter::Meter,
    pace::Pace,
    shared::Shared,
};
use crate::{encode, metrics::OfStream, picture::Size};

/// One stream, offered or not.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: &'static str,
    meter: Mutex<Meter>,
    facts: Mutex<Facts>,
    pace: Mutex<Pace>,
    /// Somebody asked for a key frame.
    key_asked: AtomicBool,
    pub(super) work: Work,
    /// Nothing before the first frame.
    pub(super) counters: OnceLock<OfStream>,
}

/// What was encoded and decoded for one stream since the start.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) encoded: AtomicU64,
    pub(super) decoded: AtomicU64,
}

/// What frames told of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// Nothing before the first frame.
    pub(super) codec: Option<Codec>,
    pub(super) size: Option<Size>,
    /// RFC 6381; empty for JPEG and before the first frame.
    pub(super) codec_string: String,
    pub(super) codec_config: Bytes,
}

impl Stream {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            meter: Mutex::default(),
            facts: Mutex::default(),
            pace: Mutex::default(),
            key_asked: AtomicBool::new(false),
            work: Work::default(),
            counters: OnceLock::new(),
        }
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ask_key(&self) {
        self.key_asked.store(true, Ordering::Relaxed);
    }

    pub(super) fn key_is_asked(&self) -> bool {
        self.key_asked.load(Ordering::Relaxed)
    }

    /// Whether somebody asked for a key frame since the last call.
    pub(super) fn take_key_asked(&self) -> bool {
        self.key_asked.swap(false, Ordering::Relaxed)
    }
}

pub(super) fn count(work: &AtomicU64) {
    work.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    /// Takes down what a frame told, and has it announced if it is new.
    pub(super) fn tell(&self, stream: &Stream, facts: Facts) {
        let mut known = stream.facts();
        if *known != facts {
            *known = facts;
            drop(known);
            self.news.send_replace(());
        }
    }

    /// What a source gives tells of the streams that pass it through.
    pub(super) fn tell_given(&self, input: &Input, gives: &Gives) {
        let second = !std::ptr::eq(input, &self.main);
        let (name, facts) = match &gives.video {
            Video::Unknown | Video::Pictures => (JPEG, None),
            Video::H264(parameters) => (
                H264,
                Some(Facts {
                    codec: Some(Codec::H264),
                    size: Some(Size {
                        width: parameters.width,
                        height: parameters.height,
                    }),
                    codec_string: parameters.codec_string(),
                    ..Facts::default()
                }),
            ),
            Video::H265(facts) => (
                H265,
                Some(Facts {
                    codec: Some(Codec::H265),
                    size: Some(Size {
                        width: facts.width,
                        height: facts.height,
                    }),
                    codec_string: facts.codec_string.clone(),
                    ..Facts::default()
                }),
            ),
        };
        if let Some(facts) = facts {
            self.tell(self.stream(if second { SUB } else { name }), facts);
        }
        if let (false, Some(config)) = (second, &gives.audio) {
            let facts = Facts {
                codec: Some(Codec::Aac),
                size: None,
                codec_string: config.codec_string(),
                codec_config: config.bytes().clone(),
            };
            self.tell(self.stream(AUDIO), facts);
        }
    }

    /// The stream as announced.
    pub(super) fn announced(&self, stream: &Stream) -> sightline_proto::Stream {
        let input = self.input_of(stream.name);
        let live = input.status.borrow().state == CameraState::Live;
        let rates = stream.meter().rates().filter(|_| live);
        let (fps, bits_per_second) = rates.unwrap_or_else(|| (self.expected_fps(stream.name), 0));
        let facts = stream.facts().clone();
        let size = facts.size.or_else(|| self.expected_size(stream.name));
        sightline_proto::Stream {
            name: stream.name.into(),
            codec: facts
                .codec
                .unwrap_or_else(|| self.expected_codec(stream.name))
                .into(),
            width: size.map_or(0, |size| size.width),
            height: size.map_or(0, |size| size.height),
            fps,
            bits_per_second,
            codec_string: facts.codec_string,
            codec_config: facts.codec_config,
        }
    }

    fn expected_codec(&self, stream: &str) -> Codec {
        match stream {
            H264 => Codec::H264,
            H265 => Codec::H265,
            AUDIO => Codec::Aac,
            // Network cameras give H.264 by RTSP, and all else gives pictures, mostly.
            SUB if self
                .second
                .as_ref()
                .is_some_and(|input| input.from.scheme == "rtsp") =>
            {
                Codec::H264
            }
            _ => Codec::Jpeg,
        }
    }

    /// What the source says of itself, before there is a frame.
    fn expected_size(&self, stream: &str) -> Option<Size> {
        if stream == AUDIO {
            return None;
        }
        let hint = self.input_of(stream).from.source.hint();
        let size = Size {
            width: hint.width,
            height: hint.height,
        };
        let scaled = match (stream, &self.camera.offer.sub) {
            (SUB, Some(Sub::Scaled { max, .. })) => encode::fitting(size, *max),
            _ => None,
        };
        Some(scaled.unwrap_or(size)).filter(|size| size.width > 0 && size.height > 0)
    }

    /// What the source says of itself, or less if the rate is limited; 0 if nobody knows.
    fn expected_fps(&self, stream: &str) -> f32 {
        let hint = self.input_of(stream).from.source.hint().fps;
        let limit = match stream {
            AUDIO => return 0.0,
            _ => self.fps_limit(stream) as f32,
        };
        if limit > 0.0 && (hint > limit || hint <= 0.0) {
            limit
        } else {
            hint
        }
    }

    /// Frames a second of `stream` at most; 0 for no limit.
    pub(super) fn fps_limit(&self, stream: &str) -> f64 {
        let offer = &self.camera.offer;
        let given = matches!(
            self.input_of(stream).gives.borrow().video,
            Video::H264(_) | Video::H265(_)
        );
        let own = match (stream, &offer.sub) {
            (SUB, Some(Sub::Scaled { fps, .. })) => *fps,
            (JPEG, _) if given => offer.jpeg_fps,
            // What was compressed before it came cannot be thinned out.
            _ if given => return 0.0,
            _ => 0.0,
        };
        let max = self.settings().max_fps;
        match (own > 0.0, max > 0.0) {
            (true, true) => own.min(max),
            (true, false) => own,
            _ => max,
        }
    }
}
