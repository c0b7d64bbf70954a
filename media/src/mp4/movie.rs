//! A whole file, as its `moov` describes it. ISO/IEC 14496-12, 8.2.

use mp4_atom::{Mvhd, Trex};

use super::{
    Error, Sample,
    boxes::{child, children, decode, find},
    format::Format,
    name,
    table::Cursor,
    track::{Found, Track},
};
use crate::fmp4;

/// Tracks that are looked at; a file with more is refused.
const MAX_TRACKS: usize = 64;

/// A file with a video track and perhaps sound.
#[derive(Debug)]
pub struct Movie {
    /// What a decoder must know, for [`Sample::format`].
    pub formats: Vec<Format>,
    /// What is not shown, in words, such as `audio opus`.
    pub left_out: Vec<String>,
    pub(super) video: Track,
    pub(super) audio: Option<Track>,
    /// What fragments leave unsaid; empty if the file has none.
    pub(super) defaults: Vec<Trex>,
}

/// A place in a file that is not fragmented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    video: Cursor,
    audio: Cursor,
}

impl Movie {
    /// From the body of a `moov`. Of several tracks of a kind, the first one that is understood is taken.
    pub fn parse(moov: &[u8]) -> Result<Self, Error> {
        let film_timescale = find::<Mvhd>(moov)?.map_or(1_000, |mvhd| mvhd.timescale);
        let (mut formats, mut left_out) = (Vec::new(), Vec::new());
        let (mut video, mut audio) = (None, None);
        let traks = children(moov).filter(|(kind, _)| kind == b"trak");
        for (number, (_, trak)) in traks.enumerate() {
            if number == MAX_TRACKS {
                return Err(Error::TooMany {
                    what: "tracks",
                    count: number as u64 + 1,
                    limit: MAX_TRACKS as u64,
                });
            }
            match Track::parse(trak, film_timescale, &mut formats) {
                Ok(Found::Track(track)) => {
                    let slot = match track.kind {
                        fmp4::Track::Video => &mut video,
                        fmp4::Track::Audio => &mut audio,
                    };
                    if slot.is_none() {
                        *slot = Some(track);
                    } else {
                        left_out.push(format!("a further {} track", name(track.kind)));
                    }
                }
                Ok(Found::Unknown(kind, what)) => left_out.push(format!("{} {what}", name(kind))),
                Ok(Found::Other) => {}
                Err(error) if is_audio(trak) => left_out.push(format!("audio ({error})")),
                Err(error) => return Err(error),
            }
        }
        let Some(video) = video else {
            let mut found = left_out;
            found.extend(audio.map(|_| "sound".to_owned()));
            return Err(Error::NoVideo {
                found: (!found.is_empty()).then(|| found.join(", ")),
            });
        };
        let defaults = child(moov, b"mvex").map_or_else(
            || Ok(Vec::new()),
            |mvex| {
                let found = children(mvex).filter(|(kind, _)| kind == b"trex");
                found
                    .take(MAX_TRACKS)
                    .map(|(_, body)| decode(body))
                    .collect()
            },
        )?;
        Ok(Self {
            formats,
            left_out,
            video,
            audio,
            defaults,
        })
    }

    /// Whether its frames are in fragments behind the `moov`: [`fragment`](Self::fragment) reads them.
    pub fn is_fragmented(&self) -> bool {
        !self.defaults.is_empty() && self.video.table.len() == 0
    }

    /// Whether there is a track of sound that is understood.
    pub fn has_audio(&self) -> bool {
        self.audio.is_some()
    }

    /// The next frame of either track in the order of decoding, sound so much earlier. For a file that is not
    /// fragmented.
    pub fn next(&self, place: &mut Place, sound_ahead_us: i64) -> Option<Sample> {
        let (mut video_place, mut audio_place) = (place.video, place.audio);
        let video = self.video.next(&mut video_place);
        let audio = self
            .audio
            .as_ref()
            .and_then(|audio| audio.next(&mut audio_place));
        let audio_first = match (&video, &audio) {
            (Some(video), Some(audio)) => audio.decode_us - sound_ahead_us < video.decode_us,
            (None, _) => true,
            (_, None) => false,
        };
        if audio_first {
            place.audio = audio_place;
            audio
        } else {
            place.video = video_place;
            video
        }
    }

    /// How many frames lie, in whole or in part, beyond a file of `file_bytes`, and how many there are. For a file
    /// that is not fragmented.
    pub fn beyond(&self, file_bytes: u64) -> (u64, u64) {
        let (mut place, mut beyond, mut all) = (Place::default(), 0, 0);
        while let Some(sample) = self.next(&mut place, 0) {
            all += 1;
            let end = sample.offset.checked_add(sample.len_bytes.into());
            beyond += u64::from(end.is_none_or(|end| end > file_bytes));
        }
        (beyond, all)
    }
}

fn is_audio(trak: &[u8]) -> bool {
    let hdlr = child(trak, b"mdia").and_then(|mdia| child(mdia, b"hdlr"));
    hdlr.and_then(|hdlr| hdlr.get(8..12)) == Some(b"soun")
}
