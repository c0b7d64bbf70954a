//! Where one access unit ends and the next one starts. H.264, 7.4.1.2.

use super::{
    nal,
    slice::{Count, Slice, Structure},
};

/// Whether a NAL unit that holds no slice starts an access unit, once the one before it has its slices:
/// 7.4.1.2.3.
pub(crate) fn starts_unit(kind: u8) -> bool {
    matches!(
        kind,
        nal::AUD | nal::SPS | nal::PPS | nal::SEI | nal::PREFIX..=nal::RESERVED_18
    )
}

/// Whether `slice` belongs to another picture than `before`, the last slice of the stream: 7.4.1.2.4.
///
/// Beyond the standard, a slice that starts at the first macroblock starts a picture: some cameras number
/// their pictures wrongly, and none sends slices out of order.
pub(crate) fn starts_picture(before: &Slice, slice: &Slice) -> bool {
    slice.frame_num != before.frame_num
        || slice.pps_id != before.pps_id
        || slice.structure != before.structure
        || slice.reference != before.reference
        || slice.idr != before.idr
        || slice.idr_pic_id != before.idr_pic_id
        || slice.count != before.count
        || slice.first && !slice.redundant
}

/// Whether `slice` starts the second field of the frame whose first field is `first`: both stay in one
/// unit, for players show frames.
pub(crate) fn is_second_field(first: &Slice, slice: &Slice) -> bool {
    let opposite = matches!(
        (first.structure, slice.structure),
        (Structure::Top, Structure::Bottom) | (Structure::Bottom, Structure::Top)
    );
    opposite
        && slice.frame_num == first.frame_num
        && !slice.idr
        && first.count_kind() == slice.count_kind()
}

impl Slice {
    fn count_kind(&self) -> std::mem::Discriminant<Count> {
        std::mem::discriminant(&self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Slice = Slice {
        idr: false,
        reference: true,
        first: true,
        redundant: false,
        pps_id: 0,
        sps_id: 0,
        frame_num: 5,
        structure: Structure::Frame,
        idr_pic_id: None,
        count: Count::Lsb { lsb: 10, bottom: 0 },
        forgets: false,
    };

    #[test]
    fn a_further_slice_of_the_same_picture_starts_nothing() {
        let slice = Slice {
            first: false,
            ..BEFORE
        };
        assert!(!starts_picture(&BEFORE, &slice));
        let redundant = Slice {
            redundant: true,
            ..BEFORE
        };
        assert!(!starts_picture(&BEFORE, &redundant));
    }

    #[test]
    fn each_difference_that_the_standard_names_starts_a_picture() {
        let slice = Slice {
            first: false,
            ..BEFORE
        };
        let differences = [
            Slice {
                frame_num: 6,
                ..slice
            },
            Slice {
                structure: Structure::Top,
                ..slice
            },
            Slice {
                reference: false,
                ..slice
            },
            Slice { pps_id: 1, ..slice },
            Slice { idr: true, ..slice },
            Slice {
                idr_pic_id: Some(1),
                ..slice
            },
            Slice {
                count: Count::Lsb { lsb: 12, bottom: 0 },
                ..slice
            },
            Slice {
                count: Count::Lsb { lsb: 10, bottom: 1 },
                ..slice
            },
        ];
        for other in differences {
            assert!(starts_picture(&BEFORE, &other), "{other:?}");
        }
        assert!(starts_picture(&BEFORE, &BEFORE));
    }

    #[test]
    fn two_fields_of_a_frame_belong_together() {
        let top = Slice {
            structure: Structure::Top,
            ..BEFORE
        };
        let bottom = Slice {
            structure: Structure::Bottom,
            ..BEFORE
        };
        assert!(is_second_field(&top, &bottom));
        assert!(is_second_field(&bottom, &top));
        assert!(!is_second_field(&top, &top));
        assert!(!is_second_field(
            &top,
            &Slice {
                frame_num: 6,
                ..bottom
            }
        ));
        assert!(!is_second_field(&BEFORE, &bottom));
    }
}
