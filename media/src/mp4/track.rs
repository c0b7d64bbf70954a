//! One track of a file. ISO/IEC 14496-12, 8.3 to 8.6.

use mp4_atom::{Elst, Mdhd, Tkhd};

use super::{
    Error, Sample,
    boxes::{child, find},
    format::{Format, formats},
    name,
    table::{Cursor, Entry, Table},
};
use crate::fmp4;

/// What the file says of a track that can be shown.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) kind: fmp4::Track,
    /// Its number in the file.
    pub(super) id: u32,
    /// Ticks a second, at least 1.
    timescale: u32,
    /// What is added to times of the track, in ticks: edit lists.
    shift: i64,
    /// What is added to decode times beyond that, 0 or less: composition offsets may be negative, and then
    /// frames would be shown before they are decoded.
    pub(super) lead: i64,
    /// By number of the description, from 0; where in the formats of the file it is.
    pub(super) descriptions: Vec<Option<usize>>,
    pub(super) table: Table,
}

/// What came of a `trak` box.
pub(super) enum Found {
    Track(Track),
    /// Video or sound that is not understood, in words.
    Unknown(fmp4::Track, String),
    /// Subtitles, time codes and the like.
    Other,
}

impl Track {
    /// From the body of a `trak`; formats that are understood are added to `known`. `film_timescale` is that of
    /// the `mvhd`.
    pub(super) fn parse(
        trak: &[u8],
        film_timescale: u32,
        known: &mut Vec<Format>,
    ) -> Result<Found, Error> {
        let mdia = child(trak, b"mdia").ok_or(Error::Missing("mdia"))?;
        let hdlr = child(mdia, b"hdlr").ok_or(Error::Missing("hdlr"))?;
        let kind = match hdlr.get(8..12) {
            Some(b"vide") => fmp4::Track::Video,
            Some(b"soun") => fmp4::Track::Audio,
            _ => return Ok(Found::Other),
        };
        let stbl = child(mdia, b"minf")
            .and_then(|minf| child(minf, b"stbl"))
            .ok_or(Error::Missing("stbl"))?;
        let stsd = child(stbl, b"stsd").ok_or(Error::Missing("stsd"))?;
        let mut unknown = None;
        let mut descriptions = Vec::new();
        for format in formats(stsd)? {
            descriptions.push(match format {
                Ok(format) => {
                    known.push(format);
                    Some(known.len() - 1)
                }
                Err(name) => {
                    unknown = Some(name);
                    None
                }
            });
        }
        if descriptions.iter().all(Option::is_none) {
            let named = unknown.unwrap_or_else(|| "no description".into());
            return Ok(Found::Unknown(kind, named));
        }
        let timescale = find::<Mdhd>(mdia)?.ok_or(Error::Missing("mdhd"))?.timescale;
        if timescale == 0 {
            return Err(Error::of_box("mdhd", "a second has no ticks"));
        }
        let edits = child(trak, b"edts")
            .map(find::<Elst>)
            .transpose()?
            .flatten();
        let mut track = Self {
            kind,
            id: find::<Tkhd>(trak)?.ok_or(Error::Missing("tkhd"))?.track_id,
            timescale,
            shift: edits.map_or(0, |edits| shift(&edits, timescale, film_timescale)),
            lead: 0,
            descriptions,
            table: Table::parse(stbl)?,
        };
        track.lead = track.checked_lead()?;
        Ok(Found::Track(track))
    }

    /// Walks through the tables once: after this they hold no surprise.
    fn checked_lead(&self) -> Result<i64, Error> {
        let mut cursor = Cursor::default();
        let mut lead = 0;
        while let Some(entry) = self.entry(&mut cursor)? {
            lead = lead.min(entry.composition);
        }
        Ok(lead)
    }

    fn entry(&self, cursor: &mut Cursor) -> Result<Option<Entry>, Error> {
        self.table.next(cursor).map_err(|reason| Error::Table {
            track: name(self.kind),
            reason,
        })
    }

    /// The next sample of the tables whose format is understood.
    pub(super) fn next(&self, cursor: &mut Cursor) -> Option<Sample> {
        loop {
            // The tables were walked through before.
            let entry = self.entry(cursor).ok().flatten()?;
            if let Some(sample) = self.sample(&entry) {
                return Some(sample);
            }
        }
    }

    /// `None` if its format is not understood.
    pub(super) fn sample(&self, entry: &Entry) -> Option<Sample> {
        let format = self
            .descriptions
            .get(entry.description)
            .copied()
            .flatten()?;
        let decode = i128::from(entry.decode) + i128::from(self.shift);
        let decode_us = self.us(decode + i128::from(self.lead));
        Some(Sample {
            track: self.kind,
            offset: entry.offset,
            len_bytes: entry.len_bytes,
            decode_us,
            present_us: self
                .us(decode + i128::from(entry.composition))
                .max(decode_us),
            duration_us: self.us(entry.duration.into()),
            sync: entry.sync,
            format,
        })
    }

    fn us(&self, ticks: i128) -> i64 {
        let us = (ticks * 1_000_000).div_euclid(self.timescale.into());
        // A hundred years: what is beyond is nonsense, and sums of such times do not overflow.
        const LIMIT: i128 = 100 * 366 * 86_400 * 1_000_000;
        us.clamp(-LIMIT, LIMIT) as i64
    }
}

/// What an edit list adds to times: an empty edit in front delays the track, and the first real one says where it
/// starts. Later ones, which cut and repeat, are not followed.
fn shift(edits: &Elst, timescale: u32, film_timescale: u32) -> i64 {
    let mut delay: i64 = 0;
    for edit in &edits.entries {
        match edit.media_time {
            None => {
                let film_timescale = u128::from(film_timescale.max(1));
                let ticks = (u128::from(edit.segment_duration) * u128::from(timescale)
                    + film_timescale / 2)
                    / film_timescale;
                delay = delay.saturating_add(i64::try_from(ticks).unwrap_or(i64::MAX));
            }
            Some(start) => return delay.saturating_sub_unsigned(start),
        }
    }
    delay
}

#[cfg(test)]
mod tests {
    use mp4_atom::ElstEntry;

    use super::*;

    #[test]
    fn edits_delay_a_track_and_say_where_it_starts() {
        let edit = |segment_duration, media_time| ElstEntry {
            segment_duration,
            media_time,
            media_rate: 1.into(),
        };
        let shift = |entries| shift(&Elst { entries }, 90_000, 1_000);
        assert_eq!(shift(vec![]), 0);
        assert_eq!(shift(vec![edit(5_000, Some(6_000))]), -6_000);
        assert_eq!(shift(vec![edit(500, None), edit(1, Some(6_000))]), 39_000);
        let cut = vec![edit(1, Some(6_000)), edit(1, Some(90_000))];
        assert_eq!(shift(cut), -6_000);
        assert_eq!(shift(vec![edit(u64::MAX, None); 3]), i64::MAX);
    }
}
