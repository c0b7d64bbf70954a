use h264_reader::nal::sps::SeqParameterSet;

use super::*;
use crate::h264::{samples::SPS, sets::ParameterSets};

const IDR: Slice = Slice {
    idr: true,
    reference: true,
    first: true,
    redundant: false,
    pps_id: 0,
    sps_id: 0,
    frame_num: 0,
    structure: Structure::Frame,
    idr_pic_id: Some(0),
    count: Count::Lsb { lsb: 0, bottom: 0 },
    forgets: false,
};

fn frame(lsb: u32, reference: bool) -> Slice {
    Slice {
        idr: false,
        reference,
        count: Count::Lsb { lsb, bottom: 0 },
        ..IDR
    }
}

fn sps(kind: PicOrderCntType) -> SeqParameterSet {
    let mut sets = ParameterSets::default();
    sets.put_sps(SPS).unwrap();
    let mut sps = sets.sps(0).unwrap().clone();
    sps.pic_order_cnt = kind;
    sps.log2_max_frame_num_minus4 = 0;
    sps
}

fn counts(kind: PicOrderCntType, slices: &[Slice]) -> Vec<i64> {
    let sps = sps(kind);
    let mut counter = Counter::default();
    slices
        .iter()
        .map(|slice| counter.next(slice, &sps).count)
        .collect()
}

#[test]
fn low_bits_are_carried_on_by_reference_frames() {
    let kind = PicOrderCntType::TypeZero {
        log2_max_pic_order_cnt_lsb_minus4: 0,
    };
    let slices = [
        IDR,
        frame(6, true),
        frame(2, false),
        frame(4, false),
        frame(12, true),
        frame(2, true),
        // Shown before the one before it, on the other side of the overflow.
        frame(14, false),
        frame(8, true),
        IDR,
        frame(14, false),
    ];
    assert_eq!(counts(kind, &slices), [0, 6, 2, 4, 12, 18, 14, 24, 0, -2]);
}

#[test]
fn the_earlier_field_counts() {
    let kind = PicOrderCntType::TypeZero {
        log2_max_pic_order_cnt_lsb_minus4: 4,
    };
    let bottom_first = Slice {
        count: Count::Lsb { lsb: 8, bottom: -1 },
        ..frame(8, true)
    };
    assert_eq!(counts(kind, &[IDR, bottom_first]), [0, 7]);
}

#[test]
fn without_counts_frames_are_shown_as_they_come() {
    let numbered = |frame_num, reference| Slice {
        frame_num,
        count: Count::InOrder,
        ..frame(0, reference)
    };
    let slices = [
        IDR,
        numbered(1, true),
        numbered(2, false),
        numbered(2, true),
        numbered(15, true),
        numbered(0, true),
    ];
    assert_eq!(
        counts(PicOrderCntType::TypeTwo, &slices),
        [0, 2, 3, 4, 30, 32]
    );
}

#[test]
fn counts_of_type_one_follow_the_cycle() {
    let kind = PicOrderCntType::TypeOne {
        delta_pic_order_always_zero_flag: false,
        offset_for_non_ref_pic: -2,
        offset_for_top_to_bottom_field: 1,
        offsets_for_ref_frame: vec![4, 2],
    };
    let numbered = |frame_num, reference, delta| Slice {
        frame_num,
        count: Count::Deltas([delta, 0]),
        ..frame(0, reference)
    };
    let slices = [
        Slice {
            count: Count::Deltas([0, 0]),
            ..IDR
        },
        numbered(1, true, 0),
        numbered(2, false, 0),
        numbered(2, true, 0),
        numbered(3, true, 1),
        numbered(4, false, 0),
    ];
    assert_eq!(counts(kind, &slices), [0, 4, 2, 6, 11, 8]);
}

#[test]
fn a_picture_that_forgets_all_others_restarts_the_count() {
    let sps = sps(PicOrderCntType::TypeZero {
        log2_max_pic_order_cnt_lsb_minus4: 0,
    });
    let mut counter = Counter::default();
    counter.next(&IDR, &sps);
    counter.next(&frame(8, true), &sps);
    let forgets = Slice {
        forgets: true,
        ..frame(12, true)
    };
    let order = counter.next(&forgets, &sps);
    assert_eq!(
        order,
        Order {
            count: 0,
            restarts: true
        }
    );
    assert_eq!(counter.next(&frame(4, true), &sps).count, 4);
}

#[test]
fn numbers_at_the_edge_are_survived() {
    let kind = PicOrderCntType::TypeOne {
        delta_pic_order_always_zero_flag: false,
        offset_for_non_ref_pic: i32::MIN,
        offset_for_top_to_bottom_field: i32::MIN,
        offsets_for_ref_frame: vec![i32::MAX; 255],
    };
    let sps = sps(kind);
    let mut counter = Counter::default();
    for frame_num in [u16::MAX, 0].repeat(1_000) {
        counter.next(
            &Slice {
                frame_num,
                count: Count::Deltas([i32::MAX, i32::MAX]),
                ..frame(0, false)
            },
            &sps,
        );
    }
}
