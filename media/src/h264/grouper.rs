//! Puts NAL units together to access units in the form they have on the wire.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{
    Error, MAX_UNIT_BYTES, Order, Parameters, annexb, boundary, nal,
    poc::Counter,
    recovery::is_recovery_point,
    sets::ParameterSets,
    slice::{Slice, Structure},
};

/// What a stream turned out to hold, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// A frame that can be carried.
    Unit(AccessUnit),
    /// What cannot, at most once per access unit.
    Dropped {
        /// Why.
        reason: Reason,
        /// How many bytes of NAL units.
        bytes: u64,
    },
}

/// Why a part of a stream was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// Bytes before the first start code: no H.264.
    Garbage,
    /// The access unit is larger than [`MAX_UNIT_BYTES`].
    TooLarge,
    /// A parameter set, or a slice header, contradicts the standard; or the first slice is missing.
    Damaged,
    /// SPS or PPS never came.
    NoParameters,
    /// It needs frames that were dropped or never came: nothing can be shown before the next key frame.
    WaitingForKey,
}

impl Reason {
    /// The reason as it stands in announcements.
    pub fn word(self) -> &'static str {
        match self {
            Self::Garbage => "garbage",
            Self::TooLarge => "too_large",
            Self::Damaged => "damaged",
            Self::NoParameters => "no_parameters",
            Self::WaitingForKey => "waiting_for_key",
        }
    }
}

/// One frame (both fields, if it has two) with all that is needed to carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Annex B with start codes of four bytes, SPS and PPS in front if `key`. Delimiters, filler and
    /// parameter sets that say nothing new are left out, and so are parts that browsers do not decode: extra
    /// layers and views, auxiliary pictures.
    pub data: Bytes,
    /// Decoding may start here: an IDR picture, or a recovery point. From a recovery point of a stream that
    /// refreshes its picture bit by bit, it takes some frames until the picture is whole. Frames that come
    /// after a recovery point and are shown before it need what came before: whoever starts there leaves
    /// them out.
    pub key: bool,
    /// Its place in the order of display.
    pub order: Order,
    /// In force since the last key frame.
    pub parameters: Arc<Parameters>,
    /// What came with the chunk that held its first byte.
    pub stamp: i64,
}

/// Puts NAL units together to access units.
///
/// Once something was lost or damaged, frames are dropped up to the next key frame: a viewer sees no smeared
/// picture. It holds at most one access unit of [`MAX_UNIT_BYTES`], and the parameter sets.
#[derive(Debug)]
pub struct Grouper {
    max_bytes: usize,
    sets: ParameterSets,
    counter: Counter,
    pending: Pending,
    /// In force since the last key frame; `None` while there was none since the last loss.
    parameters: Option<Arc<Parameters>>,
    /// The last ones that were in force, to share them again.
    last_parameters: Option<Arc<Parameters>>,
}

/// An access unit that has not ended.
#[derive(Debug, Default)]
struct Pending {
    /// Parameter sets that say something new, in Annex B form.
    changes: BytesMut,
    /// What else is carried, in Annex B form.
    data: BytesMut,
    /// All bytes that came for it.
    bytes: u64,
    stamp: i64,
    /// The last slice.
    slice: Option<Slice>,
    /// The slice that started the first picture, or the only one.
    first: Option<Slice>,
    order: Option<Order>,
    has_two_fields: bool,
    recovery_point: bool,
    fault: Option<Reason>,
    /// A slice came, readable or not.
    has_slices: bool,
}

impl Default for Grouper {
    fn default() -> Self {
        Self::with_limit(MAX_UNIT_BYTES)
    }
}

