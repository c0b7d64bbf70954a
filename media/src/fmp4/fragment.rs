//! One frame as a fragment. ISO/IEC 14496-12, 8.8.

use bytes::Bytes;
use mp4_atom::{Encode as _, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry};

use super::{Error, Track};

/// Bytes of a head: the same for every frame, so that no frame need be looked at to make room for it.
pub const HEAD_BYTES: usize = 112;

const MDAT_HEADER_BYTES: usize = 8;

/// Flags of a sample that depends on no other, and of one that does: 8.8.3.1.
pub(super) const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;

/// One frame of one track. Times are in ticks of the track's timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which track.
    pub track: Track,
    /// When it is decoded, from the start of the file.
    pub decode_time: u64,
    /// Until the next frame of the track is decoded.
    pub duration: u32,
    /// How much later it is shown; may be negative.
    pub composition_offset: i32,
    /// Decoding may start here. Always true for audio.
    pub key: bool,
    /// Bytes of the frame.
    pub len_bytes: usize,
}

/// A head and the frame that follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// [`HEAD_BYTES`] bytes.
    pub head: Bytes,
    /// The frame, shared.
    pub payload: Bytes,
}

impl Sample {
    /// `moof` and the header of `mdat`, to be followed by the frame. `sequence` grows from fragment to fragment
    /// of a file, over both tracks.
    pub fn head(&self, sequence: u32) -> Result<Bytes, Error> {
        let mdat_bytes = u32::try_from(self.len_bytes.saturating_add(MDAT_HEADER_BYTES))
            .map_err(|_| Error::TooLarge(self.len_bytes))?;
        let moof = Moof {
            mfhd: Mfhd {
                sequence_number: sequence,
            },
            traf: vec![Traf {
                tfhd: Tfhd {
                    track_id: self.track.id(),
                    default_base_is_moof: true,
                    ..Tfhd::default()
                },
                tfdt: Some(Tfdt {
                    base_media_decode_time: self.decode_time,
                }),
                trun: vec![self.run(mdat_bytes)],
                ..Traf::default()
            }],
        };
        let mut out = Vec::with_capacity(HEAD_BYTES);
        moof.encode(&mut out)?;
        out.extend_from_slice(&mdat_bytes.to_be_bytes());
        out.extend_from_slice(b"mdat");
        Ok(out.into())
    }

    /// The whole fragment; `payload` is not copied.
    pub fn fragment(&self, sequence: u32, payload: Bytes) -> Result<Fragment, Error> {
        let sample = Self {
            len_bytes: payload.len(),
            ..*self
        };
        Ok(Fragment {
            head: sample.head(sequence)?,
            payload,
        })
    }

    fn run(&self, mdat_bytes: u32) -> Trun {
        let entry = TrunEntry {
            duration: Some(self.duration),
            size: Some(mdat_bytes - MDAT_HEADER_BYTES as u32),
            flags: Some(if self.key { SYNC } else { NOT_SYNC }),
            cts: Some(self.composition_offset.into()),
        };
        Trun {
            data_offset: Some(HEAD_BYTES as i32),
            samples: vec![entry].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Decode as _, Header};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn heads_say_what_they_were_given(
            sequence: u32,
            decode_time: u64,
            duration: u32,
            composition_offset: i32,
            key: bool,
            len_bytes in 0usize..u32::MAX as usize - MDAT_HEADER_BYTES,
            audio: bool,
        ) {
            let track = if audio { Track::Audio } else { Track::Video };
            let sample = Sample { track, decode_time, duration, composition_offset, key, len_bytes };
            let head = sample.head(sequence).unwrap();
            prop_assert_eq!(head.len(), HEAD_BYTES);
            let mut rest = &head[..];
            let moof = Moof::decode(&mut rest).unwrap();
            let mdat = Header::decode(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(mdat.size, Some(len_bytes));
            prop_assert_eq!(moof.mfhd.sequence_number, sequence);
            let traf = &moof.traf[0];
            prop_assert_eq!(traf.tfhd.track_id, track.id());
            prop_assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, decode_time);
            prop_assert_eq!(traf.trun[0].data_offset, Some(HEAD_BYTES as i32));
            let entry = traf.trun[0].samples.get(0).unwrap();
            prop_assert_eq!(entry.duration, Some(duration));
            prop_assert_eq!(entry.size, Some(len_bytes as u32));
            prop_assert_eq!(entry.cts, Some(composition_offset.into()));
            prop_assert_eq!(entry.flags.unwrap() & 0x0001_0000 == 0, key);
        }
    }

    #[test]
    fn the_payload_is_shared() {
        let payload = Bytes::from(vec![7; 1_000]);
        let sample = Sample {
            track: Track::Video,
            decode_time: 0,
            duration: 3_000,
            composition_offset: 0,
            key: true,
            len_bytes: 0,
        };
        let fragment = sample.fragment(1, payload.clone()).unwrap();
        assert_eq!(fragment.payload.as_ptr(), payload.as_ptr());
        assert_eq!(
            fragment.head[HEAD_BYTES - 8..],
            [0, 0, 0x03, 0xF0, b'm', b'd', b'a', b't']
        );
    }

    #[test]
    fn a_frame_that_no_box_holds_is_refused() {
        let sample = Sample {
            track: Track::Video,
            decode_time: 0,
            duration: 1,
            composition_offset: 0,
            key: true,
            len_bytes: u32::MAX as usize,
        };
        assert!(matches!(sample.head(1), Err(Error::TooLarge(_))));
    }
}
