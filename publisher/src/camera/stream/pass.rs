//! Sends units as they came.

use std::time::Duration;

use sightline_proto::Codec;
use tokio::time::sleep;

use super::send::{Outgoing, Sender};
use crate::{
    picture::Size,
    source::{
        DropReason, Units,
        unit::{Format, Unit},
    },
};

/// A group that is larger is not sent to a relay that joins: it waits for the next key frame.
const MAX_AGAIN_BYTES: usize = 4 << 20;

/// Of units that need not be waited for, so many go in a row, and then the relays get a moment: they hold a bounded
/// number of messages, and would lose the rest of a long group.
const ROW_UNITS: u32 = 16;
const MOMENT: Duration = Duration::from_millis(1);

/// Passes on the units of one track. What depends on a unit that could not be sent is not sent.
#[derive(Debug, Default)]
pub(super) struct Pass {
    run: Option<Run>,
    row: Row,
}

/// Counts what goes in a row.
#[derive(Debug, Default)]
struct Row {
    units: u32,
}

impl Row {
    /// A unit was sent; `more` need not be waited for.
    async fn sent(&mut self, more: bool) {
        self.units = if more { self.units + 1 } else { 0 };
        if self.units >= ROW_UNITS {
            self.units = 0;
            sleep(MOMENT).await;
        }
    }
}

/// Units that follow each other, from a key frame on.
#[derive(Debug)]
struct Run {
    /// What makes a frame's number of a unit's. Wraps around.
    offset: u64,
    /// The number of the last unit that was looked at.
    last: u64,
    /// One of them could not be sent: nothing goes before the next key frame.
    broken: bool,
}

impl Pass {
    /// `units` has just given `unit`, and lost so many before it.
    pub(super) async fn unit(
        &mut self,
        sender: &mut Sender<'_>,
        unit: Unit,
        skipped: u64,
        units: &mut Units,
    ) {
        if self.run.is_none() && !unit.key {
            return;
        }
        if self.run.is_none() && behind_key_bytes(&unit, units) > MAX_AGAIN_BYTES {
            units.skip_to_next_key();
            return;
        }
        if !sender.wants() {
            self.run = None;
            return;
        }
        let number = units.number();
        let run = self.run.get_or_insert_with(|| Run {
            offset: sender.next_sequence().wrapping_sub(number),
            last: number,
            broken: false,
        });
        run.last = number;
        sender
            .input
            .output
            .count_many(DropReason::Congested, skipped);
        if run.broken && !unit.key {
            sender.input.output.count(DropReason::WaitingForKey);
            return;
        }
        // One frame is enough, if it can be decoded alone.
        if !unit.key && !sender.wants_flow() {
            run.broken = true;
            return;
        }
        let (key, sequence) = (unit.key, number.wrapping_add(run.offset));
        let sent = sender.is_connected() && sender.send_as(sequence, frame(unit)).await;
        run.broken = !sent;
        if sent && key {
            sender.served();
        }
        self.row.sent(units.has_more()).await;
    }

    /// Sends what was sent since the last key frame once more, under the same numbers. `units` starts anew if
    /// nothing was sent yet.
    pub(super) async fn joined(&mut self, sender: &mut Sender<'_>, units: &mut Units) {
        let mut again = sender.input.output.units(units.track());
        let Some(run) = &mut self.run else {
            *units = again;
            return;
        };
        let too_large = again
            .group_bytes()
            .is_none_or(|bytes| bytes > MAX_AGAIN_BYTES);
        if !sender.has_newcomer() || too_large {
            return;
        }
        while let Some((unit, _)) = again.at_hand() {
            let number = again.number();
            if number > run.last {
                break;
            }
            let (key, sequence) = (unit.key, number.wrapping_add(run.offset));
            if !(sender.is_connected() && sender.send_as(sequence, frame(unit)).await) {
                return;
            }
            if key {
                sender.served();
                if !sender.wants_flow() {
                    return;
                }
            }
            self.row.sent(true).await;
        }
        // What could not be sent before was sent now.
        run.broken = false;
    }

    /// The next unit that is sent is a key frame.
    pub(super) fn rest(&mut self) {
        self.run = None;
    }
}

/// What is held behind the key frame that was read from `units`.
fn behind_key_bytes(key: &Unit, units: &Units) -> usize {
    let group = units.group_bytes().unwrap_or_default();
    group.saturating_sub(key.data.len())
}

fn frame(unit: Unit) -> Outgoing {
    let (codec, size) = match &unit.format {
        Format::H264(parameters) => (
            Codec::H264,
            Some(Size {
                width: parameters.width,
                height: parameters.height,
            }),
        ),
        Format::H265(facts) => (
            Codec::H265,
            Some(Size {
                width: facts.width,
                height: facts.height,
            }),
        ),
        Format::Aac(_) => (Codec::Aac, None),
    };
    Outgoing {
        capture_time_us: unit.capture_time_us,
        decode_time_us: unit.decode_time_us,
        codec,
        key: unit.key,
        size,
        data: unit.data.into(),
    }
}
