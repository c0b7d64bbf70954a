//! Bare H.264 in a file, which has no times of its own.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
};

use sightline_media::h264::{AccessUnit, Ordered, Rate, Reorder, Split, Splitter};

use super::{
    DEFAULT_FPS,
    paced::{self, Batch, Item},
};
use crate::source::unit::{Format, Unit, drop_reason};

/// What is read at once.
const READ_BYTES: usize = 256 << 10;

/// How far a file is searched for its first frame.
const SEARCH_BYTES: usize = 16 << 20;

/// A rate beyond this, which some streams state, is not believed.
const MAX_FPS: f64 = 240.0;

pub(super) struct Reader {
    file: File,
    buffer: Vec<u8>,
    /// Configured.
    asked_fps: Option<f64>,
    splitter: Splitter,
    /// From the first frame on.
    playing: Option<Playing>,
    read_bytes: usize,
}

struct Playing {
    fps: f64,
    depth: u8,
    reorder: Reorder<AccessUnit>,
    /// Frames that were given in this round.
    frames: u64,
}

impl Reader {
    pub(super) fn new(file: File, asked_fps: Option<f64>) -> Self {
        Self {
            file,
            buffer: vec![0; READ_BYTES],
            asked_fps,
            splitter: Splitter::default(),
            playing: None,
            read_bytes: 0,
        }
    }

    fn take(&mut self, split: Split, items: &mut Vec<Item>) {
        match split {
            Split::Unit(unit) => {
                let asked_fps = self.asked_fps;
                let playing = self.playing.get_or_insert_with(|| {
                    let stated = unit.parameters.frame_rate;
                    let fps = asked_fps.or_else(|| believed(stated?));
                    Playing::new(
                        fps.unwrap_or(DEFAULT_FPS),
                        unit.parameters.reordering.max_frames,
                    )
                });
                let order = unit.order;
                let ordered = playing.reorder.push(unit, order);
                playing.take(ordered, items);
            }
            Split::Dropped { reason, .. } => items.extend(drop_reason(reason).map(Item::Dropped)),
        }
    }
}

impl Playing {
    fn new(fps: f64, depth: u8) -> Self {
        Self {
            fps,
            depth,
            reorder: Reorder::new(depth),
            frames: 0,
        }
    }

    fn take(&mut self, ordered: Vec<Ordered<AccessUnit>>, items: &mut Vec<Item>) {
        for ordered in ordered {
            self.frames = ordered.decode_index + 1;
            let at_us = self.us(ordered.decode_index);
            let unit = Unit {
                capture_time_us: self.us(ordered.presentation_index),
                decode_time_us: at_us,
                key: ordered.unit.key,
                data: ordered.unit.data,
                format: Format::H264(ordered.unit.parameters),
            };
            items.push(Item::Unit { unit, at_us });
        }
    }

    /// When frame `index` is due.
    fn us(&self, index: u64) -> i64 {
        (index as f64 * 1e6 / self.fps).round() as i64
    }
}

fn believed(rate: Rate) -> Option<f64> {
    let fps = f64::from(rate.numerator) / f64::from(rate.denominator);
    (fps <= MAX_FPS).then_some(fps)
}

impl paced::Reader for Reader {
    fn batch(&mut self) -> Result<Batch, String> {
        let mut batch = Batch::default();
        while batch.items.is_empty() && batch.end_us.is_none() {
            let got = self
                .file
                .read(&mut self.buffer)
                .map_err(|error| error.to_string())?;
            let splits = if got == 0 {
                self.splitter.finish()
            } else {
                self.splitter.push(&self.buffer[..got], 0)
            };
            for split in splits {
                self.take(split, &mut batch.items);
            }
            self.read_bytes += got;
            if self.playing.is_none() && self.read_bytes >= SEARCH_BYTES {
                return Err(format!(
                    "it starts as H.264 does, but there is no frame in its first {} MiB",
                    SEARCH_BYTES >> 20
                ));
            }
            if got == 0 {
                let mut end_us = 0;
                if let Some(playing) = &mut self.playing {
                    let ordered = playing.reorder.finish();
                    playing.take(ordered, &mut batch.items);
                    end_us = playing.us(playing.frames);
                }
                batch.end_us = Some(end_us);
            }
        }
        Ok(batch)
    }

    fn rewind(&mut self) -> Result<(), String> {
        self.file.rewind().map_err(|error| error.to_string())?;
        if let Some(playing) = &mut self.playing {
            *playing = Playing::new(playing.fps, playing.depth);
        }
        Ok(())
    }
}
