use mp4_atom::Atom as _;
use proptest::prelude::*;

use super::*;
use crate::h264::samples::{PPS, SPS, any_nal};

fn parameters() -> Parameters {
    Parameters::new(SPS, [PPS]).unwrap()
}

fn annex_b(nals: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for nal in nals {
        annexb::write(nal, &mut out);
    }
    out
}

#[test]
fn a_key_frame_keeps_slices_and_sei_only() {
    let unit = annex_b(&[
        vec![9, 0x10],
        SPS.to_vec(),
        PPS.to_vec(),
        vec![6, 5, 1, 0, 0x80],
        vec![12, 0xFF, 0x80],
        vec![0x65, 1, 2],
    ]);
    let sample = from_annex_b(&unit, true);
    assert_eq!(
        sample[..],
        [0, 0, 0, 5, 6, 5, 1, 0, 0x80, 0, 0, 0, 3, 0x65, 1, 2]
    );
}

#[test]
fn a_change_of_parameters_within_a_group_is_kept() {
    let unit = annex_b(&[PPS.to_vec(), vec![0x41, 1, 2]]);
    let sample = from_annex_b(&unit, false);
    assert_eq!(sample.len(), 4 + PPS.len() + 4 + 3);
}

#[test]
fn lengths_of_any_size_are_read_and_lies_are_told() {
    assert_eq!(
        to_annex_b(&[2, 0x65, 1, 1, 0x41], 1).unwrap()[..],
        [0, 0, 0, 1, 0x65, 1, 0, 0, 0, 1, 0x41]
    );
    assert_eq!(
        to_annex_b(&[0, 1, 0x65, 0, 0], 2).unwrap()[..],
        [0, 0, 0, 1, 0x65]
    );
    assert_eq!(
        to_annex_b(&[0, 0, 1, 0x65], 3).unwrap()[..],
        [0, 0, 0, 1, 0x65]
    );
    assert_eq!(
        to_annex_b(&[0, 0, 0, 9, 0x65], 4),
        Err(Error::Truncated { len: 9, left: 1 })
    );
    assert!(to_annex_b(&[0, 0, 0], 4).is_err());
    assert!(to_annex_b(&[0xFF; 30], 8).is_err());
    assert_eq!(to_annex_b(&[1, 2, 3], 0).unwrap().len(), 0);
}

#[test]
fn a_record_says_the_same_as_the_parameters_it_was_built_from() {
    let record = parameters().config_record().unwrap();
    let config = Config::parse(&record).unwrap();
    assert_eq!(config.length_bytes, 4);
    assert_eq!(config.parameters().unwrap(), Some(parameters()));
    // The fields of the high profiles: 4:2:0, 8 bits, no extensions.
    assert_eq!(record[record.len() - 4..], [0xFD, 0xF8, 0xF8, 0]);
    let decoded = mp4_atom::Avcc::decode_body(&mut &record[..]).unwrap();
    assert_eq!(decoded, parameters().avcc());
}

#[test]
fn a_record_may_lack_what_is_not_needed() {
    let record = parameters().config_record().unwrap();
    let without_extension = Config::parse(&record[..record.len() - 4]).unwrap();
    assert_eq!(without_extension.parameters().unwrap(), Some(parameters()));
    let without_sets = Config::parse(&[1, 100, 0, 10, 0xFF, 0xE0, 0]).unwrap();
    assert_eq!(without_sets.parameters().unwrap(), None);
}

#[test]
fn records_that_lie_are_refused() {
    let record = parameters().config_record().unwrap();
    let end_of_sets = record.len() - 4;
    for len in 0..end_of_sets {
        assert!(Config::parse(&record[..len]).is_err(), "{len}");
    }
    let mut version = record.to_vec();
    version[0] = 2;
    assert!(Config::parse(&version).is_err());
    // A set of no bytes at the very end.
    assert!(Config::parse(&[1, 100, 0, 10, 0xFF, 0xE1, 0, 0]).is_err());
    // A PPS where an SPS should be.
    assert!(Config::parse(&[1, 100, 0, 10, 0xFF, 0xE1, 0, 1, 0x68, 0]).is_err());
}

proptest! {
    #[test]
    fn annex_b_and_lengths_turn_into_each_other(
        units in prop::collection::vec(any_nal(60), 0..8),
        length_bytes in 2u8..=4,
    ) {
        let carried: Vec<_> = units
            .into_iter()
            .filter(|unit| !matches!(nal::kind(unit), 9..=12))
            .collect();
        let unit = annex_b(&carried);
        prop_assert_eq!(&to_annex_b(&from_annex_b(&unit, false), 4).unwrap()[..], &unit[..]);
        let mut sample = Vec::new();
        for nal in &carried {
            let len = (nal.len() as u32).to_be_bytes();
            sample.extend(&len[4 - usize::from(length_bytes)..]);
            sample.extend(nal);
        }
        prop_assert_eq!(&to_annex_b(&sample, length_bytes).unwrap()[..], &unit[..]);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..100), length_bytes: u8) {
        let _ = to_annex_b(&bytes, length_bytes);
        from_annex_b(&bytes, true);
        if let Ok(config) = Config::parse(&bytes) {
            let _ = config.parameters();
        }
    }

    #[test]
    fn a_damaged_record_is_survived(at in 0usize..40, byte: u8) {
        let mut record = parameters().config_record().unwrap().to_vec();
        let at = at % record.len();
        record[at] = byte;
        if let Ok(config) = Config::parse(&record) {
            let _ = config.parameters();
        }
    }
}

/// A configuration record could not state it.
#[test]
fn a_chroma_format_that_is_not_defined_is_refused() {
    let record = [
        0x01, 0x64, 0x00, 0x0A, 0xFF, 0xE1, 0x00, 0x18, 0x67, 0x64, 0x00, 0x0A, 0x8C, 0x22, 0x12,
        0xFD, 0xFF, 0xFF, 0xFE, 0x9B, 0xFF, 0x0A, 0xFF, 0xE1, 0x00, 0x03, 0x23, 0x20, 0xF1, 0x22,
        0x59, 0xA0, 0x01, 0x00, 0x06, 0x68, 0xE9, 0x18, 0x30, 0x22, 0x8B, 0x00, 0x00, 0xFB,
    ];
    let config = Config::parse(&record).unwrap();
    let error = config.parameters().unwrap_err();
    assert!(
        matches!(&error, Error::Sps(reason) if reason == "chroma format 11"),
        "{error}"
    );
}
