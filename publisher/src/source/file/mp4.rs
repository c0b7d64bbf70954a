//! Frames of an MP4 or QuickTime file.

mod samples;

use std::{fs::File, os::unix::fs::FileExt as _, sync::Arc};

use bytes::{Bytes, BytesMut};
use sightline_media::{
    aac,
    h264::{self, Grouper, Split, annexb, avc},
    mp4,
};

use self::samples::{Due, Samples};
use super::paced::{self, Batch, Item};
use crate::source::{
    DropReason,
    unit::{Format, H265, Unit, drop_reason},
};

/// Frames that are read at once, and bytes after which no further one is.
const BATCH_FRAMES: usize = 32;
const BATCH_BYTES: usize = 2 << 20;

/// Access unit delimiter of H.265, which must stand first: ITU-T H.265, table 7-1.
const H265_DELIMITER: u8 = 35;

pub(super) struct Reader {
    file: File,
    samples: Samples,
    decoders: Vec<Decoder>,
    /// Puts H.264 into the form that it has on the wire. It remembers what was in force before.
    grouper: Grouper,
    /// The format of the last frame of video.
    format: Option<usize>,
}

/// What a frame of some format needs to become a unit.
enum Decoder {
    H264(avc::Config),
    H265 {
        format: Arc<H265>,
        length_bytes: u8,
        sets: Bytes,
    },
    Aac(Arc<aac::Config>),
}

impl Decoder {
    fn new(format: &mp4::Format) -> Self {
        match format {
            mp4::Format::H264(config) => Self::H264(config.clone()),
            mp4::Format::H265(stream) => Self::H265 {
                format: Arc::new(H265 {
                    codec_string: stream.codec_string.clone(),
                    width: stream.width,
                    height: stream.height,
                }),
                length_bytes: stream.length_bytes,
                sets: stream.sets.clone(),
            },
            mp4::Format::Aac(config) => Self::Aac(Arc::new(config.clone())),
        }
    }
}

impl Reader {
    /// Reads what the file says of itself. The error is for people.
    pub(super) fn open(file: File) -> Result<Self, String> {
        let samples = Samples::open(&file)?;
        for left_out in samples.left_out() {
            tracing::info!(track = %left_out, "a track is not shown: supported are H.264, H.265 and AAC");
        }
        Ok(Self {
            decoders: samples.formats().iter().map(Decoder::new).collect(),
            file,
            samples,
            grouper: Grouper::default(),
            format: None,
        })
    }

    /// Frames per second of its video.
    pub(super) fn fps(&self) -> f64 {
        self.samples.fps()
    }

    fn take(&mut self, due: &Due, items: &mut Vec<Item>) -> Result<usize, String> {
        let (sample, start_us) = (&due.sample, self.samples.start_us());
        let len = sample.len_bytes as usize;
        if len > sightline_proto::MAX_FRAME_BYTES {
            self.grouper.lose();
            items.push(Item::Dropped(DropReason::TooLarge));
            return Ok(0);
        }
        let mut data = BytesMut::zeroed(len);
        self.file
            .read_exact_at(&mut data, sample.offset)
            .map_err(|error| {
                format!("a frame at byte {} cannot be read: {error}", sample.offset)
            })?;
        let unit = |key, data, format| {
            let unit = Unit {
                capture_time_us: sample.present_us - start_us,
                decode_time_us: sample.decode_us - start_us,
                key,
                data,
                format,
            };
            let at_us = due.at_us;
            Item::Unit { unit, at_us }
        };
        match &self.decoders[sample.format] {
            Decoder::Aac(_) if len == 0 => {}
            Decoder::Aac(config) => {
                let format = Format::Aac(config.clone());
                items.push(unit(true, data.freeze(), format));
            }
            Decoder::H265 {
                format,
                length_bytes,
                sets,
            } => match h265(&data, *length_bytes, sample.sync.then_some(sets)) {
                Ok(data) => {
                    let format = Format::H265(format.clone());
                    items.push(unit(sample.sync, data, format));
                }
                Err(_) => items.push(Item::Dropped(DropReason::Damaged)),
            },
            Decoder::H264(config) => {
                let is_new = self.format.replace(sample.format) != Some(sample.format);
                let splits = group(&mut self.grouper, config, is_new, &data);
                items.extend(splits.into_iter().filter_map(|split| match split {
                    Split::Unit(found) => {
                        let format = Format::H264(found.parameters);
                        Some(unit(found.key, found.data, format))
                    }
                    Split::Dropped { reason, .. } => drop_reason(reason).map(Item::Dropped),
                }));
            }
        }
        Ok(len)
    }
}

/// The access units of a sample: one, if the file is right.
fn group(grouper: &mut Grouper, config: &avc::Config, is_new: bool, sample: &[u8]) -> Vec<Split> {
    let mut splits = Vec::new();
    if is_new {
        for nal in annexb::nals(&config.sets) {
            splits.extend(grouper.push(nal, 0));
        }
    }
    for nal in avc::nals(sample, config.length_bytes) {
        match nal {
            Ok(nal) => splits.extend(grouper.push(nal, 0)),
            Err(_) => {
                grouper.lose();
                let dropped = grouper.end().unwrap_or(Split::Dropped {
                    reason: h264::Reason::Damaged,
                    bytes: sample.len() as u64,
                });
                splits.push(dropped);
                return splits;
            }
        }
    }
    splits.extend(grouper.end());
    splits
}

/// A sample of H.265 in Annex B form, behind its parameter sets if there are any.
fn h265(sample: &[u8], length_bytes: u8, sets: Option<&Bytes>) -> Result<Bytes, h264::Error> {
    let mut out = BytesMut::with_capacity(sample.len() + sets.map_or(0, Bytes::len) + 64);
    out.extend(sets.into_iter().flatten());
    for nal in avc::nals(sample, length_bytes) {
        let nal = nal?;
        if (nal[0] >> 1) & 0x3F != H265_DELIMITER {
            annexb::write(nal, &mut out);
        }
    }
    Ok(out.freeze())
}

impl paced::Reader for Reader {
    fn batch(&mut self) -> Result<Batch, String> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.items.len() < BATCH_FRAMES && bytes < BATCH_BYTES {
            let Some(due) = self.samples.next(&self.file)? else {
                batch.end_us = Some(self.samples.len_us());
                break;
            };
            bytes += self.take(&due, &mut batch.items)?;
        }
        Ok(batch)
    }

    fn rewind(&mut self) -> Result<(), String> {
        self.samples.rewind();
        // A file may start within a group.
        self.grouper.lose();
        Ok(())
    }
}
