//! Walks the segments of a picture up to its first scan.

use std::ops::Range;

use super::{Error, marker};

/// One segment: its marker, and where it lies in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Second byte of the marker.
    pub(super) marker: u8,
    /// From the marker's 0xFF to the end of the payload.
    pub(super) whole: Range<usize>,
    /// After the two bytes of length.
    pub(super) payload: Range<usize>,
}

/// The segments between SOI and the first scan, which is the last one given.
///
/// Ends after the first `SOS` or the first error.
pub(super) struct Segments<'a> {
    jpeg: &'a [u8],
    at: usize,
    done: bool,
}

impl<'a> Segments<'a> {
    /// Fails with [`Error::Corrupt`] if `jpeg` does not start like a picture.
    pub(super) fn new(jpeg: &'a [u8]) -> Result<Self, Error> {
        match jpeg {
            [0xFF, marker::SOI, ..] => Ok(Self {
                jpeg,
                at: 2,
                done: false,
            }),
            [] | [0xFF] => Err(Error::Truncated),
            _ => Err(Error::Corrupt("it does not start with the SOI marker")),
        }
    }

    fn step(&mut self) -> Result<Segment, Error> {
        let start = self.at;
        let mut at = start;
        let byte = |at: usize| self.jpeg.get(at).copied().ok_or(Error::Truncated);
        if byte(at)? != 0xFF {
            return Err(Error::Corrupt("bytes between segments"));
        }
        // Any number of 0xFF may stand before a marker: T.81, B.1.1.2.
        while byte(at)? == 0xFF {
            at += 1;
        }
        let marker = byte(at)?;
        at += 1;
        match marker {
            marker::TEM | marker::RST0..=marker::RST7 => {
                self.at = at;
                return Ok(Segment {
                    marker,
                    whole: start..at,
                    payload: at..at,
                });
            }
            0x00 | marker::SOI => return Err(Error::Corrupt("a marker that cannot stand there")),
            marker::EOI => return Err(Error::Corrupt("it ends before its first scan")),
            _ => {}
        }
        let len = usize::from(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
        if len < 2 {
            return Err(Error::Corrupt(
                "a segment shorter than its own length field",
            ));
        }
        if self.jpeg.len() - at < len {
            return Err(Error::Truncated);
        }
        self.at = at + len;
        Ok(Segment {
            marker,
            whole: start..self.at,
            payload: at + 2..self.at,
        })
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<Segment, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let segment = self.step();
        self.done = match &segment {
            Ok(segment) => segment.marker == marker::SOS,
            Err(_) => true,
        };
        Some(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(jpeg: &[u8]) -> Result<Vec<u8>, Error> {
        Segments::new(jpeg)?
            .map(|segment| segment.map(|s| s.marker))
            .collect()
    }

    #[test]
    fn the_walk_ends_with_the_first_scan() {
        let jpeg = [
            0xFF, 0xD8, 0xFF, 0xFE, 0, 3, 7, 0xFF, 0xFF, 0xDA, 0, 2, 1, 2, 3,
        ];
        assert_eq!(walk(&jpeg), Ok(vec![0xFE, 0xDA]));
    }

    #[test]
    fn what_cannot_be_a_picture_is_corrupt_and_what_stops_early_is_truncated() {
        assert!(matches!(walk(b"GIF89a"), Err(Error::Corrupt(_))));
        assert!(matches!(walk(&[0xFF, 0xD8, 0, 0]), Err(Error::Corrupt(_))));
        assert!(matches!(
            walk(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 1]),
            Err(Error::Corrupt(_))
        ));
        assert!(matches!(
            walk(&[0xFF, 0xD8, 0xFF, 0xD9]),
            Err(Error::Corrupt(_))
        ));
        assert_eq!(walk(&[]), Err(Error::Truncated));
        assert_eq!(walk(&[0xFF, 0xD8, 0xFF]), Err(Error::Truncated));
        assert_eq!(
            walk(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1]),
            Err(Error::Truncated)
        );
    }
}
