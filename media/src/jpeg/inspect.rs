//! What a picture is, and whether it is whole.

use memchr::memchr;

use super::{marker, segments::Segments};

/// What the head of a picture says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Pixels, at least 1.
    pub width: u32,
    /// Pixels, at least 1.
    pub height: u32,
    /// 1 for grey, 3 for colour, 4 for print.
    pub components: u8,
    /// Sent in several passes, coarse to fine.
    pub progressive: bool,
    /// Its first scan holds all components. Other baseline pictures are legal and rare, and not every decoder
    /// takes them.
    pub interleaved: bool,
    /// Whether it brings the tables it was packed with. Many webcams leave them out: see
    /// [`with_huffman_tables`](super::with_huffman_tables).
    pub has_huffman_tables: bool,
    /// Bytes up to and with the EOI marker; what follows is padding.
    pub len: usize,
}

/// Why bytes are not a picture that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It starts like a JPEG and has no end: lost on the way, or cut by the camera.
    #[error("the JPEG has no end")]
    Truncated,
    /// It is not a JPEG, or one that no browser shows.
    #[error("not a JPEG: {0}")]
    Corrupt(&'static str),
}

/// Says what a picture is, or why it cannot be shown.
///
/// Zeros after the end are allowed, as USB cameras pad; so are other bytes, which some cameras leave
/// there. The packed pixels are not read, except when the end is not where it belongs: then they are
/// scanned once for it. Damage inside them goes unnoticed.
pub fn inspect(jpeg: &[u8]) -> Result<Info, Error> {
    let mut frame = None;
    let mut has_huffman_tables = false;
    for segment in Segments::new(jpeg)? {
        let segment = segment?;
        let payload = &jpeg[segment.payload.clone()];
        match segment.marker {
            marker::SOF0 | marker::SOF1 | marker::SOF2 => {
                let &[_precision, h1, h0, w1, w0, components, ..] = payload else {
                    return Err(Error::Corrupt("its frame header is too short"));
                };
                let height = u16::from_be_bytes([h1, h0]);
                let width = u16::from_be_bytes([w1, w0]);
                if width == 0 || height == 0 || components == 0 {
                    return Err(Error::Corrupt("its size is zero"));
                }
                frame = Some((width, height, components, segment.marker == marker::SOF2));
            }
            marker::DHT => has_huffman_tables = true,
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(Error::Corrupt(
                    "lossless, hierarchical or arithmetic coding",
                ));
            }
            marker::SOS => {
                let (width, height, components, progressive) =
                    frame.ok_or(Error::Corrupt("a scan without a frame header"))?;
                return Ok(Info {
                    width: width.into(),
                    height: height.into(),
                    components,
                    progressive,
                    interleaved: payload.first() == Some(&components),
                    has_huffman_tables,
                    len: end(jpeg, segment.whole.end).ok_or(Error::Truncated)?,
                });
            }
            _ => {}
        }
    }
    Err(Error::Truncated)
}

/// Where the picture ends whose first scan starts at `scan`.
fn end(jpeg: &[u8], scan: usize) -> Option<usize> {
    let padded = &jpeg[scan..];
    let trimmed = padded
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    if padded[..trimmed].ends_with(&[0xFF, marker::EOI]) {
        return Some(scan + trimmed);
    }
    // Packed pixels never hold 0xFF followed by this byte: T.81, B.1.1.5. Tables between scans are
    // stepped over.
    let mut at = scan;
    loop {
        at += memchr(0xFF, &jpeg[at..])?;
        match *jpeg.get(at + 1)? {
            marker::EOI => return Some(at + 2),
            marker::SOI => return None,
            0xFF => at += 1,
            0x00 | marker::TEM | marker::RST0..=marker::RST7 => at += 2,
            _ => {
                let len = u16::from_be_bytes([*jpeg.get(at + 2)?, *jpeg.get(at + 3)?]);
                at += 2 + usize::from(len);
                if at > jpeg.len() {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jpeg::samples;

    #[test]
    fn the_size_of_a_real_picture_is_read() {
        let jpeg = samples::colour(64, 48);
        let info = inspect(&jpeg).unwrap();
        assert_eq!((info.width, info.height, info.components), (64, 48, 3));
        assert!(info.has_huffman_tables && !info.progressive);
        assert_eq!(info.len, jpeg.len());
        assert!(inspect(&samples::progressive(64, 48)).unwrap().progressive);
        assert_eq!(inspect(&samples::grey(8, 8)).unwrap().components, 1);
    }

    #[test]
    fn padding_after_the_end_is_allowed_and_not_counted() {
        for jpeg in [samples::colour(64, 48), samples::progressive(64, 48)] {
            for padding in [&[0; 1000][..], b"\r\n", b"\0\0junk", &[0xFF, 0xFF]] {
                let padded = [&jpeg[..], padding].concat();
                assert_eq!(inspect(&padded).map(|info| info.len), Ok(jpeg.len()));
            }
        }
    }

    #[test]
    fn every_cut_of_a_picture_is_truncated() {
        for jpeg in [samples::colour(32, 32), samples::progressive(32, 32)] {
            for cut in 0..jpeg.len() {
                assert_eq!(inspect(&jpeg[..cut]), Err(Error::Truncated), "cut at {cut}");
            }
            let mut padded = jpeg[..jpeg.len() - 40].to_vec();
            padded.resize(jpeg.len() + 5000, 0);
            assert_eq!(inspect(&padded), Err(Error::Truncated));
        }
    }

    #[test]
    fn a_cut_picture_does_not_end_where_the_next_one_does() {
        let jpeg = samples::colour(32, 32);
        let two = [&jpeg[..jpeg.len() - 40], &jpeg[..], b"x"].concat();
        assert_eq!(inspect(&two), Err(Error::Truncated));
    }

    #[test]
    fn what_is_no_picture_is_corrupt() {
        for bytes in [
            &b"<html>"[..],
            b"\x89PNG\r\n",
            &[0; 100],
            &[0xFF, 0xD8, 0, 0],
        ] {
            assert!(
                matches!(inspect(bytes), Err(Error::Corrupt(_))),
                "{bytes:?}"
            );
        }
        let mut arithmetic = samples::colour(8, 8).to_vec();
        let sof = memchr::memmem::find(&arithmetic, &[0xFF, 0xC0]).unwrap();
        arithmetic[sof + 1] = 0xC9;
        assert!(matches!(inspect(&arithmetic), Err(Error::Corrupt(_))));
        let mut flat = samples::colour(8, 8).to_vec();
        flat[sof + 5..sof + 7].fill(0);
        assert_eq!(inspect(&flat), Err(Error::Corrupt("its size is zero")));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = inspect(&bytes);
            let _ = inspect(&[&[0xFF, 0xD8][..], &bytes].concat());
        }

        #[test]
        fn any_damage_to_a_picture_gets_an_answer(at in 0usize..2000, byte in any::<u8>()) {
            let mut jpeg = samples::colour(32, 32).to_vec();
            let at = at % jpeg.len();
            jpeg[at] = byte;
            if let Ok(info) = inspect(&jpeg) {
                prop_assert!(info.len <= jpeg.len() && info.width > 0 && info.height > 0);
            }
        }
    }
}
