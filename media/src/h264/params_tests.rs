use super::*;
use crate::h264::samples::{B_FRAMES, PPS, SPS};

/// From a camera's substream: 704x480 with pixels of 40:33, 10 frames a second, 4:2:0 High at level 2.2.
const ANAMORPHIC: &[u8] = &[
    0x67, 0x64, 0x00, 0x16, 0xAC, 0x1B, 0x1A, 0x80, 0xB0, 0x3D, 0xFF, 0xFF, 0x00, 0x28, 0x00, 0x21,
    0x6E, 0x0C, 0x0C, 0x0C, 0x80, 0x00, 0x01, 0xF4, 0x00, 0x00, 0x27, 0x10, 0x74, 0x30, 0x07, 0xD0,
    0x00, 0x07, 0xA1, 0x25, 0xDE, 0x5C, 0x68, 0x60, 0x0F, 0xA0, 0x00, 0x0F, 0x42, 0x4B, 0xBC, 0xB8,
    0x50,
];

fn parsed() -> Parameters {
    Parameters::new(SPS, [PPS]).unwrap()
}

#[test]
fn what_an_encoder_wrote_is_read() {
    let parameters = parsed();
    assert_eq!((parameters.width, parameters.height), (64, 48));
    assert_eq!(parameters.codec_string(), "avc1.64000A");
    assert_eq!(
        (
            parameters.chroma_format,
            parameters.luma_bits,
            parameters.chroma_bits
        ),
        (1, 8, 8)
    );
    assert_eq!(
        parameters.frame_rate,
        Some(Rate {
            numerator: 50,
            denominator: 2
        })
    );
    assert_eq!(
        parameters.reordering,
        Reordering {
            max_frames: 2,
            declared: true
        }
    );
    assert_eq!(parameters.pixel_aspect, None);
}

#[test]
fn a_cameras_oblong_pixels_are_noticed() {
    let mut sets = ParameterSets::default();
    assert!(sets.put_sps(ANAMORPHIC).unwrap());
    let sps = sets.sps(0).unwrap();
    let parameters = Parameters::of_sets(Bytes::new(), Vec::new(), sps).unwrap();
    assert_eq!(parameters.pixel_aspect, Some((40, 33)));
    assert_eq!((parameters.width, parameters.height), (704, 480));
}

#[test]
fn a_key_frame_brings_its_parameters_and_other_frames_bring_none() {
    assert_eq!(
        Parameters::from_access_unit(B_FRAMES).unwrap(),
        Some(parsed())
    );
    assert_eq!(
        Parameters::from_access_unit(&[0, 0, 1, 0x41, 1, 2, 3]).unwrap(),
        None
    );
    assert_eq!(
        Parameters::from_access_unit(&parsed().annex_b()).unwrap(),
        Some(parsed())
    );
}

#[test]
fn an_sps_without_pps_is_an_error() {
    assert_eq!(Parameters::new(SPS, []), Err(Error::Missing("PPS")));
}

#[test]
fn a_changed_byte_makes_other_parameters() {
    let mut pps = PPS.to_vec();
    // pic_init_qp
    pps[2] ^= 0x08;
    let other = Parameters::new(SPS, [&pps[..]]).unwrap();
    assert_ne!(other, parsed());
}

#[test]
fn a_level_that_is_too_low_for_the_size_is_forgiven_but_not_changed() {
    // 1080p at level 1.0, which allows 176x144.
    let sps = sps_of_size(120, 68);
    let parameters = Parameters::new(&sps, [&[0x68, 0xCE, 0x38, 0x80][..]]).unwrap();
    assert_eq!((parameters.width, parameters.height), (1_920, 1_088));
    assert_eq!(parameters.codec_string(), "avc1.42C00A");
}

#[test]
fn absurd_sizes_are_refused() {
    for (width, height) in [
        (1_056, 1),
        (1, 1_056),
        (1_000, 1_000),
        (60_000, 60_000),
        (u32::MAX - 2, 1),
    ] {
        let sps = sps_of_size(width, height);
        assert!(
            Parameters::new(&sps, []).is_err_and(|error| error != Error::Missing("PPS")),
            "{width}x{height}"
        );
    }
    assert_eq!(
        Parameters::new(&sps_of_size(1_055, 132), []),
        Err(Error::Missing("PPS"))
    );
}

#[test]
fn endless_parameter_sets_are_refused() {
    let mut sps = SPS.to_vec();
    sps.resize(100_000, 0xFF);
    assert!(matches!(Parameters::new(&sps, []), Err(Error::Sps(_))));
    let mut pps = PPS.to_vec();
    pps.resize(100_000, 0xFF);
    assert!(matches!(
        Parameters::new(SPS, [&pps[..]]),
        Err(Error::Pps(_))
    ));
}

#[test]
fn frame_rates_that_no_camera_has_are_ignored() {
    let vui = |time_scale, num_units_in_tick| VuiParameters {
        timing_info: Some(h264_reader::nal::sps::TimingInfo {
            time_scale,
            num_units_in_tick,
            fixed_frame_rate_flag: true,
        }),
        ..VuiParameters::default()
    };
    assert!(frame_rate(&vui(60_000, 1_001)).is_some());
    for (scale, units) in [
        (0, 1),
        (1, 0),
        (0, 0),
        (u32::MAX, 1),
        (1, u32::MAX),
        (1, 1 << 30),
    ] {
        assert_eq!(frame_rate(&vui(scale, units)), None, "{scale}/{units}");
    }
}

/// Baseline at level 1.0, so many macroblocks wide and high.
fn sps_of_size(width: u32, height: u32) -> Vec<u8> {
    use h264_reader::rbsp::{BitWrite as _, BitWriter, ByteWriter};
    let mut nal = vec![0x67];
    let mut bits = BitWriter::new(ByteWriter::new(&mut nal));
    for byte in [66u8, 0xC0, 10] {
        bits.write::<8, u8>(byte).unwrap();
    }
    // Number 0, frame_num of 4 bits, order of type 2, one reference frame, no gaps.
    for value in [0, 0, 2, 1] {
        bits.write_ue(value).unwrap();
    }
    bits.write_bit(false).unwrap();
    bits.write_ue(width - 1).unwrap();
    bits.write_ue(height - 1).unwrap();
    // Frames only, direct_8x8_inference, no cropping, no VUI.
    for bit in [true, true, false, false] {
        bits.write_bit(bit).unwrap();
    }
    bits.write_rbsp_trailing_bits().unwrap();
    nal
}
