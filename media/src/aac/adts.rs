//! Frames with a header each, as in streams of bytes. ISO/IEC 14496-3, 1.A.2.2.

use super::{Config, Error};

/// Header without checksum.
const HEADER_BYTES: usize = 7;

const CHECKSUM_BYTES: usize = 2;

/// Hertz by samplingFrequencyIndex are in [`Config`]; here the index is passed on as it stands.
const RATE_INDICES: u8 = 13;

/// One frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What its header says.
    pub config: Config,
    /// The raw access unit, without the header.
    pub data: &'a [u8],
    /// What follows the frame.
    pub rest: &'a [u8],
}

/// Takes the first frame off a buffer.
///
/// [`Error::Truncated`] means that more bytes are needed; a frame has 8191 at most. Frames of several raw
/// access units, which nobody makes, are refused.
pub fn frame(buffer: &[u8]) -> Result<Frame<'_>, Error> {
    let header: &[u8; HEADER_BYTES] = buffer.first_chunk().ok_or(Error::Truncated)?;
    // Twelve ones, one bit of version, layer 0.
    if header[0] != 0xFF || header[1] & 0xF6 != 0xF0 {
        return Err(Error::NoSync);
    }
    let has_checksum = header[1] & 1 == 0;
    let object_type = (header[2] >> 6) + 1;
    let rate_index = header[2] >> 2 & 0xF;
    if rate_index >= RATE_INDICES {
        return Err(Error::Invalid("the sample rate"));
    }
    let channel_config = (header[2] & 1) << 2 | header[3] >> 6;
    let len = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5] >> 5);
    if header[6] & 3 != 0 {
        return Err(Error::Unsupported("several access units in a frame"));
    }
    let start = HEADER_BYTES + if has_checksum { CHECKSUM_BYTES } else { 0 };
    if len < start {
        return Err(Error::Invalid("the length of a frame"));
    }
    let (whole, rest) = buffer.split_at_checked(len).ok_or(Error::Truncated)?;
    let config = [
        object_type << 3 | rate_index >> 1,
        (rate_index & 1) << 7 | channel_config << 3,
    ];
    Ok(Frame {
        config: Config::parse(&config)?,
        data: &whole[start..],
        rest,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// AAC-LC, 48 kHz, stereo.
    fn adts(data: &[u8], checksum: bool) -> Vec<u8> {
        let len = data.len() + if checksum { 9 } else { 7 };
        let mut frame = vec![
            0xFF,
            if checksum { 0xF0 } else { 0xF1 },
            0x4C,
            0x80 | (len >> 11) as u8,
            (len >> 3) as u8,
            (len << 5) as u8 | 0x1F,
            0xFC,
        ];
        if checksum {
            frame.extend([1, 2]);
        }
        frame.extend(data);
        frame
    }

    #[test]
    fn the_header_comes_off_and_says_what_follows() {
        for checksum in [false, true] {
            let mut buffer = adts(&[1, 2, 3], checksum);
            buffer.extend(adts(&[4; 2_000], checksum));
            let first = frame(&buffer).unwrap();
            assert_eq!(first.data, [1, 2, 3]);
            assert_eq!(
                (first.config.sample_rate, first.config.channels),
                (48_000, 2)
            );
            assert_eq!(first.config, Config::new(2, 48_000, 2).unwrap());
            let second = frame(first.rest).unwrap();
            assert_eq!(second.data, [4; 2_000]);
            assert_eq!(frame(second.rest), Err(Error::Truncated));
        }
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let good = adts(&[1, 2, 3], false);
        assert_eq!(frame(&good[..9]), Err(Error::Truncated));
        assert_eq!(frame(&good[1..]), Err(Error::NoSync));
        let lies: [fn(&mut Vec<u8>); 3] = [|f| f[2] |= 0x3C, |f| f[4] = 0, |f| f[6] |= 1];
        for lie in lies {
            let mut bad = good.clone();
            lie(&mut bad);
            assert!(
                !matches!(frame(&bad), Ok(_) | Err(Error::Truncated | Error::NoSync)),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let [first, second, ..] = &mut bytes[..] {
                *first = 0xFF;
                *second = 0xF1;
            }
            if let Ok(frame) = frame(&bytes) {
                prop_assert!(frame.data.len() + frame.rest.len() < bytes.len());
            }
        }
    }
}
