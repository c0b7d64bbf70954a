//! The samples of a track that is not fragmented. ISO/IEC 14496-12, 8.6 and 8.7.

use mp4_atom::{Co64, Ctts, Stco, Stsc, StscEntry, Stss, Stsz, StszSamples, Stts};

use super::{
    Error, MAX_SAMPLES,
    boxes::{child, decode, find},
};

/// The tables as they stand in the file: some bytes for each sample, and nothing unpacked.
#[derive(Debug, Default)]
pub(super) struct Table {
    sizes: StszSamples,
    /// Samples and how many ticks each of them lasts.
    times: Stts,
    /// Samples and how many ticks after its decoding each of them is shown.
    offsets: Option<Ctts>,
    /// Numbers of the samples that decoding may start with, from 1; `None`: all.
    syncs: Option<Vec<u32>>,
    /// How many samples the chunks have.
    runs: Vec<StscEntry>,
    chunks: Chunks,
}

#[derive(Debug)]
enum Chunks {
    Near(Vec<u32>),
    Far(Vec<u64>),
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Near(Vec::new())
    }
}

impl Chunks {
    fn offset(&self, chunk: usize) -> Option<u64> {
        match self {
            Self::Near(offsets) => offsets.get(chunk).map(|&offset| offset.into()),
            Self::Far(offsets) => offsets.get(chunk).copied(),
        }
    }
}

/// What the tables say of one sample. Times in ticks of the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) len_bytes: u32,
    pub(super) decode: u64,
    pub(super) duration: u32,
    pub(super) composition: i64,
    pub(super) sync: bool,
    /// From 0.
    pub(super) description: usize,
}

/// A place in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    sample: u32,
    decode: u64,
    time: RunCursor,
    offset: RunCursor,
    sync: usize,
    run: usize,
    chunk: usize,
    /// Samples of this chunk that were passed, and their bytes.
    in_chunk: u32,
    in_chunk_bytes: u64,
}

/// A place among runs of equal values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RunCursor {
    run: usize,
    passed: u32,
}

impl RunCursor {
    /// The run of the next sample, where `count` gives how many a run has.
    fn next(&mut self, count: impl Fn(usize) -> Option<u32>) -> Option<usize> {
        while count(self.run)? <= self.passed {
            self.run += 1;
            self.passed = 0;
        }
        self.passed += 1;
        Some(self.run)
    }
}

impl Table {
    /// From the body of an `stbl`. Counts are checked, contents are not.
    pub(super) fn parse(stbl: &[u8]) -> Result<Self, Error> {
        let sizes = find::<Stsz>(stbl)?.ok_or(Error::Missing("stsz"))?.samples;
        let chunks = match (find::<Stco>(stbl)?, child(stbl, b"co64")) {
            (Some(near), _) => Chunks::Near(near.entries),
            (None, Some(far)) => Chunks::Far(decode::<Co64>(far)?.entries),
            (None, None) => return Err(Error::Missing("stco")),
        };
        let table = Self {
            sizes,
            times: find(stbl)?.ok_or(Error::Missing("stts"))?,
            offsets: find(stbl)?,
            syncs: find::<Stss>(stbl)?.map(|syncs| syncs.entries),
            runs: find::<Stsc>(stbl)?.ok_or(Error::Missing("stsc"))?.entries,
            chunks,
        };
        if table.len() > MAX_SAMPLES {
            return Err(Error::TooMany {
                what: "frames in a track",
                count: table.len().into(),
                limit: MAX_SAMPLES.into(),
            });
        }
        Ok(table)
    }

    /// Samples.
    pub(super) fn len(&self) -> u32 {
        match &self.sizes {
            StszSamples::Identical { count, .. } => *count,
            // As many as the box has bytes for, which counts them in 32 bits.
            StszSamples::Different { sizes } => u32::try_from(sizes.len()).unwrap_or(u32::MAX),
        }
    }

    /// The next sample, or `None` at the end; in words what is wrong if there should be one.
    pub(super) fn next(&self, cursor: &mut Cursor) -> Result<Option<Entry>, String> {
        if cursor.sample >= self.len() {
            return Ok(None);
        }
        let number = cursor.sample + 1;
        let len_bytes = match &self.sizes {
            StszSamples::Identical { size, .. } => *size,
            StszSamples::Different { sizes } => sizes[cursor.sample as usize],
        };
        let (offset, description) = self
            .place(cursor)
            .ok_or_else(|| format!("frame {number} is in no chunk (stsc, stco)"))?;
        let time = cursor
            .time
            .next(|run| Some(self.times.entries.get(run)?.sample_count))
            .ok_or_else(|| format!("frame {number} has no time (stts)"))?;
        let duration = self.times.entries[time].sample_delta;
        // Files exist whose last frames have no offset: they are shown when they are decoded.
        let composition = self.offsets.as_ref().and_then(|offsets| {
            let run = cursor
                .offset
                .next(|run| Some(offsets.entries.get(run)?.sample_count))?;
            Some(offsets.entries[run].sample_offset)
        });
        let entry = Entry {
            offset,
            len_bytes,
            decode: cursor.decode,
            duration,
            composition: composition.unwrap_or(0),
            sync: self.is_sync(number, cursor),
            description,
        };
        cursor.sample = number;
        cursor.decode += u64::from(duration);
        cursor.in_chunk += 1;
        cursor.in_chunk_bytes += u64::from(len_bytes);
        Ok(Some(entry))
    }

    /// Where the next sample lies, and by which description it is coded.
    fn place(&self, cursor: &mut Cursor) -> Option<(u64, usize)> {
        let mut run = self.runs.get(cursor.run)?;
        if cursor.in_chunk >= run.samples_per_chunk {
            cursor.chunk += 1;
            cursor.in_chunk = 0;
            cursor.in_chunk_bytes = 0;
            // Chunks are counted from 1.
            if let Some(next) = self.runs.get(cursor.run + 1)
                && next.first_chunk as usize <= cursor.chunk + 1
            {
                cursor.run += 1;
                run = next;
            }
        }
        if run.samples_per_chunk == 0 {
            return None;
        }
        let offset = self.chunks.offset(cursor.chunk)?;
        let description = run.sample_description_index.max(1) as usize - 1;
        Some((offset.checked_add(cursor.in_chunk_bytes)?, description))
    }

    fn is_sync(&self, number: u32, cursor: &mut Cursor) -> bool {
        let Some(syncs) = &self.syncs else {
            return true;
        };
        while syncs.get(cursor.sync).is_some_and(|&sync| sync < number) {
            cursor.sync += 1;
        }
        syncs.get(cursor.sync) == Some(&number)
    }
}
