//! NAL units behind their lengths, as MP4, Matroska and RTP libraries have them, and the configuration that
//! goes with them. ISO/IEC 14496-15, clause 5.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Error, Parameters, annexb, nal};

/// Bytes of the lengths that are written here.
const LENGTH_BYTES: u8 = 4;

/// Turns an access unit in Annex B form into the samples of an MP4 file: each NAL unit behind four bytes of
/// length.
///
/// Delimiters and filler are left out. Of a key frame (`key`) so are parameter sets, for they are in the
/// configuration record. In the middle of a group they are kept: [`Grouper`](super::Grouper) leaves only such
/// as change what follows, and decoders take them, though the standard wants none there. SEI is kept.
pub fn from_annex_b(unit: &[u8], key: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(unit.len() + unit.len() / 64 + 16);
    for nal in annexb::nals(unit) {
        let left_out = match nal::kind(nal) {
            nal::AUD | nal::FILLER | nal::END_OF_SEQUENCE | nal::END_OF_STREAM => true,
            nal::SPS | nal::PPS | nal::SPS_EXTENSION => key,
            _ => false,
        };
        // No buffer of 4 GiB comes here: frames are far smaller.
        let (false, Ok(len)) = (left_out, u32::try_from(nal.len())) else {
            continue;
        };
        out.put_u32(len);
        out.put_slice(nal);
    }
    out.freeze()
}

/// The NAL units of a sample whose lengths have `length_bytes` bytes. Empty units are skipped. Nothing is
/// copied.
///
/// A length that leads beyond the end is an error, and the last item.
pub fn nals(sample: &[u8], length_bytes: u8) -> Nals<'_> {
    Nals {
        rest: sample,
        length_bytes: usize::from(length_bytes),
    }
}

/// See [`nals`].
#[derive(Clone, Debug)]
pub struct Nals<'a> {
    rest: &'a [u8],
    length_bytes: usize,
}

impl<'a> Iterator for Nals<'a> {
    type Item = Result<&'a [u8], Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            let Some((length, rest)) = rest.split_at_checked(self.length_bytes) else {
                return Some(Err(truncated(self.length_bytes, rest)));
            };
            let len = length
                .iter()
                .fold(0usize, |len, &byte| len << 8 | usize::from(byte));
            let Some((nal, rest)) = rest.split_at_checked(len) else {
                return Some(Err(truncated(len, rest)));
            };
            if self.length_bytes > 0 {
                self.rest = rest;
            }
            if !nal.is_empty() {
                return Some(Ok(nal));
            }
        }
        None
    }
}

fn truncated(len: usize, rest: &[u8]) -> Error {
    Error::Truncated {
        len,
        left: rest.len(),
    }
}

/// Turns a sample whose lengths have `length_bytes` bytes into Annex B form, with start codes of four bytes.
pub fn to_annex_b(sample: &[u8], length_bytes: u8) -> Result<Bytes, Error> {
    let mut out = BytesMut::with_capacity(sample.len() + sample.len() / 64 + 16);
    for nal in nals(sample, length_bytes) {
        annexb::write(nal?, &mut out);
    }
    Ok(out.freeze())
}

/// What an `avcC` box, or `extradata`, says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of the lengths in front of NAL units: 1 to 4.
    pub length_bytes: u8,
    /// In Annex B form; empty if the stream has its parameter sets between its frames. To be given to the
    /// [`Grouper`](super::Grouper) in front of the first frame.
    pub sets: Bytes,
}

impl Config {
    /// Reads an AVCDecoderConfigurationRecord: 5.3.3.1. Fields after the parameter sets are not needed, and
    /// many cameras leave them out or wrong.
    pub fn parse(record: &[u8]) -> Result<Self, Error> {
        let cut_short = || Error::Config(format!("its {} bytes are too few", record.len()));
        let (&[version, _profile, _constraints, _level, lengths, sps_count], rest) =
            record.split_first_chunk().ok_or_else(cut_short)?;
        if version != 1 {
            return Err(Error::Config(format!("version {version} is not known")));
        }
        let mut sets = BytesMut::new();
        let rest = take_sets(sps_count & 0x1F, rest, nal::SPS, &mut sets)?.ok_or_else(cut_short)?;
        let (&pps_count, rest) = rest.split_first().ok_or_else(cut_short)?;
        take_sets(pps_count, rest, nal::PPS, &mut sets)?.ok_or_else(cut_short)?;
        Ok(Self {
            length_bytes: (lengths & 3) + 1,
            sets: sets.freeze(),
        })
    }

    /// The first SPS and what belongs to it; `None` if there is none.
    pub fn parameters(&self) -> Result<Option<Parameters>, Error> {
        Parameters::from_access_unit(&self.sets)
    }
}

/// Takes `count` parameter sets behind their lengths of two bytes, and gives what follows them; `None` if
/// there are not so many bytes.
fn take_sets<'a>(
    count: u8,
    mut rest: &'a [u8],
    kind: u8,
    out: &mut BytesMut,
) -> Result<Option<&'a [u8]>, Error> {
    for _ in 0..count {
        let Some((len, behind)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let Some((set, behind)) = behind.split_at_checked(u16::from_be_bytes(*len).into()) else {
            return Ok(None);
        };
        if nal::kind(set) != kind {
            return Err(Error::Config(format!(
                "type {} among its parameter sets",
                nal::kind(set)
            )));
        }
        annexb::write(set, out);
        rest = behind;
    }
    Ok(Some(rest))
}

impl Parameters {
    /// The AVCDecoderConfigurationRecord for samples as [`from_annex_b`] makes them.
    pub(crate) fn avcc(&self) -> mp4_atom::Avcc {
        mp4_atom::Avcc {
            configuration_version: 1,
            avc_profile_indication: self.profile,
            profile_compatibility: self.constraints,
            avc_level_indication: self.level,
            length_size: LENGTH_BYTES,
            sequence_parameter_sets: vec![self.sps().to_vec()],
            picture_parameter_sets: self.pps().iter().map(|pps| pps.to_vec()).collect(),
            ext: self.is_high_profile().then(|| mp4_atom::AvccExt {
                chroma_format: self.chroma_format,
                bit_depth_luma: self.luma_bits,
                bit_depth_chroma: self.chroma_bits,
                sequence_parameter_sets_ext: Vec::new(),
            }),
        }
    }

    /// The AVCDecoderConfigurationRecord for samples as [`from_annex_b`] makes them, as bytes: what WebCodecs
    /// takes as `description`.
    pub fn config_record(&self) -> Result<Bytes, Error> {
        use mp4_atom::Atom as _;
        let mut out = Vec::new();
        self.avcc()
            .encode_body(&mut out)
            .map_err(|error| Error::Config(error.to_string()))?;
        Ok(out.into())
    }
}

#[cfg(test)]
#[path = "avc_tests.rs"]
mod tests;
