//! AudioSpecificConfig. ISO/IEC 14496-3, 1.6.2.1.

use bytes::Bytes;

use super::Error;

/// Audio object types: table 1.17.
pub(super) mod object {
    pub(in crate::aac) const MAIN: u8 = 1;
    pub(in crate::aac) const LC: u8 = 2;
    pub(in crate::aac) const SSR: u8 = 3;
    pub(in crate::aac) const LTP: u8 = 4;
    pub(in crate::aac) const SBR: u8 = 5;
    pub(in crate::aac) const PS: u8 = 29;
    pub(in crate::aac) const ESCAPE: u8 = 31;
}

/// Hertz by samplingFrequencyIndex: table 1.18.
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// samplingFrequencyIndex that says that the rate itself follows.
const EXPLICIT_RATE: u32 = 15;

/// What a decoder must know before the first frame. Equal if the bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    bytes: Bytes,
    /// Audio object type: 2 for AAC-LC, 5 for HE-AAC, 29 for HE-AAC v2.
    pub object_type: u8,
    /// Hertz, of the core: HE-AAC plays at twice this rate. What frame times are counted in.
    pub sample_rate: u32,
    /// 1 to 8, of the core: HE-AAC v2 makes two of one.
    pub channels: u8,
    /// Samples of a frame at `sample_rate`: 1024, seldom 960.
    pub frame_samples: u32,
}

impl Config {
    /// Reads an AudioSpecificConfig. Bytes behind what is needed are kept and not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits { bytes, at: 0 };
        let object_type = bits.object_type()?;
        let sample_rate = bits.rate()?;
        let channels = bits.take(4)?;
        let core = if matches!(object_type, object::SBR | object::PS) {
            bits.rate()?;
            bits.object_type()?
        } else {
            object_type
        };
        if !(object::MAIN..=object::LTP).contains(&core) {
            return Err(Error::Unsupported("this object type"));
        }
        let short_frames = bits.take(1)? == 1;
        Ok(Self {
            object_type,
            sample_rate,
            channels: match channels {
                0 => return Err(Error::Unsupported("channels of its own definition")),
                1..=6 => channels as u8,
                7 => 8,
                _ => return Err(Error::Invalid("the number of channels")),
            },
            frame_samples: if short_frames { 960 } else { 1_024 },
            bytes: Bytes::copy_from_slice(bytes),
        })
    }

    /// The configuration of frames of 1024 samples. `channels` is 1 to 6, or 8.
    pub fn new(object_type: u8, sample_rate: u32, channels: u8) -> Result<Self, Error> {
        if !matches!(
            object_type,
            object::MAIN | object::LC | object::SSR | object::LTP
        ) {
            return Err(Error::Unsupported("this object type"));
        }
        let channel_config = match channels {
            1..=6 => channels,
            8 => 7,
            _ => return Err(Error::Invalid("the number of channels")),
        };
        let fields = match RATES.iter().position(|&rate| rate == sample_rate) {
            Some(index) => [
                (object_type.into(), 5),
                (index as u32, 4),
                (channel_config.into(), 4),
            ]
            .to_vec(),
            None if sample_rate == 0 || sample_rate >= 1 << 24 => {
                return Err(Error::Invalid("the sample rate"));
            }
            None => vec![
                (object_type.into(), 5),
                (EXPLICIT_RATE, 4),
                (sample_rate, 24),
                (channel_config.into(), 4),
            ],
        };
        Self::parse(&pack(&fields))
    }

    /// The AudioSpecificConfig itself.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// `mp4a.40.2` for AAC-LC: RFC 6381, 3.3.
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }

    /// How long a frame sounds, in microseconds.
    pub fn frame_duration_us(&self) -> u32 {
        let us = u64::from(self.frame_samples) * 1_000_000 / u64::from(self.sample_rate);
        u32::try_from(us).unwrap_or(u32::MAX)
    }
}

