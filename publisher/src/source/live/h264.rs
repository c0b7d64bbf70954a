//! H.264 that comes live as bytes: access units with the times of their arrival.

use std::{collections::VecDeque, time::Duration};

use sightline_media::h264::{AccessUnit, Ordered, Reason, Reorder, Split, Splitter};

use crate::source::{
    Output,
    unit::{Format, Track, Unit, drop_reason},
};

/// A frame seems to have ended when nothing has followed it for so long. Writers write a frame in one go, or in
/// pieces of 32 or 64 KiB right after each other.
const QUIET: Duration = Duration::from_millis(10);

/// A stream whose frames take longer than this is not flushed: each frame waits for the next one.
const LONGEST_QUIET: Duration = Duration::from_millis(80);

/// Times that are remembered: a frame is shown at most so many frames after it came.
const SLOTS: usize = 128;

/// What bytes gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Given {
    /// A frame was handed on, or waits for its place.
    pub(in crate::source) any: bool,
    /// Something contradicted the format, and was counted.
    pub(in crate::source) damaged: bool,
    /// A frame could not be shown for want of those before it.
    waiting: bool,
}

impl Given {
    /// Nothing can be shown before the next key frame.
    pub(in crate::source) fn needs_key(self) -> bool {
        self.waiting || self.damaged
    }
}

/// Hands on the access units in a stream of bytes.
///
/// A frame is decoded when its first byte came, and shown at the same time, unless the stream says that it has
/// B-frames: then frames wait until their place on the screen is known, and are shown when the frame came that
/// has this place in the stream.
#[derive(Debug, Default)]
pub(in crate::source) struct Units {
    splitter: Splitter,
    /// For streams with B-frames: how many frames it looks ahead, and the slot of its first frame.
    reorder: Option<(u8, u64, Reorder<Waiting>)>,
    slots: Slots,
}

#[derive(Debug)]
struct Waiting {
    unit: AccessUnit,
    decode_time_us: i64,
}

impl Units {
    /// Takes the next bytes, which came at `stamp_us`, UTC.
    pub(in crate::source) fn push(
        &mut self,
        bytes: &[u8],
        stamp_us: i64,
        output: &Output,
    ) -> Given {
        let splits = self.splitter.push(bytes, stamp_us);
        self.hand_on(splits, output)
    }

    /// Takes the frame as ended, for nothing follows it for now.
    pub(in crate::source) fn flush(&mut self, output: &Output) -> Given {
        let splits = self.splitter.flush();
        self.hand_on(splits, output)
    }

    /// Takes the end of the stream.
    pub(in crate::source) fn finish(&mut self, output: &Output) -> Given {
        let splits = self.splitter.finish();
        let given = self.hand_on(splits, output);
        self.empty_reorder(output);
        given
    }

    /// Bytes are missing: nothing is handed on before the next key frame.
    pub(in crate::source) fn lose(&mut self, output: &Output) {
        self.empty_reorder(output);
        // What has come of a frame is dropped, and the splitter waits for a key frame.
        self.splitter.finish();
        output.lose(Track::Video);
    }

    fn hand_on(&mut self, splits: Vec<Split>, output: &Output) -> Given {
        let mut given = Given::default();
        for split in splits {
            match split {
                Split::Unit(unit) => {
                    given.any = true;
                    self.place(unit, output);
                }
                Split::Dropped { reason, bytes } => {
                    let Some(counted) = drop_reason(reason) else {
                        tracing::trace!(bytes, "left out what comes before the first frame");
                        continue;
                    };
                    output.count(counted);
                    if reason == Reason::WaitingForKey {
                        given.waiting = true;
                    } else {
                        given.damaged = true;
                        self.empty_reorder(output);
                        output.lose(Track::Video);
                    }
                }
            }
        }
        given
    }

