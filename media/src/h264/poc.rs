//! The place of a picture in the order of display. H.264, 8.2.1.

use h264_reader::nal::sps::{PicOrderCntType, SeqParameterSet};

use super::slice::{Count, Slice, Structure};

/// Where a picture stands on the screen among the others of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Picture order count: pictures are shown in its order. Differences mean nothing.
    pub count: i64,
    /// Counting starts anew: everything that came before is shown before.
    pub restarts: bool,
}

/// What counting needs of the pictures before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    /// Type 0: count of the last reference picture, in two parts.
    msb: i64,
    lsb: i64,
    /// Types 1 and 2: of the last picture.
    frame_num: i64,
    frame_num_offset: i64,
}

impl Counter {
    /// Counts a picture: to be called once for each, in the order of the stream.
    pub(crate) fn next(&mut self, slice: &Slice, sps: &SeqParameterSet) -> Order {
        if slice.idr {
            *self = Self::default();
        }
        let fields = match (&sps.pic_order_cnt, slice.count) {
            (
                PicOrderCntType::TypeZero {
                    log2_max_pic_order_cnt_lsb_minus4,
                },
                Count::Lsb { lsb, bottom },
            ) => {
                let range = 1 << (i64::from(*log2_max_pic_order_cnt_lsb_minus4) + 4);
                self.type_zero(slice, lsb.into(), bottom.into(), range)
            }
            (kind, count) => self.by_frame_num(slice, kind, count, 1 << sps.log2_max_frame_num()),
        };
        let count = match slice.structure {
            Structure::Frame => fields[0].min(fields[1]),
            Structure::Top => fields[0],
            Structure::Bottom => fields[1],
        };
        if slice.forgets {
            // 8.2.1: counts from here on are relative to this picture.
            *self = Self {
                lsb: if slice.structure == Structure::Bottom {
                    0
                } else {
                    fields[0].wrapping_sub(count)
                },
                ..Self::default()
            };
        }
        Order {
            count: if slice.forgets { 0 } else { count },
            restarts: slice.idr || slice.forgets,
        }
    }

    /// 8.2.1.1
    fn type_zero(&mut self, slice: &Slice, lsb: i64, bottom: i64, range: i64) -> [i64; 2] {
        let msb = if lsb < self.lsb && self.lsb - lsb >= range / 2 {
            self.msb.wrapping_add(range)
        } else if lsb > self.lsb && lsb - self.lsb > range / 2 {
            self.msb.wrapping_sub(range)
        } else {
            self.msb
        };
        if slice.reference {
            (self.msb, self.lsb) = (msb, lsb);
        }
        let top = msb.wrapping_add(lsb);
        [top, top.wrapping_add(bottom)]
    }

    /// 8.2.1.2 and 8.2.1.3
    fn by_frame_num(
        &mut self,
        slice: &Slice,
        kind: &PicOrderCntType,
        count: Count,
        range: i64,
    ) -> [i64; 2] {
        let frame_num = i64::from(slice.frame_num);
        if self.frame_num > frame_num {
            self.frame_num_offset = self.frame_num_offset.wrapping_add(range);
        }
        self.frame_num = frame_num;
        let number = self.frame_num_offset.wrapping_add(frame_num);
        let PicOrderCntType::TypeOne {
            offset_for_non_ref_pic,
            offset_for_top_to_bottom_field,
            offsets_for_ref_frame: offsets,
            ..
        } = kind
        else {
            let count = number
                .wrapping_mul(2)
                .wrapping_sub(i64::from(!slice.reference));
            return [count, count];
        };
        let expected = expected(
            number,
            slice.reference,
            offsets,
            (*offset_for_non_ref_pic).into(),
        );
        let deltas = match count {
            Count::Deltas(deltas) => deltas.map(i64::from),
            Count::Lsb { .. } | Count::InOrder => [0, 0],
        };
        let top = expected.wrapping_add(deltas[0]);
        let bottom = top.wrapping_add((*offset_for_top_to_bottom_field).into());
        [top, bottom.wrapping_add(deltas[1])]
    }
}

/// The count that a picture of type 1 has if it says nothing else: equation 8-9.
fn expected(number: i64, reference: bool, offsets: &[i32], offset_for_non_ref: i64) -> i64 {
    let cycle = i64::try_from(offsets.len()).unwrap_or(0);
    let mut frames = if cycle == 0 { 0 } else { number };
    if !reference && frames > 0 {
        frames -= 1;
    }
    let mut expected = 0i64;
    if frames > 0 {
        let whole: i64 = offsets.iter().copied().map(i64::from).sum();
        let rest = usize::try_from((frames - 1) % cycle).unwrap_or(0);
        let part: i64 = offsets.iter().take(rest + 1).copied().map(i64::from).sum();
        expected = whole.wrapping_mul((frames - 1) / cycle).wrapping_add(part);
    }
    if reference {
        expected
    } else {
        expected.wrapping_add(offset_for_non_ref)
    }
}

#[cfg(test)]
#[path = "poc_tests.rs"]
mod tests;