/// Packs fields of so many bits, followed by three zeros: GASpecificConfig of frames of 1024 samples that
/// depend on nothing.
fn pack(fields: &[(u32, u32)]) -> Vec<u8> {
    let (mut value, mut len) = (0u64, 0);
    for &(field, bits) in fields {
        value = value << bits | u64::from(field);
        len += bits;
    }
    let bytes = (len + 3).div_ceil(8);
    value <<= bytes * 8 - len;
    value.to_be_bytes()[8 - bytes as usize..].to_vec()
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, 24 at most.
    fn take(&mut self, count: usize) -> Result<u32, Error> {
        let mut value = 0;
        for at in self.at..self.at + count {
            let byte = *self.bytes.get(at / 8).ok_or(Error::Truncated)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at += count;
        Ok(value)
    }

    fn object_type(&mut self) -> Result<u8, Error> {
        let value = self.take(5)? as u8;
        if value == object::ESCAPE {
            return Ok(32 + self.take(6)? as u8);
        }
        Ok(value)
    }

    fn rate(&mut self) -> Result<u32, Error> {
        let rate = match self.take(4)? {
            EXPLICIT_RATE => self.take(24)?,
            index => RATES.get(index as usize).copied().unwrap_or(0),
        };
        if rate == 0 {
            return Err(Error::Invalid("the sample rate"));
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn configurations_of_cameras_are_read() {
        let config = Config::parse(&[0x12, 0x10]).unwrap();
        assert_eq!(
            (config.object_type, config.sample_rate, config.channels),
            (2, 44_100, 2)
        );
        assert_eq!(config.codec_string(), "mp4a.40.2");
        assert_eq!(config.frame_duration_us(), 23_219);
        let config = Config::parse(&[0x14, 0x08]).unwrap();
        assert_eq!((config.sample_rate, config.channels), (16_000, 1));
        assert_eq!(config.frame_duration_us(), 64_000);
    }

    #[test]
    fn high_efficiency_is_counted_by_its_core() {
        // Object type 5, 24 kHz, stereo, extension 48 kHz, core 2.
        let config = Config::parse(&[0x2B, 0x11, 0x88, 0x00]).unwrap();
        assert_eq!(
            (config.object_type, config.sample_rate, config.channels),
            (5, 24_000, 2)
        );
        assert_eq!(config.codec_string(), "mp4a.40.5");
    }

    #[test]
    fn what_cannot_be_played_is_refused_in_words() {
        assert_eq!(Config::parse(&[]), Err(Error::Truncated));
        assert_eq!(Config::parse(&[0x12]), Err(Error::Truncated));
        assert_eq!(
            Config::parse(&[0x16, 0x90]),
            Err(Error::Invalid("the sample rate"))
        );
        assert_eq!(
            Config::parse(&[0x12, 0x00]).unwrap_err().to_string(),
            "AAC with channels of its own definition is not supported"
        );
        assert!(matches!(
            Config::parse(&[0xB8, 0x00, 0x00]),
            Err(Error::Unsupported(_))
        ));
        assert!(Config::new(2, 44_100, 7).is_err());
        assert!(Config::new(2, 0, 1).is_err());
    }

    proptest! {
        #[test]
        fn what_was_built_is_read(
            object_type in 1u8..=4,
            rate in prop_oneof![prop::sample::select(RATES.to_vec()), 1u32..1 << 24],
            channels in prop::sample::select(vec![1u8, 2, 3, 4, 5, 6, 8]),
        ) {
            let config = Config::new(object_type, rate, channels).unwrap();
            prop_assert_eq!(
                (config.object_type, config.sample_rate, config.channels, config.frame_samples),
                (object_type, rate, channels, 1_024)
            );
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(config) = Config::parse(&bytes) {
                prop_assert!(config.sample_rate > 0 && (1..=8).contains(&config.channels));
            }
        }
    }
}
