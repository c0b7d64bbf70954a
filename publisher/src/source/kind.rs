//! What bytes seem to be, by the first of them.

/// How many bytes are enough to tell.
pub(super) const HEAD_BYTES: usize = 4096;

/// What a file or a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It starts with a JPEG.
    Jpegs,
    /// Bare H.264: NAL units between start codes.
    H264,
    /// The same of H.265.
    H265,
    /// MP4 or QuickTime.
    Mp4,
    /// It has no bytes at all.
    Empty,
    /// It is something else, for people.
    Other(&'static str),
    /// It has to be searched.
    Unknown,
}

/// Tells from the first bytes, [`HEAD_BYTES`] of them if there are so many.
pub(super) fn guess(head: &[u8]) -> Kind {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    Kind::Other(match head {
        [] => return Kind::Empty,
        [0xFF, 0xD8, 0xFF, ..] => return Kind::Jpegs,
        _ if at(4, b"ftyphei") || at(4, b"ftypmif1") => "a HEIF picture",
        _ if at(4, b"ftypavif") => "an AVIF picture",
        _ if is_mp4(head) => return Kind::Mp4,
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
        _ => {
            let unit = head
                .strip_prefix(b"\0\0\0\x01")
                .or_else(|| head.strip_prefix(b"\0\0\x01"));
            return unit.and_then(nal).unwrap_or(Kind::Unknown);
        }
    })
}

/// Whether a box stands first that files start with.
fn is_mp4(head: &[u8]) -> bool {
    matches!(
        head.get(4..8),
        Some(b"ftyp" | b"moov" | b"mdat" | b"styp" | b"wide")
    )
}

/// What a stream is whose start code is followed by these bytes; `None` if that cannot be told.
pub(super) fn nal(unit: &[u8]) -> Option<Kind> {
    let &[first, second, ..] = unit else {
        return None;
    };
    // H.265, table 7-1, layer 0: parameter sets, delimiter, prefix SEI, and slices that a stream may start with.
    if second == 1 && matches!(first, 0x40 | 0x42 | 0x44 | 0x46 | 0x4E | 0x26 | 0x28 | 0x2A) {
        return Some(Kind::H265);
    }
    // H.264, table 7-1: what others need has a reference number, and what nothing needs has none.
    let (reference, kind) = (first >> 5, first & 0x1F);
    let known = match kind {
        5 | 7 | 8 => matches!(reference, 1..=3),
        6 | 9 => reference == 0,
        1 => reference < 4,
        _ => false,
    };
    known.then_some(Kind::H264)
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
            (b"\0\0\0\x20ftypisom", Kind::Mp4),
            (b"\0\0\0\x14ftypqt  ", Kind::Mp4),
            (b"\0\0\0\x18ftypheic", Kind::Other("a HEIF picture")),
            (b"RIFF\0\0\0\0AVI LIST", Kind::Other("an AVI file")),
            (b"\x1A\x45\xDF\xA3", Kind::Other("a Matroska or WebM file")),
            (b"\0\0\0\x01\x67\x64", Kind::H264),
            (b"\0\0\x01\x09\xF0", Kind::H264),
            (b"\0\0\0\x01\x06\x05", Kind::H264),
            (b"\0\0\0\x01\x40\x01", Kind::H265),
            (b"\0\0\0\x01\x46\x01", Kind::H265),
            (b"\0\0\x01\xB3\x16", Kind::Unknown),
            (b"\0\0\x01\xBA\x44", Kind::Other("an MPEG program stream")),
            (&transport, Kind::Other("an MPEG transport stream")),
            (b"--frame\r\nContent-Type: image/jpeg", Kind::Unknown),
            (b"hello", Kind::Unknown),
        ] {
            assert_eq!(guess(head), kind, "{head:?}");
        }
    }
}
