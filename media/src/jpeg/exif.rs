//! As much of Exif as is needed to drop a thumbnail and keep a picture upright. Exif 3.0, section 4.6.

/// What an Exif segment starts with.
const HEADER: &[u8] = b"Exif\0\0";
const TAG_ORIENTATION: u16 = 0x0112;
const TYPE_SHORT: u16 = 3;

/// What an Exif segment holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exif {
    /// 2 to 8: how the picture must be turned or mirrored. `None` if it is upright, or not said.
    pub(super) orientation: Option<u16>,
    /// A second directory follows the first: it describes a thumbnail.
    pub(super) thumbnail: bool,
}

/// Reads the payload of an APP1 segment. `None` if it is not Exif, nothing found if it is damaged.
pub(super) fn read(payload: &[u8]) -> Option<Exif> {
    let tiff = Tiff::new(payload.strip_prefix(HEADER)?);
    Some(tiff.and_then(|tiff| tiff.read()).unwrap_or_default())
}

/// The payload of an APP1 segment that says the orientation and nothing else.
pub(super) fn orientation_only(orientation: u16) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    out.extend(b"MM\0*\0\0\0\x08\0\x01");
    for word in [TAG_ORIENTATION, TYPE_SHORT, 0, 1, orientation, 0, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    out
}

struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self {
                bytes,
                little_endian: true,
            }),
            b"MM\0*" => Some(Self {
                bytes,
                little_endian: false,
            }),
            _ => None,
        }
    }

    fn read(&self) -> Option<Exif> {
        let directory = self.u32(4)?;
        let entries = usize::from(self.u16(directory)?);
        let first = directory.checked_add(2)?;
        let orientation = (0..entries).find_map(|index| {
            let entry = first.checked_add(12 * index)?;
            let wanted = self.u16(entry)? == TAG_ORIENTATION && self.u16(entry + 2)? == TYPE_SHORT;
            self.u16(entry + 8)
                .filter(|value| wanted && (2..=8).contains(value))
        });
        let next = self.u32(first.checked_add(12 * entries)?);
        Some(Exif {
            orientation,
            thumbnail: next.is_some_and(|next| next != 0),
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little_endian {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    }

    fn u32(&self, at: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let value = if self.little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        };
        usize::try_from(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jpeg::samples;

    #[test]
    fn orientation_and_thumbnail_are_found_in_both_byte_orders() {
        for little_endian in [true, false] {
            for (orientation, thumbnail) in [
                (None, None),
                (Some(6), None),
                (None, Some(&b"x"[..])),
                (Some(3), Some(b"x")),
            ] {
                let payload = samples::exif(little_endian, orientation, thumbnail);
                let expected = Exif {
                    orientation,
                    thumbnail: thumbnail.is_some(),
                };
                assert_eq!(read(&payload), Some(expected));
            }
        }
        assert_eq!(
            read(&samples::exif(true, Some(1), None))
                .unwrap()
                .orientation,
            None
        );
    }

    #[test]
    fn an_orientation_alone_reads_back() {
        let expected = Exif {
            orientation: Some(8),
            thumbnail: false,
        };
        assert_eq!(read(&orientation_only(8)), Some(expected));
    }

    #[test]
    fn other_segments_are_not_exif_and_damaged_ones_say_nothing() {
        assert_eq!(read(b"http://ns.adobe.com/xap/1.0/\0<x/>"), None);
        let payload = samples::exif(true, Some(6), None);
        assert_eq!(read(&payload[..12]), Some(Exif::default()));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for start in [&b"Exif\0\0II*\0"[..], b"Exif\0\0MM\0*"] {
                let _ = read(&[start, &bytes].concat());
            }
        }
    }
}
