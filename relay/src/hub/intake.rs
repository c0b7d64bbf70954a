//! Turns the messages of one stream into frames that may be shown. Pure: bytes and times in, frames
//! out.

use std::time::Duration;

use bytes::Bytes;
use sightline_media::{
    h264::{Parameters, annexb},
    jpeg::inspect,
};
use sightline_proto::{
    AUDIO, Codec, Frame, H264, H265, JPEG, Message as _, Token,
    accept::{Acceptance, FrameTime, Verdict},
    assemble::{Assembler, Progress},
};

use super::{
    backlog::{Backlog, Late},
    chain::{Chain, Link},
    frame::is_ordered,
    media::decode_time_us,
};
use crate::metrics::Drop;

/// After so long without a frame, what is late is learnt anew: a stream that is taken up again begins with frames
/// since its last key frame, which may be some seconds old.
const SILENCE: Duration = Duration::from_secs(3);

/// Puts frames together, looks whether they are whole, and judges them.
#[derive(Debug)]
pub(super) struct Intake {
    /// What the stream's frames must be, if its name says so.
    codec: Option<Codec>,
    assembler: Assembler,
    acceptance: Acceptance,
    chain: Chain,
    /// When the last frame came, accepted or not.
    heard_at: Duration,
    backlog: Backlog,
}

/// A frame that may be shown.
#[derive(Debug, PartialEq)]
pub(super) struct Accepted {
    pub(super) frame: Frame,
    /// By how much more than the best frame it was delayed.
    pub(super) lateness: Duration,
    /// What a key frame of H.264 says of itself.
    pub(super) parameters: Option<Parameters>,
}

/// What frames of `stream` must be, if its name says so.
pub(super) fn codec_of(stream: &Token) -> Option<Codec> {
    match stream.as_str() {
        JPEG => Some(Codec::Jpeg),
        H264 => Some(Codec::H264),
        H265 => Some(Codec::H265),
        AUDIO => Some(Codec::Aac),
        _ => None,
    }
}

impl Intake {
    pub(super) fn new(stream: &Token) -> Self {
        Self {
            codec: codec_of(stream),
            assembler: Assembler::default(),
            acceptance: Acceptance::default(),
            chain: Chain::default(),
            heard_at: Duration::ZERO,
            backlog: Backlog::default(),
        }
    }

    /// Whether pictures pile up on their way, if that was not told lately.
    pub(super) fn piles_up(&mut self, now: Duration) -> Option<Late> {
        self.backlog.take(now)
    }

    /// Takes in the next message, which came at `now`. Each loss is told to `dropped`.
    pub(super) fn take(
        &mut self,
        payload: Bytes,
        now: Duration,
        mut dropped: impl FnMut(Drop),
    ) -> Option<Accepted> {
        let Ok(part) = Frame::decode(payload) else {
            dropped(Drop::Malformed);
            return None;
        };
        let (progress, given_up) = self.assembler.push(part);
        if given_up {
            dropped(Drop::Incomplete);
        }
        match progress {
            Progress::Complete(frame) => match self.judge(frame, now) {
                Ok(accepted) => return Some(accepted),
                Err(reason) => dropped(reason),
            },
            Progress::Partial => {}
            Progress::Orphan => dropped(Drop::Orphan),
            _ => dropped(Drop::Malformed),
        }
        None
    }

    /// The last frame could not be used after all, or those before it are no longer held: what follows needs a key
    /// frame.
    pub(super) fn lose(&mut self) {
        self.chain.end();
    }

    /// Whether frames that can be decoded came before.
    pub(super) fn has_begun(&self) -> bool {
        self.chain.has_begun()
    }

    fn judge(&mut self, mut frame: Frame, now: Duration) -> Result<Accepted, Drop> {
        let codec = frame.codec();
        if codec == Codec::Unspecified || self.codec.is_some_and(|expected| expected != codec) {
            return Err(Drop::Malformed);
        }
        let heard_at = std::mem::replace(&mut self.heard_at, now);
        if is_ordered(codec) {
            let was_silent = now.saturating_sub(heard_at) > SILENCE;
            return self.judge_ordered(frame, was_silent, now);
        }
        self.chain.end();
        let info = inspect(&frame.data).map_err(|_| Drop::Corrupt)?;
        // What the picture says of its size is what viewers will see.
        (frame.width, frame.height) = (info.width, info.height);
        let time = time_of(&frame);
        let verdict = self.acceptance.judge(time, now);
        self.backlog.put(time, verdict, now);
        let lateness = shown(verdict)?;
        Ok(Accepted {
            frame,
            lateness,
            parameters: None,
        })
    }

    fn judge_ordered(
        &mut self,
        mut frame: Frame,
        was_silent: bool,
        now: Duration,
    ) -> Result<Accepted, Drop> {
        // Sound needs no other frames, whatever is said of it.
        frame.key |= frame.codec() == Codec::Aac;
        let link = self.chain.link(frame.epoch, frame.sequence, frame.key);
        if link == Link::Repeats {
            return Err(Drop::Repeated);
        }
        // A frame that is not shown must not be in the way of those that come after it and are older: a group that
        // is sent again.
        let mut acceptance = if was_silent {
            Acceptance::default()
        } else {
            self.acceptance.clone()
        };
        let lateness = match shown(acceptance.judge(time_of(&frame), now)) {
            Ok(_) if link == Link::NeedsKey => return Err(Drop::WaitingForKey),
            Ok(lateness) => lateness,
            Err(reason) => {
                self.acceptance = acceptance;
                return Err(reason);
            }
        };
        let parameters = inspect_unit(&frame)?;
        self.acceptance = acceptance;
        self.chain.put(frame.epoch, frame.sequence);
        Ok(Accepted {
            frame,
            lateness,
            parameters,
        })
    }
}

fn time_of(frame: &Frame) -> FrameTime {
    FrameTime {
        epoch: frame.epoch,
        sequence: frame.sequence,
        capture_us: decode_time_us(frame),
    }
}

/// How late a frame is that may be shown.
fn shown(verdict: Verdict) -> Result<Duration, Drop> {
    match verdict {
        Verdict::Accept { lateness } => Ok(lateness),
        Verdict::OldEpoch => Err(Drop::OldEpoch),
        Verdict::Stale { .. } => Err(Drop::Stale),
        _ => Err(Drop::Repeated),
    }
}

/// The parameters of a key frame of H.264. Video without a single NAL unit, and
/// a key frame without parameters, are corrupt.
fn inspect_unit(frame: &Frame) -> Result<Option<Parameters>, Drop> {
    match frame.codec() {
        Codec::H264 if frame.key => {
            let parameters = Parameters::from_access_unit(&frame.data);
            parameters.ok().flatten().map(Some).ok_or(Drop::Corrupt)
        }
        Codec::H264 | Codec::H265 if annexb::nals(&frame.data).next().is_none() => {
            Err(Drop::Corrupt)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
