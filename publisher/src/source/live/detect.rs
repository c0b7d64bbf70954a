//! Finds out what a stream holds by what comes first: the start of a JPEG, or a start code.

use crate::source::kind::{self, Kind};

/// So many bytes tell a JPEG from a NAL unit: a start code and a header.
const SIGN_BYTES: usize = 5;

/// Looks for the first sign. What comes before it is dropped.
#[derive(Debug, Default)]
pub(super) struct Detector {
    /// The last bytes that came, in which a sign may have started.
    tail: Vec<u8>,
    begun: bool,
}

impl Detector {
    /// Takes the next bytes, and gives what the stream is and its bytes from there on.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<(Kind, Vec<u8>)> {
        let mut all = std::mem::take(&mut self.tail);
        all.extend_from_slice(bytes);
        // A container would show its start codes sooner or later.
        if !self.begun && all.len() >= SIGN_BYTES {
            self.begun = true;
            if let kind @ (Kind::Mp4 | Kind::Other(_)) = kind::guess(&all) {
                return Some((kind, all));
            }
        }
        for at in 0..all.len() {
            let found = match &all[at..] {
                [0xFF, 0xD8, 0xFF, ..] => Some(Kind::Jpegs),
                [0, 0, 1, unit @ ..] => kind::nal(unit),
                _ => None,
            };
            if let Some(kind) = found {
                return Some((kind, all.split_off(at)));
            }
        }
        let keep = if self.begun {
            SIGN_BYTES - 1
        } else {
            SIGN_BYTES
        };
        self.tail = all.split_off(all.len().saturating_sub(keep));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[0, 0, 0, 1, 0x67, 0x64, 0];
    const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 1, 0x67, 0x64];

    fn found(stream: &[u8], chunk_bytes: usize) -> Option<(Kind, Vec<u8>)> {
        let mut detector = Detector::default();
        let mut chunks = stream.chunks(chunk_bytes);
        let (kind, mut start) = chunks.find_map(|chunk| detector.push(chunk))?;
        start.extend(chunks.flatten());
        Some((kind, start))
    }

    #[test]
    fn what_comes_first_decides_however_it_is_cut() {
        for chunk_bytes in 1..20 {
            for (kind, sign, skipped) in [(Kind::H264, SPS, 1), (Kind::Jpegs, JPEG, 0)] {
                let stream = [b"--frame\r\n\r\n", sign].concat();
                let (found, start) = found(&stream, chunk_bytes).unwrap();
                assert_eq!(
                    (found, &start[..]),
                    (kind, &sign[skipped..]),
                    "{chunk_bytes}"
                );
            }
            assert_eq!(found(b"no picture in here\0\0\x01", chunk_bytes), None);
        }
    }

    #[test]
    fn containers_are_named() {
        let (kind, _) = found(b"\x1A\x45\xDF\xA3 matroska", 100).unwrap();
        assert_eq!(kind, Kind::Other("a Matroska or WebM file"));
        assert_eq!(found(b"\0\0\0\x20ftypisom", 100).unwrap().0, Kind::Mp4);
    }
}
