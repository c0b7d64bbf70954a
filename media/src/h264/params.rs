//! What SPS and PPS say of a stream.

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::nal::sps::{
    FrameMbsFlags, PicOrderCntType, ProfileIdc, SeqParameterSet, VuiParameters,
};

use super::{Error, annexb, nal, sets::ParameterSets};

/// The largest frame of any level, in macroblocks of 16x16 pixels: table A-1, level 6.2.
const MAX_MACROBLOCKS: u32 = 139_264;

/// The longest side of a frame of that size, in pixels: A.3.1, item f, square root of eight times as many.
const MAX_SIDE: u32 = 1_055 * 16;

/// 4:4:4: table 6-1.
const MAX_CHROMA_FORMAT: u8 = 3;

/// The most bits of a sample beyond 8: 7.4.2.1.1.
const MAX_MORE_BITS: u8 = 6;

/// The most frames that a decoder ever keeps: A.3.1, item h.
pub(crate) const MAX_DPB_FRAMES: u8 = 16;

/// One SPS with its PPSs, and what they say. Equal if the bytes are: a stream whose parameters are no
/// longer equal needs a new init segment.
#[derive(Clone, Debug)]
pub struct Parameters {
    sps: Bytes,
    pps: Vec<Bytes>,
    /// Pixels to be shown, after cropping; at least 1, at most 16 880.
    pub width: u32,
    /// Pixels to be shown, after cropping; at least 1, at most 16 880.
    pub height: u32,
    /// profile_idc: 66 Baseline, 77 Main, 100 High, ...
    pub profile: u8,
    /// The byte of constraint flags between profile and level.
    pub constraints: u8,
    /// level_idc: ten times the level.
    pub level: u8,
    /// chroma_format_idc: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits of a luma sample, 8 to 14.
    pub luma_bits: u8,
    /// Bits of a chroma sample, 8 to 14.
    pub chroma_bits: u8,
    /// Width and height of a pixel, if they differ.
    pub pixel_aspect: Option<(u16, u16)>,
    /// Frames a second, if the stream says. Many cameras say something else than they do.
    pub frame_rate: Option<Rate>,
    /// How far frames stand out of their order.
    pub reordering: Reordering,
    /// Pixels of a frame before cropping, in whole macroblocks: what a decoder keeps of it.
    pub coded_pixels: u64,
    /// max_num_ref_frames: decoded frames that others may refer to, all of which a decoder keeps.
    pub reference_frames: u32,
    /// What the samples mean.
    pub colour: Colour,
}

/// What samples of brightness and colour mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    /// Samples use 0 to 255, not 16 to 235 (brightness) and 16 to 240 (colour).
    pub full_range: bool,
    /// matrix_coefficients, table E-5, if the stream says: 1 BT.709, 5 and 6 BT.601, ...
    pub matrix: Option<u8>,
}

/// Frames a second as a fraction, both parts at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Frames.
    pub numerator: u32,
    /// Seconds.
    pub denominator: u32,
}

/// How many frames may come before a frame in the stream and after it on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reordering {
    /// 0 if frames are shown in the order of the stream; at most 16.
    pub max_frames: u8,
    /// Whether the stream says so. Otherwise this is the most that its profile and level allow, which is
    /// usually far more than it uses.
    pub declared: bool,
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.sps == other.sps && self.pps == other.pps
    }
}

impl Eq for Parameters {}