impl Grouper {
    /// Gives access units of at most `max_bytes`.
    pub(crate) fn with_limit(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            sets: ParameterSets::default(),
            counter: Counter::default(),
            pending: Pending::default(),
            parameters: None,
            last_parameters: None,
        }
    }

    /// Takes the next NAL unit, without start code, and gives the access unit before it if that ends here.
    ///
    /// Zeros that trail it are left out, and one that holds a start code is damaged: in Annex B form it would be two.
    pub fn push(&mut self, unit: &[u8], stamp: i64) -> Option<Split> {
        let unit = annexb::without_zeros(unit);
        if annexb::holds_start_code(unit) {
            self.pending.count(unit.len() as u64, stamp);
            self.pending.fault.get_or_insert(Reason::Damaged);
            return None;
        }
        if unit.is_empty() {
            return None;
        }
        self.push_head(unit, unit.len() as u64, stamp)
    }

    /// Like [`push`](Self::push), of a unit of `bytes` bytes whose head alone is there if it is too large to
    /// be carried.
    pub(crate) fn push_head(&mut self, unit: &[u8], bytes: u64, stamp: i64) -> Option<Split> {
        let kind = nal::kind(unit);
        let slice = matches!(kind, nal::SLICE | nal::IDR).then(|| Slice::parse(&self.sets, unit));
        let starts = match &slice {
            None => self.pending.has_slices && boundary::starts_unit(kind),
            Some(Ok(slice)) => self.pending.ends_before(slice),
            Some(Err(_)) => self.pending.has_slices && Slice::may_be_first(unit),
        };
        let ended = if starts { self.end() } else { None };
        self.pending.count(bytes, stamp);
        if let Err(reason) = self.take(kind, unit, bytes, slice) {
            self.pending.fault.get_or_insert(reason);
        }
        ended
    }

    /// Ends the access unit: to be called where the stream ends, or where a container or RTP says that an
    /// access unit does.
    pub fn end(&mut self) -> Option<Split> {
        if self.pending.bytes == 0 {
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        let bytes = pending.bytes;
        match self.finish(pending) {
            Ok(unit) => unit.map(Split::Unit),
            Err(reason) => {
                if reason != Reason::WaitingForKey {
                    self.lose();
                }
                Some(Split::Dropped { reason, bytes })
            }
        }
    }

    /// Whether only the first of a frame's two fields came so far.
    pub fn awaits_second_field(&self) -> bool {
        self.pending.first.is_some() && !self.pending.has_two_fields && self.pending.fault.is_none()
    }

    /// Says that something is missing in front of the next NAL unit: what came of the access unit is
    /// dropped, and nothing is given before the next key frame.
    pub fn lose(&mut self) {
        self.parameters = None;
        if self.pending.bytes > 0 {
            self.pending.fault.get_or_insert(Reason::Damaged);
        }
    }

    fn take(
        &mut self,
        kind: u8,
        unit: &[u8],
        bytes: u64,
        slice: Option<Result<Slice, Error>>,
    ) -> Result<(), Reason> {
        let pending = &mut self.pending;
        pending.has_slices |= matches!(kind, nal::SLICE..=nal::IDR);
        if nal::is_forbidden(unit) || matches!(kind, nal::PARTITION_A..=nal::PARTITION_C) {
            return Err(Reason::Damaged);
        }
        let carried = matches!(kind, nal::SPS | nal::PPS | nal::SEI | nal::SLICE | nal::IDR);
        if carried && pending.len() as u64 + annexb::written_len(bytes) > self.max_bytes as u64 {
            *pending = Pending {
                data: BytesMut::new(),
                changes: BytesMut::new(),
                ..std::mem::take(pending)
            };
            return Err(Reason::TooLarge);
        }
        match kind {
            nal::SPS | nal::PPS => {
                let new = if kind == nal::SPS {
                    self.sets.put_sps(unit)
                } else {
                    self.sets.put_pps(unit)
                };
                if new.map_err(|_| Reason::Damaged)? {
                    annexb::write(unit, &mut pending.changes);
                }
            }
            nal::SEI => {
                pending.recovery_point |= is_recovery_point(unit);
                annexb::write(unit, &mut pending.data);
            }
            // Delimiters, filler, and what browsers do not decode.
            _ => {}
        }
        let Some(slice) = slice else { return Ok(()) };
        let slice = slice.map_err(|error| match error {
            Error::Missing(_) => Reason::NoParameters,
            _ => Reason::Damaged,
        })?;
        annexb::write(unit, &mut pending.data);
        if pending
            .slice
            .is_none_or(|before| boundary::starts_picture(&before, &slice))
        {
            let sps = self.sets.sps(slice.sps_id).ok_or(Reason::NoParameters)?;
            pending.add_picture(&slice, self.counter.next(&slice, sps))?;
        }
        pending.slice = Some(slice);
        Ok(())
    }

    /// `None` if there is no picture in it.
    fn finish(&mut self, pending: Pending) -> Result<Option<AccessUnit>, Reason> {
        if let Some(reason) = pending.fault {
            return Err(reason);
        }
        let (Some(first), Some(order)) = (pending.first, pending.order) else {
            return Ok(None);
        };
        let key = first.idr || pending.recovery_point;
        if key {
            self.enter(first.pps_id).map_err(|_| Reason::NoParameters)?;
        }
        let parameters = self.parameters.clone().ok_or(Reason::WaitingForKey)?;
        let mut data = BytesMut::new();
        if key {
            parameters.write_annex_b(&mut data);
        } else {
            data = pending.changes;
        }
        if data.is_empty() {
            data = pending.data;
        } else {
            data.unsplit(pending.data);
        }
        if data.len() > self.max_bytes {
            return Err(Reason::TooLarge);
        }
        Ok(Some(AccessUnit {
            data: data.freeze(),
            key,
            order,
            parameters,
            stamp: pending.stamp,
        }))
    }

    /// Puts the parameters of a key frame in force.
    fn enter(&mut self, pps_id: u8) -> Result<(), Error> {
        let parameters = self.sets.parameters(pps_id)?;
        let shared = match self.last_parameters.take() {
            Some(last) if *last == parameters => last,
            _ => Arc::new(parameters),
        };
        self.last_parameters = Some(shared.clone());
        self.parameters = Some(shared);
        Ok(())
    }
}

impl Pending {
    fn count(&mut self, bytes: u64, stamp: i64) {
        if self.bytes == 0 {
            self.stamp = stamp;
        }
        self.bytes += bytes;
    }

    /// Bytes that are held.
    fn len(&self) -> usize {
        self.data.len() + self.changes.len()
    }

    /// Whether a slice belongs to the next access unit.
    fn ends_before(&self, slice: &Slice) -> bool {
        match (self.slice, self.first) {
            (Some(before), Some(first)) => {
                let second_field = !self.has_two_fields && boundary::is_second_field(&first, slice);
                boundary::starts_picture(&before, slice) && !second_field
            }
            // Nothing is known of the slices so far.
            _ => self.has_slices && slice.first,
        }
    }

    /// Takes the first slice of the picture, or of its second field.
    fn add_picture(&mut self, slice: &Slice, order: Order) -> Result<(), Reason> {
        match self.order {
            None => {
                self.order = Some(order);
                self.first = Some(*slice);
                self.has_two_fields = slice.structure == Structure::Frame;
            }
            Some(first) => {
                self.has_two_fields = true;
                self.order = Some(Order {
                    count: first.count.min(order.count),
                    restarts: first.restarts || order.restarts,
                });
            }
        }
        // The picture's head is missing.
        if slice.first {
            Ok(())
        } else {
            Err(Reason::Damaged)
        }
    }
}

#[cfg(test)]
#[path = "grouper_tests.rs"]
mod tests;
