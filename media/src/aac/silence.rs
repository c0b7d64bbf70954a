//! Frames that sound like nothing. ISO/IEC 14496-3, 4.4.2.

use bytes::Bytes;

use super::{Config, config::object};

/// `single_channel_element` without a scale factor band, and the end. All fields are zero but the last:
/// element (3 bits), tag (4), gain (8), `ics_info` (11), no pulses, no noise shaping, no gain control (3), end (3).
const MONO: &[u8] = &[0x00, 0x00, 0x00, 0x07];

/// `channel_pair_element` with a common window and no scale factor band, and the end: element (3 bits, 1), tag (4),
/// common window (1, set), `ics_info` (11), mask (2), for each channel gain (8) and no tools (3), end (3).
const STEREO: &[u8] = &[0x21, 0x00, 0x00, 0x00, 0x00, 0x1C];

impl Config {
    /// A frame of silence, if one is known: of AAC-LC with one or two channels.
    pub fn silence(&self) -> Option<Bytes> {
        match (self.object_type, self.channels) {
            (object::LC, 1) => Some(Bytes::from_static(MONO)),
            (object::LC, 2) => Some(Bytes::from_static(STEREO)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_known_for_plain_sound_alone() {
        let silence = |object_type, channels| {
            let config = Config::new(object_type, 48_000, channels).unwrap();
            config.silence().map(|frame| frame.len())
        };
        assert_eq!(silence(2, 1), Some(4));
        assert_eq!(silence(2, 2), Some(6));
        assert_eq!(silence(2, 6), None);
        assert_eq!(silence(4, 1), None);
    }
}
