//! From what the library gives to pictures and units.

use std::sync::Arc;

use retina::{
    Timestamp,
    client::Demuxed,
    codec::{
        AudioFrame, CodecItem, ParametersRef, VideoFrame, VideoParameters, VideoParametersCodec,
    },
    rtcp::ReceivedCompoundPacket,
};
use sightline_media::{
    aac,
    h264::Reason,
    rtp::{Clock, DecodeTimes, Given, Stamp, Ticks, Video},
};

use super::tracks::Kind;
use crate::source::{
    DropReason, Output, passthrough,
    unit::{Format, H265, Track, Unit},
};

const VIDEO: usize = 0;
const AUDIO: usize = 1;

/// The tracks that are taken, by the library's numbers.
pub(super) struct Taken {
    pub(super) video: (usize, Kind),
    pub(super) audio: Option<(usize, Arc<aac::Config>)>,
}

/// Takes what the library gives, and hands it on.
pub(super) struct Media<'a> {
    taken: Taken,
    output: &'a Output,
    clock: Clock,
    video: Video,
    /// Of H.265.
    times: DecodeTimes,
    format: Option<Format>,
    has_sets: bool,
    has_pictures: bool,
}

impl<'a> Media<'a> {
    pub(super) fn new(taken: Taken, output: &'a Output) -> Self {
        Self {
            taken,
            output,
            clock: Clock::new(2),
            video: Video::default(),
            times: DecodeTimes::default(),
            format: None,
            has_sets: false,
            has_pictures: false,
        }
    }

    /// Whether a frame of video came already.
    pub(super) fn has_pictures(&self) -> bool {
        self.has_pictures
    }

    /// Takes what came at `arrival_us`. Says whether it was video.
    pub(super) fn take(&mut self, item: CodecItem, session: &Demuxed, arrival_us: i64) -> bool {
        match item {
            CodecItem::VideoFrame(frame) => {
                let parameters = match session.streams()[self.taken.video.0].parameters() {
                    Some(ParametersRef::Video(parameters)) => Some(parameters),
                    _ => None,
                };
                self.video(frame, parameters, arrival_us);
                self.has_pictures = true;
                return true;
            }
            CodecItem::AudioFrame(frame) => self.audio(&frame, arrival_us),
            CodecItem::Rtcp(report) => self.report(&report, arrival_us),
            _ => {}
        }
        false
    }

    fn video(&mut self, frame: VideoFrame, parameters: Option<&VideoParameters>, arrival_us: i64) {
        if frame.loss() > 0 {
            tracing::trace!(packets = frame.loss(), "lost");
            self.video.lose();
            self.output.lose(Track::Video);
        }
        let Stamp {
            capture_time_us,
            restarted,
        } = self
            .clock
            .stamp(VIDEO, ticks(frame.timestamp()), arrival_us);
        if restarted {
            self.video.restart();
            self.times.restart();
            self.output.lose(Track::Video);
        }
        match self.taken.video.1 {
            Kind::H264 => self.h264(&frame, parameters, capture_time_us),
            Kind::H265 => self.h265(frame, parameters, capture_time_us),
            Kind::Jpeg => {
                passthrough::put_copy(self.output, frame.data(), capture_time_us);
            }
            Kind::Aac => {}
        }
    }

    fn h264(
        &mut self,
        frame: &VideoFrame,
        parameters: Option<&VideoParameters>,
        capture_time_us: i64,
    ) {
        let sets = parameters
            .filter(|_| frame.has_new_parameters() || !self.has_sets)
            .and_then(|parameters| match parameters.codec_params() {
                VideoParametersCodec::H264 { sps, pps } => Some([&sps[..], &pps[..]]),
                _ => None,
            });
        self.has_sets |= sets.is_some();
        for given in self.video.push(sets, frame.data(), capture_time_us) {
            match given {
                Given::Frame(frame) => self.output.unit(Unit {
                    capture_time_us: frame.capture_time_us,
                    decode_time_us: frame.decode_time_us,
                    key: frame.key,
                    data: frame.data,
                    format: Format::H264(frame.parameters),
                }),
                Given::Dropped(reason) => {
                    self.output.count(match reason {
                        Reason::TooLarge => DropReason::TooLarge,
                        Reason::WaitingForKey => DropReason::WaitingForKey,
                        _ => DropReason::Damaged,
                    });
                    self.output.lose(Track::Video);
                }
            }
        }
    }

    fn h265(
        &mut self,
        frame: VideoFrame,
        parameters: Option<&VideoParameters>,
        capture_time_us: i64,
    ) {
        let key = frame.is_random_access_point();
        if let Some(parameters) = parameters.filter(|_| key) {
            let (width, height) = parameters.pixel_dimensions();
            let format = Arc::new(H265 {
                codec_string: parameters.rfc6381_codec().to_owned(),
                width,
                height,
            });
            if !matches!(&self.format, Some(Format::H265(old)) if *old == format) {
                self.format = Some(Format::H265(format));
            }
        }
        let Some(format) = self.format.clone() else {
            self.output.count(DropReason::WaitingForKey);
            return;
        };
        let times = self.times.next(capture_time_us);
        self.output.unit(Unit {
            capture_time_us: times.capture_time_us,
            decode_time_us: times.decode_time_us,
            key,
            data: frame.into_data().into(),
            format,
        });
    }

    fn audio(&mut self, frame: &AudioFrame, arrival_us: i64) {
        let Some((_, config)) = &self.taken.audio else {
            return;
        };
        let stamp = self
            .clock
            .stamp(AUDIO, ticks(frame.timestamp()), arrival_us);
        if frame.loss() > 0 || stamp.restarted {
            self.output.lose(Track::Audio);
        }
        self.output.unit(Unit {
            capture_time_us: stamp.capture_time_us,
            decode_time_us: stamp.capture_time_us,
            key: true,
            data: bytes::Bytes::copy_from_slice(frame.data()),
            format: Format::Aac(config.clone()),
        });
    }

    fn report(&mut self, report: &ReceivedCompoundPacket, arrival_us: i64) {
        let track = match &self.taken.audio {
            Some((i, _)) if *i == report.stream_id() => AUDIO,
            _ => VIDEO,
        };
        let sender = report
            .pkts()
            .next()
            .and_then(|packet| packet.as_sender_report().ok().flatten());
        if let (Some(sender), Some(time)) = (sender, report.rtp_timestamp()) {
            self.clock
                .report(track, ticks(time), sender.ntp_timestamp().0, arrival_us);
        }
    }
}

fn ticks(time: Timestamp) -> Ticks {
    Ticks {
        value: time.timestamp(),
        rate: time.clock_rate(),
    }
}