impl Parameters {
    /// From NAL units without start codes: one SPS, and PPSs that belong to it.
    pub fn new<'a>(sps: &[u8], pps: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut sets = ParameterSets::default();
        sets.put_sps(sps)?;
        for pps in pps {
            sets.put_pps(pps)?;
        }
        sets.first()
    }

    /// From an access unit in Annex B form: the first SPS in it, and the PPSs that belong to it. `None` if
    /// there is no SPS, as in most frames that are no key frames.
    pub fn from_access_unit(unit: &[u8]) -> Result<Option<Self>, Error> {
        let mut sets = ParameterSets::default();
        for unit in annexb::nals(unit) {
            match nal::kind(unit) {
                nal::SPS => drop(sets.put_sps(unit)?),
                nal::PPS => drop(sets.put_pps(unit)?),
                nal::SLICE | nal::IDR => break,
                _ => {}
            }
        }
        match sets.first() {
            Ok(parameters) => Ok(Some(parameters)),
            Err(Error::Missing("SPS")) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn of_sets(
        sps: Bytes,
        pps: Vec<Bytes>,
        parsed: &SeqParameterSet,
    ) -> Result<Self, Error> {
        let (width, height) = size(parsed)?;
        let vui = parsed.vui_parameters.as_ref();
        let aspect = vui.and_then(|vui| vui.aspect_ratio_info.as_ref()?.get());
        let chroma = &parsed.chroma_info;
        Ok(Self {
            width,
            height,
            profile: parsed.profile_idc.into(),
            constraints: parsed.constraint_flags.into(),
            level: parsed.level_idc,
            chroma_format: chroma_format(chroma.chroma_format.to_u32())?,
            luma_bits: bits(chroma.bit_depth_luma_minus8)?,
            chroma_bits: bits(chroma.bit_depth_chroma_minus8)?,
            pixel_aspect: aspect.filter(|(width, height)| width != height),
            frame_rate: vui.and_then(frame_rate),
            reordering: reordering(parsed),
            coded_pixels: coded_pixels(parsed),
            reference_frames: parsed.max_num_ref_frames,
            colour: vui.map(colour).unwrap_or_default(),
            sps,
            pps,
        })
    }

    /// The SPS, a NAL unit without start code.
    pub fn sps(&self) -> &Bytes {
        &self.sps
    }

    /// The PPSs, NAL units without start code.
    pub fn pps(&self) -> &[Bytes] {
        &self.pps
    }

    /// `avc1.PPCCLL`, profile, constraints and level in hexadecimal: RFC 6381, 3.3.
    pub fn codec_string(&self) -> String {
        format!(
            "avc1.{:02X}{:02X}{:02X}",
            self.profile, self.constraints, self.level
        )
    }

    /// SPS and PPSs in Annex B form, as they stand in front of a key frame.
    pub fn write_annex_b(&self, out: &mut impl BufMut) {
        annexb::write(&self.sps, out);
        for pps in &self.pps {
            annexb::write(pps, out);
        }
    }

    /// What [`write_annex_b`](Self::write_annex_b) writes.
    pub fn annex_b(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.write_annex_b(&mut out);
        out.freeze()
    }

    /// Whether the configuration record has the fields that say chroma format and bit depths.
    pub(crate) fn is_high_profile(&self) -> bool {
        ProfileIdc::from(self.profile).has_chroma_info()
    }
}

/// Refuses what is not defined.
fn chroma_format(idc: u32) -> Result<u8, Error> {
    match u8::try_from(idc) {
        Ok(idc) if idc <= MAX_CHROMA_FORMAT => Ok(idc),
        _ => Err(Error::Sps(format!("chroma format {idc}"))),
    }
}

/// Refuses what no profile has.
fn bits(beyond_8: u8) -> Result<u8, Error> {
    if beyond_8 <= MAX_MORE_BITS {
        Ok(8 + beyond_8)
    } else {
        Err(Error::Sps(format!(
            "samples of {beyond_8} bits more than 8"
        )))
    }
}

/// Pixels, after cropping. Refuses what no level allows, before anybody allocates for it.
pub(crate) fn size(sps: &SeqParameterSet) -> Result<(u32, u32), Error> {
    let (width, height) = sps
        .pixel_dimensions()
        .map_err(|error| Error::Sps(format!("{error:?}")))?;
    let fields = u32::from(matches!(sps.frame_mbs_flags, FrameMbsFlags::Fields { .. }));
    let macroblocks = u64::from(sps.pic_size_in_map_units()) << fields;
    if width == 0
        || height == 0
        || width > MAX_SIDE
        || height > MAX_SIDE
        || macroblocks > u64::from(MAX_MACROBLOCKS)
    {
        return Err(Error::Size { width, height });
    }
    Ok((width, height))
}

/// E.2.1: two ticks are a frame.
fn frame_rate(vui: &VuiParameters) -> Option<Rate> {
    let timing = vui.timing_info.as_ref()?;
    let rate = Rate {
        numerator: timing.time_scale,
        denominator: timing.num_units_in_tick.checked_mul(2)?,
    };
    // Some cameras say 0, or thousands.
    let possible = rate.denominator > 0
        && rate.numerator > 0
        && rate.numerator / 1_000 <= rate.denominator
        && rate.denominator / 1_000 <= rate.numerator;
    possible.then_some(rate)
}

/// E.2.1, video_full_range_flag and matrix_coefficients.
fn colour(vui: &VuiParameters) -> Colour {
    let signal = vui.video_signal_type.as_ref();
    let description = signal.and_then(|signal| signal.colour_description.as_ref());
    Colour {
        full_range: signal.is_some_and(|signal| signal.video_full_range_flag),
        // 2 is "unspecified".
        matrix: description
            .map(|description| description.matrix_coefficients)
            .filter(|&matrix| matrix != 2),
    }
}

/// Of 256 pixels to a macroblock; of fields there are two to a frame (7.4.2.1.1).
fn coded_pixels(sps: &SeqParameterSet) -> u64 {
    let fields = u64::from(matches!(sps.frame_mbs_flags, FrameMbsFlags::Fields { .. }));
    (u64::from(sps.pic_size_in_map_units()) * 256) << fields
}

/// E.2.1, max_num_reorder_frames, and what holds without it.
fn reordering(sps: &SeqParameterSet) -> Reordering {
    let vui = sps.vui_parameters.as_ref();
    if let Some(restrictions) = vui.and_then(|vui| vui.bitstream_restrictions.as_ref()) {
        return Reordering {
            max_frames: u8::try_from(restrictions.max_num_reorder_frames)
                .unwrap_or(MAX_DPB_FRAMES)
                .min(MAX_DPB_FRAMES),
            declared: true,
        };
    }
    let profile = u8::from(sps.profile_idc);
    // Baseline has no B-frames; order of type 2 is the order of the stream (8.2.1.3); with constraint flag 3
    // these profiles have intra frames only.
    let in_order = profile == 66
        || matches!(sps.pic_order_cnt, PicOrderCntType::TypeTwo)
        || (matches!(profile, 44 | 86 | 100 | 110 | 122 | 244) && sps.constraint_flags.flag3());
    if in_order {
        return Reordering {
            max_frames: 0,
            declared: true,
        };
    }
    let fields = u32::from(matches!(sps.frame_mbs_flags, FrameMbsFlags::Fields { .. }));
    let frame = sps.pic_size_in_map_units() << fields;
    let frames = sps
        .level()
        .limits()
        .map_or(u32::from(MAX_DPB_FRAMES), |limits| {
            limits.max_dpb_mbs / frame.max(1)
        });
    Reordering {
        max_frames: u8::try_from(frames)
            .unwrap_or(MAX_DPB_FRAMES)
            .min(MAX_DPB_FRAMES),
        declared: false,
    }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
