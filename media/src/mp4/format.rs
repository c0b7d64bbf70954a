//! What a decoder must know of a track: sample entries.

use bytes::{Bytes, BytesMut};
use mp4_atom::{Esds, Hvcc};

use super::{
    Error,
    boxes::{child, children, decode},
};
use crate::{
    aac,
    h264::{annexb, avc},
};

/// Bytes of a visual sample entry in front of its boxes: ISO/IEC 14496-12, 12.1.3.
const VISUAL_BYTES: usize = 78;

/// The same of sound: 12.2.3. There are more in QuickTime's versions 1 and 2.
const SOUND_BYTES: usize = 28;

/// Where a sample entry of sound holds QuickTime's version.
const SOUND_VERSION_AT: usize = 8;

/// Where a visual sample entry holds width and height.
const SIZE_AT: usize = 24;

/// Descriptions of one track that are looked at. Real files have one, or some if their parameters change.
const MAX_FORMATS: usize = 64;

/// objectTypeIndication of AAC: ISO/IEC 14496-1, table 5. The later ones are those of MPEG-2.
const AAC_OBJECTS: [u8; 4] = [0x40, 0x66, 0x67, 0x68];

/// How the samples of a track are coded.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// NAL units behind lengths.
    H264(avc::Config),
    /// NAL units behind lengths.
    H265(H265),
    /// Raw access units.
    Aac(aac::Config),
}

/// What an `hvcC` box says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H265 {
    /// RFC 6381: `hvc1.1.6.L93.B0`.
    pub codec_string: String,
    /// Bytes of the lengths in front of NAL units: 1 to 4.
    pub length_bytes: u8,
    /// VPS, SPS and PPS in Annex B form; empty if the stream has them between its frames.
    pub sets: Bytes,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A description that is not understood: its four characters.
pub(super) type Unknown = String;

/// The descriptions of a track, from the body of its `stsd`.
pub(super) fn formats(stsd: &[u8]) -> Result<Vec<Result<Format, Unknown>>, Error> {
    // Version, flags and count.
    let entries = stsd
        .get(8..)
        .ok_or_else(|| Error::of_box("stsd", "it is cut short"))?;
    children(entries)
        .take(MAX_FORMATS)
        .map(|(kind, body)| format(kind, body))
        .collect()
}

fn format(kind: [u8; 4], body: &[u8]) -> Result<Result<Format, Unknown>, Error> {
    let visual = |name: &[u8; 4]| {
        body.get(VISUAL_BYTES..)
            .and_then(|boxes| child(boxes, name))
    };
    Ok(Ok(match &kind {
        b"avc1" | b"avc3" => {
            let record = visual(b"avcC").ok_or(Error::Missing("avcC"))?;
            Format::H264(avc::Config::parse(record).map_err(|error| Error::of_box("avcC", error))?)
        }
        b"hvc1" | b"hev1" => {
            let record = visual(b"hvcC").ok_or(Error::Missing("hvcC"))?;
            let side = |at: usize| {
                let bytes = body.get(at..).and_then(|rest| rest.first_chunk());
                bytes.map_or(0, |&bytes| u16::from_be_bytes(bytes).into())
            };
            Format::H265(h265(&decode(record)?, side(SIZE_AT), side(SIZE_AT + 2)))
        }
        b"mp4a" => {
            let esds: Esds = decode(esds(body).ok_or(Error::Missing("esds"))?)?;
            let config = esds.es_desc.dec_config;
            let Some(specific) = config
                .dec_specific
                .filter(|_| AAC_OBJECTS.contains(&config.object_type_indication))
            else {
                return Ok(Err("mp4a".into()));
            };
            match aac::Config::parse(&specific.raw) {
                Ok(config) => Format::Aac(config),
                Err(error) => return Ok(Err(format!("mp4a ({error})"))),
            }
        }
        _ => return Ok(Err(String::from_utf8_lossy(&kind).trim().to_owned())),
    }))
}

