//! H.264 to pixels, with OpenH264.

use std::fmt;

use openh264::{
    OpenH264API,
    decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush},
    formats::YUVSource as _,
};
use sightline_media::h264::{self, Reordering, annexb};

use super::{Error, matrix};
use crate::{
    picture::{Layout, Range, Raw},
    pool::Pool,
};

/// What the library decodes: a frame of level 5.2, for example 4096x2304.
const MOST_PIXELS: u32 = 36_864 * 256;

/// What a decoder of level 5.2 keeps of frames that others refer to: H.264, table A-1, MaxDpbMbs. The library takes that
/// memory for as many frames as a stream claims to need, and two more: 100 MB at most.
const MOST_KEPT_PIXELS: u64 = 184_320 * 256;

/// Types of NAL units that make pictures: H.264, table 7-1.
const SLICE: u8 = 1;
const IDR: u8 = 5;

/// Decodes one stream, unit by unit. Takes milliseconds: for [`Cores`](crate::cores::Cores).
#[derive(Default)]
pub(crate) struct VideoDecoder {
    /// Nothing before the first key frame, and after an error.
    stream: Option<Stream>,
    pool: Pool,
    /// What the library is given of a unit.
    unit: Vec<u8>,
}

struct Stream {
    decoder: Decoder,
    colours: Colours,
    /// Whether a frame is shown as soon as it is decoded.
    flush: Flush,
}

/// What samples mean, since the last key frame.
#[derive(Clone, Copy)]
struct Colours {
    range: Range,
    bt709: bool,
}

impl Colours {
    fn of(parameters: &h264::Parameters) -> Self {
        Self {
            range: match parameters.colour.full_range {
                true => Range::Full,
                false => Range::Limited,
            },
            bt709: matrix::is_bt709(parameters),
        }
    }
}

impl VideoDecoder {
    /// The picture that follows from `unit`, an access unit in Annex B form: of this unit, or of one before it
    /// unless the stream says that its frames are in order. Nothing before the first key frame, after an error before the next one, and while
    /// the decoder puts frames in order.
    ///
    /// The sizes in parameter sets are checked before the library sees them, and it sees nothing but those sets
    /// and slices.
    pub(crate) fn decode(&mut self, unit: &[u8]) -> Result<Option<Raw>, Error> {
        let result = self.picture(unit);
        if result.is_err() {
            // Frames that refer to what is missing now would smear.
            self.stream = None;
        }
        result
    }

    /// Whether nothing comes before the next key frame.
    pub(crate) fn is_waiting(&self) -> bool {
        self.stream.is_none()
    }

    fn picture(&mut self, unit: &[u8]) -> Result<Option<Raw>, Error> {
        self.unit.clear();
        if let Some(parameters) = h264::Parameters::from_access_unit(unit)? {
            check(&parameters)?;
            parameters.write_annex_b(&mut self.unit);
            let colours = Colours::of(&parameters);
            // The library holds a frame back even if all are in order. Flushing those that are not would give them
            // out of order, and never free some.
            let flush = match parameters.reordering {
                Reordering {
                    max_frames: 0,
                    declared: true,
                } => Flush::Flush,
                _ => Flush::NoFlush,
            };
            match &mut self.stream {
                Some(stream) => (stream.colours, stream.flush) = (colours, flush),
                none => {
                    let config = DecoderConfig::new();
                    let decoder = Decoder::with_api_config(OpenH264API::from_source(), config)
                        .map_err(|error| damaged(&error))?;
                    *none = Some(Stream {
                        decoder,
                        colours,
                        flush,
                    });
                }
            }
        }
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        for nal in annexb::nals(unit) {
            if matches!(nal[0] & 0x1F, SLICE | IDR) {
                annexb::write(nal, &mut self.unit);
            }
        }
        if self.unit.is_empty() {
            return Ok(None);
        }
        let decoded = stream
            .decoder
            .decode_with_options(
                &self.unit,
                DecodeOptions::new().flush_after_decode(stream.flush),
            )
            .map_err(|error| damaged(&error))?;
        Ok(decoded.map(|picture| copy(&picture, stream.colours, &self.pool)))
    }
}

impl fmt::Debug for VideoDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VideoDecoder")
            .field("decoding", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}

/// What the library cannot do, said in words and before it allocates.
fn check(parameters: &h264::Parameters) -> Result<(), Error> {
    let (width, height) = (parameters.width, parameters.height);
    let coded = parameters.coded_pixels;
    if coded > u64::from(MOST_PIXELS) {
        return Err(Error::TooLarge {
            width,
            height,
            most: MOST_PIXELS,
        });
    }
    if coded.saturating_mul(parameters.reference_frames.into()) > MOST_KEPT_PIXELS {
        return Err(Error::Unsupported(
            "H.264 whose frames refer to more others than level 5.2 allows",
        ));
    }
    if parameters.chroma_format != 1 {
        return Err(Error::Unsupported("H.264 with other colours than 4:2:0"));
    }
    if (parameters.luma_bits, parameters.chroma_bits) != (8, 8) {
        return Err(Error::Unsupported("H.264 with more than 8 bits"));
    }
    Ok(())
}

/// The picture in BT.601, in a buffer of its own: the library's is overwritten by the next one.
fn copy(picture: &DecodedYUV<'_>, colours: Colours, pool: &Pool) -> Raw {
    let (width, height) = picture.dimensions();
    let stride = width.next_multiple_of(2);
    let (y_stride, u_stride, v_stride) = picture.strides();
    let mut data = pool.take();
    data.reserve(stride * height + stride * height.div_ceil(2));
    for row in picture.y().chunks(y_stride).take(height) {
        data.extend_from_slice(&row[..width]);
        data.resize(data.len() + stride - width, 0);
    }
    for (plane, plane_stride) in [(picture.u(), u_stride), (picture.v(), v_stride)] {
        for row in plane.chunks(plane_stride).take(height.div_ceil(2)) {
            data.extend_from_slice(&row[..stride / 2]);
        }
    }
    if colours.bt709 {
        matrix::to_bt601(&mut data, stride, height, colours.range);
    }
    Raw {
        layout: Layout::I420,
        width: width as u32,
        height: height as u32,
        stride_bytes: stride,
        range: colours.range,
        data: pool.share(data),
    }
}

/// The library's bits of trouble, in words.
fn damaged(error: &openh264::Error) -> Error {
    let code = error.native_code();
    let words: Vec<_> = [
        (0x01, "the frame is incomplete"),
        (0x02, "a frame that it refers to is missing"),
        (0x04, "the bits contradict the standard"),
        (0x10, "there is no parameter set"),
        (0x40, "a list of references is empty"),
        (0x4000, "out of memory"),
    ]
    .into_iter()
    .filter_map(|(bit, words)| (code & bit != 0).then_some(words))
    .collect();
    Error::Damaged(match words.is_empty() {
        true => format!("OpenH264 fails with {code:#x}"),
        false => words.join(", "),
    })
}

#[cfg(test)]
mod tests;
