//! NAL units between start codes. H.264, annex B.

use bytes::BufMut;
use memchr::memmem;

/// The three bytes in front of each NAL unit; a fourth, 0, may precede them.
const START_CODE: &[u8] = &[0, 0, 1];

/// The NAL units of a buffer, in order, without start codes and without the zeros that may trail them.
///
/// Bytes before the first start code belong to no unit and are skipped; so are empty units. Nothing is
/// copied.
pub fn nals(buffer: &[u8]) -> Nals<'_> {
    let mut codes = memmem::find_iter(buffer, START_CODE);
    let start = codes.next().map(|code| code + START_CODE.len());
    Nals {
        buffer,
        codes,
        start,
    }
}

/// Writes a NAL unit behind a start code of four bytes.
pub fn write(nal: &[u8], out: &mut impl BufMut) {
    out.put_slice(&[0, 0, 0, 1]);
    out.put_slice(nal);
}

/// Bytes that [`write()`] takes for a unit of `len` bytes.
pub(crate) fn written_len(len: u64) -> u64 {
    START_CODE.len() as u64 + 1 + len
}

/// See [`nals`].
#[derive(Debug)]
pub struct Nals<'a> {
    buffer: &'a [u8],
    codes: memmem::FindIter<'a, 'static>,
    /// Where the next unit starts, if there is one.
    start: Option<usize>,
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let start = self.start?;
            let code = self.codes.next();
            self.start = code.map(|code| code + START_CODE.len());
            let nal = without_zeros(&self.buffer[start..code.unwrap_or(self.buffer.len())]);
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    }
}

/// Whether what should be one NAL unit would be read as two.
pub(crate) fn holds_start_code(nal: &[u8]) -> bool {
    memmem::find(nal, START_CODE).is_some()
}

/// A NAL unit never ends with a zero: 7.4.1. Those behind it are padding, or belong to the next start code.
pub(crate) fn without_zeros(nal: &[u8]) -> &[u8] {
    let len = nal
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    &nal[..len]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::h264::samples::any_nal;

    fn found(buffer: &[u8]) -> Vec<&[u8]> {
        nals(buffer).collect()
    }

    #[test]
    fn both_start_codes_and_padding_are_understood() {
        let buffer = [
            0, 0, 0, 1, 9, 16, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 0, 0, 1, 0x68, 3, 0, 0,
        ];
        assert_eq!(found(&buffer), [&[9, 16][..], &[0x67, 1, 2], &[0x68, 3]]);
    }

    #[test]
    fn empty_units_and_bytes_before_the_first_one_are_skipped() {
        assert_eq!(
            found(&[7, 7, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0x65, 1]),
            [[0x65, 1]]
        );
        assert!(found(&[0, 0, 1]).is_empty());
        assert!(found(&[1, 2, 3]).is_empty());
        assert!(found(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn what_was_written_is_found(units in prop::collection::vec(any_nal(60), 0..10)) {
            let mut buffer = Vec::new();
            for unit in &units {
                write(unit, &mut buffer);
            }
            prop_assert_eq!(found(&buffer), units.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(buffer.len() as u64, units.iter().map(|unit| written_len(unit.len() as u64)).sum::<u64>());
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(0u8..4, 0..200)) {
            for nal in nals(&bytes) {
                prop_assert!(!nal.is_empty() && nal.last() != Some(&0));
            }
        }
    }
}
