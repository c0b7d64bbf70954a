//! The frames of a fragment. ISO/IEC 14496-12, 8.8.

use mp4_atom::{Tfdt, Tfhd, Trex, Trun, TrunEntry};

use super::{
    Error, Movie, Sample,
    boxes::{children, decode, find},
    table::Entry,
    track::Track,
};
use crate::fmp4;

/// Samples of one fragment. Ten minutes of both tracks; a fragment with more is refused.
const MAX_FRAGMENT_SAMPLES: usize = 1 << 17;

/// The flag of a sample that decoding may not start with.
const NON_SYNC: u32 = 1 << 16;

/// What one fragment leaves for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the next sample of each track is decoded, in ticks, for fragments that do not say.
    video: u64,
    audio: u64,
    /// See [`Track::lead`]: known from the first fragment with video on.
    lead: Option<i64>,
}

impl Movie {
    /// The frames of a fragment in the order of decoding, from the body of its `moof`, which starts at `moof_at`
    /// in the file.
    pub fn fragment(
        &mut self,
        moof: &[u8],
        moof_at: u64,
        progress: &mut Progress,
    ) -> Result<Vec<Sample>, Error> {
        let mut found = Vec::new();
        for (kind, traf) in children(moof) {
            if kind != *b"traf" {
                continue;
            }
            let tfhd = find::<Tfhd>(traf)?.ok_or(Error::Missing("tfhd"))?;
            let (track, next) = match self.audio.as_ref() {
                _ if self.video.id == tfhd.track_id => (&self.video, &mut progress.video),
                Some(audio) if audio.id == tfhd.track_id => (audio, &mut progress.audio),
                _ => continue,
            };
            let trex = self.defaults.iter().find(|trex| trex.track_id == track.id);
            let run = Runs {
                tfhd: &tfhd,
                trex,
                moof_at,
            };
            if let Some(tfdt) = find::<Tfdt>(traf)? {
                *next = tfdt.base_media_decode_time;
            }
            let entries = run.entries(traf, next, found.len())?;
            found.extend(entries.into_iter().map(|entry| (track.kind, entry)));
        }
        let video_offsets = found
            .iter()
            .filter(|(kind, _)| *kind == fmp4::Track::Video)
            .map(|(_, entry)| entry.composition);
        if let (None, Some(lowest)) = (progress.lead, video_offsets.min()) {
            progress.lead = Some(lowest.min(0));
        }
        self.video.lead = progress.lead.unwrap_or(0);
        let mut samples: Vec<_> = found
            .iter()
            .filter_map(|(kind, entry)| self.track(*kind)?.sample(entry))
            .collect();
        samples.sort_by_key(|sample| sample.decode_us);
        Ok(samples)
    }

    fn track(&self, kind: fmp4::Track) -> Option<&Track> {
        match kind {
            fmp4::Track::Video => Some(&self.video),
            fmp4::Track::Audio => self.audio.as_ref(),
        }
    }
}

/// The runs of samples of one track in one fragment.
struct Runs<'a> {
    tfhd: &'a Tfhd,
    trex: Option<&'a Trex>,
    moof_at: u64,
}

impl Runs<'_> {
    /// `before`: samples that the fragment has already given.
    fn entries(&self, traf: &[u8], next: &mut u64, before: usize) -> Result<Vec<Entry>, Error> {
        let base = self.tfhd.base_data_offset.unwrap_or(self.moof_at);
        // A run that does not say where it lies follows the one before it.
        let mut offset = base;
        let mut entries = Vec::new();
        for (kind, body) in children(traf) {
            if kind != *b"trun" {
                continue;
            }
            let run: Trun = decode(body)?;
            let count = before + entries.len() + run.samples.len();
            if count > MAX_FRAGMENT_SAMPLES {
                return Err(Error::TooMany {
                    what: "frames in a fragment",
                    count: count as u64,
                    limit: MAX_FRAGMENT_SAMPLES as u64,
                });
            }
            if let Some(delta) = run.data_offset {
                offset = base.checked_add_signed(delta.into()).ok_or_else(beyond)?;
            }
            for sample in &run.samples {
                let entry = self.entry(&sample, offset, *next);
                offset = offset
                    .checked_add(entry.len_bytes.into())
                    .ok_or_else(beyond)?;
                *next = next.saturating_add(entry.duration.into());
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn entry(&self, sample: &TrunEntry, offset: u64, decode: u64) -> Entry {
        let trex = |of: fn(&Trex) -> u32| self.trex.map(of);
        let first = |own: Option<u32>, fragment: Option<u32>, of: fn(&Trex) -> u32| {
            own.or(fragment).or_else(|| trex(of)).unwrap_or(0)
        };
        let description = self
            .tfhd
            .sample_description_index
            .or_else(|| trex(|trex| trex.default_sample_description_index));
        let flags = first(sample.flags, self.tfhd.default_sample_flags, |trex| {
            trex.default_sample_flags
        });
        Entry {
            offset,
            len_bytes: first(sample.size, self.tfhd.default_sample_size, |trex| {
                trex.default_sample_size
            }),
            decode,
            duration: first(sample.duration, self.tfhd.default_sample_duration, |trex| {
                trex.default_sample_duration
            }),
            composition: sample.cts.unwrap_or(0),
            sync: flags & NON_SYNC == 0,
            description: description.unwrap_or(1).max(1) as usize - 1,
        }
    }
}

fn beyond() -> Error {
    Error::of_box("trun", "it points outside of any file")
}
