//! What a slice header says of the picture that the slice belongs to. H.264, 7.3.3.

use h264_reader::{
    nal::{
        NalHeader,
        slice::{
            DecRefPicMarking, Field, FieldPic, MemoryManagementControlOperation, PicOrderCountLsb,
            SliceHeader, SliceHeaderError,
        },
    },
    rbsp::BitRead as _,
};

use super::{Error, bits::Bits, nal, sets::ParameterSets};

/// No slice header is longer. The rest of the slice is not looked at.
pub(crate) const HEAD_BYTES: usize = 2 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) idr: bool,
    /// Whether other pictures need this one.
    pub(crate) reference: bool,
    /// The slice starts with the picture's first macroblock.
    pub(crate) first: bool,
    /// A second, coarser version of the picture, for decoders that lost the first.
    pub(crate) redundant: bool,
    pub(crate) pps_id: u8,
    pub(crate) sps_id: u8,
    pub(crate) frame_num: u16,
    pub(crate) structure: Structure,
    pub(crate) idr_pic_id: Option<u32>,
    pub(crate) count: Count,
    /// All pictures before this one are forgotten as at an IDR picture: memory management control
    /// operation 5.
    pub(crate) forgets: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    Frame,
    Top,
    Bottom,
}

/// What the slice says of its picture's place in the order of display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Type 0: the low bits of the count, and how much later the bottom field is.
    Lsb { lsb: u32, bottom: i32 },
    /// Type 1: differences from what is expected.
    Deltas([i32; 2]),
    /// Type 2: in the order of the stream.
    InOrder,
}

impl Slice {
    /// Reads the header of a NAL unit of type 1 or 5, of which only the head need be there.
    pub(crate) fn parse(sets: &ParameterSets, unit: &[u8]) -> Result<Self, Error> {
        let head = &unit[..unit.len().min(HEAD_BYTES)];
        let unreadable = |error: String| Error::Slice(error);
        let header = NalHeader::new(head.first().copied().unwrap_or(0x80))
            .map_err(|error| unreadable(format!("{error:?}")))?;
        let mut bits = Bits::of_nal(head);
        let (slice, _, pps) = SliceHeader::from_bits(sets.context(), &mut bits, header, None)
            .map_err(|error| match error {
                SliceHeaderError::UndefinedPicParamSetId(_) => Error::Missing("PPS"),
                SliceHeaderError::UndefinedSeqParamSetId(_) => Error::Missing("SPS"),
                error => unreadable(format!("{error:?}")),
            })?;
        let pps_id = pps.pic_parameter_set_id.id();
        if !sets.has_pps(pps_id) {
            return Err(Error::Missing("PPS"));
        }
        Ok(Self {
            idr: nal::kind(head) == nal::IDR,
            reference: nal::reference(head) != 0,
            first: slice.first_mb_in_slice == 0,
            redundant: slice.redundant_pic_cnt.is_some_and(|count| count > 0),
            pps_id,
            sps_id: pps.seq_parameter_set_id.id(),
            frame_num: slice.frame_num,
            structure: match slice.field_pic {
                FieldPic::Frame => Structure::Frame,
                FieldPic::Field(Field::Top) => Structure::Top,
                FieldPic::Field(Field::Bottom) => Structure::Bottom,
            },
            idr_pic_id: slice.idr_pic_id,
            count: match slice.pic_order_cnt_lsb {
                None => Count::InOrder,
                Some(PicOrderCountLsb::Frame(lsb)) => Count::Lsb { lsb, bottom: 0 },
                Some(PicOrderCountLsb::FieldsAbsolute {
                    pic_order_cnt_lsb,
                    delta_pic_order_cnt_bottom,
                }) => Count::Lsb {
                    lsb: pic_order_cnt_lsb,
                    bottom: delta_pic_order_cnt_bottom,
                },
                Some(PicOrderCountLsb::FieldsDelta(deltas)) => Count::Deltas(deltas),
            },
            forgets: slice
                .dec_ref_pic_marking
                .is_some_and(|marking| forgets(&marking)),
        })
    }

    /// Whether a slice whose header cannot be read may be the first of a picture.
    pub(crate) fn may_be_first(unit: &[u8]) -> bool {
        let head = &unit[..unit.len().min(HEAD_BYTES)];
        matches!(Bits::of_nal(head).read_ue("first_mb_in_slice"), Ok(0))
    }
}

fn forgets(marking: &DecRefPicMarking) -> bool {
    let DecRefPicMarking::Adaptive(operations) = marking else {
        return false;
    };
    operations.iter().any(|operation| {
        matches!(
            operation,
            MemoryManagementControlOperation::AllRefPicturesUnused
        )
    })
}