/// The description in a sound's entry, which QuickTime has in a box of its own. Whatever else there is, is not looked at:
/// a few bytes of some boxes stand for gigabytes.
fn esds(entry: &[u8]) -> Option<&[u8]> {
    let version = entry.get(SOUND_VERSION_AT..)?.first_chunk()?;
    let more = match u16::from_be_bytes(*version) {
        0 => 0,
        1 => 16,
        2 => 36,
        _ => return None,
    };
    let boxes = entry.get(SOUND_BYTES + more..)?;
    child(boxes, b"esds").or_else(|| child(child(boxes, b"wave")?, b"esds"))
}

fn h265(record: &Hvcc, width: u32, height: u32) -> H265 {
    let mut sets = BytesMut::new();
    for nal in record.arrays.iter().flat_map(|array| &array.nalus) {
        annexb::write(nal, &mut sets);
    }
    H265 {
        codec_string: codec_string(record),
        length_bytes: record.length_size_minus_one + 1,
        sets: sets.freeze(),
        width,
        height,
    }
}

/// ISO/IEC 14496-15, annex E.3.
fn codec_string(record: &Hvcc) -> String {
    let space = ["", "A", "B", "C"][usize::from(record.general_profile_space & 3)];
    let compatibility = u32::from_be_bytes(record.general_profile_compatibility_flags);
    let tier = if record.general_tier_flag { 'H' } else { 'L' };
    let constraints = record.general_constraint_indicator_flags;
    let last = constraints.iter().rposition(|&byte| byte != 0);
    let constraints: String = constraints[..last.map_or(0, |last| last + 1)]
        .iter()
        .map(|byte| format!(".{byte:X}"))
        .collect();
    format!(
        "hvc1.{space}{}.{:X}.{tier}{}{constraints}",
        record.general_profile_idc,
        compatibility.reverse_bits(),
        record.general_level_idc,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codec_string_of_h265_is_that_of_the_standard() {
        let main = Hvcc {
            general_profile_idc: 1,
            general_profile_compatibility_flags: [0x60, 0, 0, 0],
            general_constraint_indicator_flags: [0xB0, 0, 0, 0, 0, 0],
            general_level_idc: 93,
            ..Hvcc::new()
        };
        assert_eq!(codec_string(&main), "hvc1.1.6.L93.B0");
        let high = Hvcc {
            general_profile_space: 1,
            general_tier_flag: true,
            general_profile_idc: 4,
            general_constraint_indicator_flags: [0; 6],
            ..main
        };
        assert_eq!(codec_string(&high), "hvc1.A4.6.H93");
    }

    /// A box.
    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(8 + body.len()).unwrap().to_be_bytes();
        [&len, &kind[..], body].concat()
    }

    #[test]
    fn the_description_of_sound_is_found_in_every_version_of_its_entry() {
        let description = boxed(b"esds", b"E");
        for (version, more) in [(0, 0), (1, 16), (2, 36)] {
            let mut entry = vec![0; SOUND_BYTES + more];
            entry[SOUND_VERSION_AT + 1] = version;
            for boxes in [&description, &boxed(b"wave", &description)] {
                let entry = [&entry, &boxes[..]].concat();
                assert_eq!(esds(&entry), Some(&b"E"[..]), "version {version}");
            }
        }
        assert_eq!(esds(&[0; SOUND_BYTES]), None);
        assert_eq!(esds(&[1; 100]), None);
    }

    #[test]
    fn boxes_beside_the_description_of_sound_are_not_read() {
        // 4,294,967,295 entries of no length.
        let bomb = boxed(b"sgpd", b"\0\0\0\0roll\xFF\xFF\xFF\xFF");
        let entry = [&[0; SOUND_BYTES], &bomb[..]].concat();
        let stsd = [&[0; 8], &boxed(b"mp4a", &entry)[..]].concat();
        assert_eq!(formats(&stsd), Err(Error::Missing("esds")));
    }

    #[test]
    fn entries_that_are_not_understood_are_named() {
        let stsd = b"\0\0\0\0\0\0\0\x01\0\0\0\x08av01";
        assert_eq!(formats(stsd), Ok(vec![Err("av01".into())]));
        assert_eq!(
            formats(b"\0\0\0\0\0\0\0\x01\0\0\0\x08avc1"),
            Err(Error::Missing("avcC"))
        );
        assert!(formats(b"\0").is_err());
    }
}