    fn place(&mut self, unit: AccessUnit, output: &Output) {
        let declared = unit.parameters.reordering;
        let depth = if declared.declared {
            declared.max_frames
        } else {
            // The most that its level allows, which would delay every frame for nothing.
            0
        };
        if self.depth() != depth {
            self.empty_reorder(output);
            self.reorder = (depth > 0).then(|| (depth, self.slots.next, Reorder::new(depth)));
        }
        let decode_time_us = self.slots.add(unit.stamp);
        let order = unit.order;
        let waiting = Waiting {
            unit,
            decode_time_us,
        };
        let Some((_, first, reorder)) = &mut self.reorder else {
            put(waiting, decode_time_us, output);
            return;
        };
        for ordered in reorder.push(waiting, order) {
            put_ordered(ordered, *first, &self.slots, output);
        }
    }

    /// How many frames the current stream looks ahead.
    fn depth(&self) -> u8 {
        self.reorder.as_ref().map_or(0, |(depth, ..)| *depth)
    }

    fn empty_reorder(&mut self, output: &Output) {
        if let Some((_, first, reorder)) = &mut self.reorder {
            for ordered in reorder.finish() {
                put_ordered(ordered, *first, &self.slots, output);
            }
        }
    }
}

fn put_ordered(ordered: Ordered<Waiting>, first: u64, slots: &Slots, output: &Output) {
    let shown = slots.time(first + ordered.presentation_index);
    let capture_time_us = shown.max(ordered.unit.decode_time_us);
    put(ordered.unit, capture_time_us, output);
}

fn put(waiting: Waiting, capture_time_us: i64, output: &Output) {
    output.unit(Unit {
        capture_time_us,
        decode_time_us: waiting.decode_time_us,
        key: waiting.unit.key,
        data: waiting.unit.data,
        format: Format::H264(waiting.unit.parameters),
    });
}

/// When frames came, in the order of the stream.
#[derive(Debug, Default)]
struct Slots {
    /// The number of the next frame.
    next: u64,
    /// The last ones, microseconds UTC, each later than the one before.
    times: VecDeque<i64>,
}

impl Slots {
    /// Adds a frame, and gives its time: the next microsecond if the clock stood still or went back.
    fn add(&mut self, stamp_us: i64) -> i64 {
        let time = self
            .times
            .back()
            .map_or(stamp_us, |&last| stamp_us.max(last + 1));
        if self.times.len() == SLOTS {
            self.times.pop_front();
        }
        self.times.push_back(time);
        self.next += 1;
        time
    }

    /// When frame `number` came, or will come if the rate stays as it is.
    fn time(&self, number: u64) -> i64 {
        let first = self.next - self.times.len() as u64;
        let known = number
            .checked_sub(first)
            .and_then(|at| self.times.get(usize::try_from(at).ok()?));
        if let Some(&time) = known {
            return time;
        }
        let (Some(oldest), Some(newest)) = (self.times.front(), self.times.back()) else {
            return 0;
        };
        let interval = (newest - oldest) / (self.times.len() as i64 - 1).max(1);
        let ahead = number.saturating_sub(self.next - 1).min(SLOTS as u64);
        newest + interval * ahead as i64
    }
}

/// How long to wait before a frame is taken as ended. Doubled when that turns out to have been too soon.
#[derive(Debug)]
pub(super) struct Patience {
    quiet: Duration,
    /// Nothing has come since the frame was taken as ended.
    flushed: bool,
    /// What comes next may be the rest of it.
    suspected: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: QUIET,
            // Nothing has come that could be flushed.
            flushed: true,
            suspected: false,
        }
    }
}

impl Patience {
    pub(super) fn quiet(&self) -> Duration {
        if self.flushed || self.quiet > LONGEST_QUIET {
            Duration::MAX
        } else {
            self.quiet
        }
    }

    pub(super) fn flushed(&mut self) {
        self.flushed = true;
    }

    /// Bytes came, and were `damaged` or not.
    pub(super) fn bytes_came(&mut self, damaged: bool) {
        self.suspected |= self.flushed;
        self.flushed = false;
        if damaged && self.suspected {
            self.quiet *= 2;
        }
        if damaged {
            self.suspected = false;
        }
    }
}
