//! What a file seems to be, by its first bytes.

/// How many bytes are enough to tell.
pub(super) const HEAD_BYTES: usize = 4096;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It starts with a JPEG.
    Jpegs,
    /// It has no bytes at all.
    Empty,
    /// It is something else, for people.
    Other(&'static str),
    /// It has to be searched.
    Unknown,
}

/// Tells from the first bytes of a file, [`HEAD_BYTES`] of them if it has so many.
pub(super) fn guess(head: &[u8]) -> Kind {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    let other = match head {
        [] => return Kind::Empty,
        [0xFF, 0xD8, 0xFF, ..] => return Kind::Jpegs,
        _ if at(4, b"ftypqt") => "a QuickTime file",
        _ if at(4, b"ftyphei") || at(4, b"ftypmif1") => "a HEIF picture",
        _ if at(4, b"ftyp") || at(4, b"moov") || at(4, b"mdat") => "an MP4 file",
        _ if at(0, b"RIFF") && at(8, b"AVI ") => "an AVI file",
        _ if at(0, b"RIFF") && at(8, b"WEBP") => "a WebP picture",
        _ if at(0, b"\x1A\x45\xDF\xA3") => "a Matroska or WebM file",
        _ if at(0, b"FLV") => "a Flash video",
        _ if at(0, b"OggS") => "an Ogg file",
        _ if at(0, b"\x89PNG") => "a PNG picture",
        _ if at(0, b"GIF8") => "a GIF picture",
        _ if at(0, b"YUV4MPEG2") => "raw YUV video",
        _ if at(0, b"G") && at(188, b"G") && at(376, b"G") => "an MPEG transport stream",
        _ if at(0, b"\0\0\x01\xBA") => "an MPEG program stream",
        _ => match annex_b(head) {
            Some(other) => other,
            None => return Kind::Unknown,
        },
    };
    Kind::Other(other)
}

/// A bare H.264 or H.265 stream, by the parameter sets that it starts with.
fn annex_b(head: &[u8]) -> Option<&'static str> {
    let unit = head
        .strip_prefix(b"\0\0\0\x01")
        .or_else(|| head.strip_prefix(b"\0\0\x01"))?;
    match unit {
        // Access unit delimiter or sequence parameter set: H.264, table 7-1.
        [first, ..] if matches!(first & 0x9F, 0x07 | 0x09) => Some("a bare H.264 stream"),
        // Video parameter set or access unit delimiter: H.265, table 7-1.
        [first, 0x01, ..] if matches!((first >> 1) & 0x3F, 32 | 35) => Some("a bare H.265 stream"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_files_are_recognised() {
        let mut transport = vec![0; 600];
        for packet in [0, 188, 376, 564] {
            transport[packet] = 0x47;
        }
        for (head, kind) in [
            (&b""[..], Kind::Empty),
            (&[0xFF, 0xD8, 0xFF, 0xE0], Kind::Jpegs),
            (b"\0\0\0\x20ftypisom", Kind::Other("an MP4 file")),
            (b"\0\0\0\x14ftypqt  ", Kind::Other("a QuickTime file")),
            (b"RIFF\0\0\0\0AVI LIST", Kind::Other("an AVI file")),
            (b"\x1A\x45\xDF\xA3", Kind::Other("a Matroska or WebM file")),
            (b"\0\0\0\x01\x67\x64", Kind::Other("a bare H.264 stream")),
            (b"\0\0\0\x01\x40\x01", Kind::Other("a bare H.265 stream")),
            (&transport, Kind::Other("an MPEG transport stream")),
            (b"--frame\r\nContent-Type: image/jpeg", Kind::Unknown),
            (b"hello", Kind::Unknown),
        ] {
            assert_eq!(guess(head), kind, "{head:?}");
        }
    }
}
