//! One viewer's fragmented MP4 file: pictures, and perhaps sound, from where the viewer came in.
//!
//! Frames are shared by all viewers. What is a viewer's own is a head of about a hundred bytes for each: its file counts
//! from 0 at its first key frame, and has no holes. After frames were left out, the next key frame follows
//! where the last frame ended, and the sound is moved with it: a player that is shown a hole stops there.

mod sound;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use sightline_media::{
    aac,
    fmp4::{Error, Fragment, Sample, Track, VIDEO_TIMESCALE, init_segment, mime},
    h264,
};

use sound::Sound;

/// What a file's tracks are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tracks {
    pub(crate) video: h264::Parameters,
    pub(crate) audio: Option<aac::Config>,
}

/// A frame of either track, at its place on the timeline of its camera. Times are in ticks of the track.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit {
    /// Of the publisher: with another one begins another timeline.
    pub(crate) epoch: u64,
    pub(crate) track: Track,
    pub(crate) key: bool,
    pub(crate) decode_time: u64,
    pub(crate) duration: u32,
    pub(crate) composition_offset: i32,
    /// NAL units behind their lengths, or raw AAC.
    pub(crate) sample: Bytes,
}

/// Writes one viewer's file.
#[derive(Debug)]
pub(crate) struct FileWriter {
    tracks: Tracks,
    sequence: u32,
    place: Option<Place>,
    sound: Option<Sound>,
}

/// How the camera's timeline lies on the file's, both in ticks of the video track.
#[derive(Clone, Copy, Debug)]
struct Place {
    epoch: u64,
    /// When the key frame is decoded with which the viewer came in, or came back, by the camera's time.
    entered: u64,
    /// When that key frame is shown: what is to be shown before it needs frames that the viewer does not have.
    entered_shown: i64,
    /// What is at this time of the file...
    at: u64,
    /// ...when the newest frame is decoded, and when it ends, by the camera's time;
    newest: u64,
    next: u64,
    /// when it ends in the file.
    end: u64,
    /// Only a key frame can go on.
    needs_key: bool,
}

impl FileWriter {
    pub(crate) fn new(tracks: Tracks) -> Self {
        Self {
            sequence: 0,
            place: None,
            sound: tracks.audio.as_ref().map(Sound::new),
            tracks,
        }
    }

    /// What comes first, and after a change of the tracks.
    pub(crate) fn init(&self) -> Result<Bytes, Error> {
        init_segment(Some(&self.tracks.video), self.tracks.audio.as_ref())
    }

    /// `video/mp4; codecs="avc1.64001F,mp4a.40.2"`
    pub(crate) fn mime(&self) -> String {
        mime(Some(&self.tracks.video), self.tracks.audio.as_ref())
    }

    pub(crate) fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// Goes on with other parameters at the next key frame: its init segment comes before that. The file's time
    /// goes on.
    pub(crate) fn change(&mut self, tracks: Tracks) {
        self.sound = tracks
            .audio
            .as_ref()
            .map(|config| Sound::after(self.sound.as_ref(), config));
        self.tracks = tracks;
        if let Some(place) = &mut self.place {
            place.needs_key = true;
        }
    }

    /// When the last picture ends, in microseconds from the start of the file.
    pub(crate) fn end_us(&self) -> u64 {
        self.place.map_or(0, |place| {
            place.end * 1_000 / u64::from(VIDEO_TIMESCALE / 1_000)
        })
    }

    /// Takes the next frame of its track, and adds to `out` what is to be sent by now, in this order: nothing
    /// before the first key frame; sound once the pictures have come as far.
    pub(crate) fn put(&mut self, unit: Unit, out: &mut Vec<Fragment>) -> Result<(), Error> {
        match unit.track {
            Track::Video => self.put_video(unit, out)?,
            Track::Audio => {
                if let Some(sound) = &mut self.sound {
                    sound.wait(unit);
                }
            }
        }
        let (Some(sound), Some(place)) = (&mut self.sound, &self.place) else {
            return Ok(());
        };
        if place.needs_key {
            return Ok(());
        }
        while let Some((sample, payload)) = sound.next(place) {
            self.sequence = self.sequence.wrapping_add(1);
            out.push(sample.fragment(self.sequence, payload)?);
        }
        Ok(())
    }

    fn put_video(&mut self, unit: Unit, out: &mut Vec<Fragment>) -> Result<(), Error> {
        let follows = self.place.is_some_and(|place| {
            let is_next = !unit.key || place.next == unit.decode_time;
            place.epoch == unit.epoch && is_next && !place.needs_key
        });
        if !follows {
            if !unit.key {
                return Ok(());
            }
            let end = self.place.map_or(0, |place| place.end);
            self.place = Some(Place {
                epoch: unit.epoch,
                entered: unit.decode_time,
                entered_shown: shown(&unit),
                at: end,
                newest: unit.decode_time,
                next: unit.decode_time,
                end,
                needs_key: false,
            });
        }
        let Some(place) = &mut self.place else {
            return Ok(());
        };
        place.newest = unit.decode_time;
        place.next = unit.decode_time.saturating_add(unit.duration.into());
        if shown(&unit) < place.entered_shown {
            return Ok(());
        }
        let sample = place.put(&unit);
        self.sequence = self.sequence.wrapping_add(1);
        out.push(sample.fragment(self.sequence, unit.sample)?);
        Ok(())
    }
}

impl Place {
    /// The frame follows where the last one ended. If some between them were left out, it is decoded so much
    /// earlier, and shown when it should.
    fn put(&mut self, unit: &Unit) -> Sample {
        let due = self.in_file(unit.decode_time);
        let early = due.saturating_sub(self.end);
        let sample = Sample {
            track: Track::Video,
            decode_time: self.end,
            duration: u32::try_from(early + u64::from(unit.duration)).unwrap_or(u32::MAX),
            composition_offset: i32::try_from(i64::from(unit.composition_offset) + early as i64)
                .unwrap_or(i32::MAX),
            key: unit.key,
            len_bytes: unit.sample.len(),
        };
        self.end += u64::from(sample.duration);
        sample
    }

    /// A time of the camera, which is not before the viewer came in, in the file.
    fn in_file(&self, camera_time: u64) -> u64 {
        self.at + camera_time.saturating_sub(self.entered)
    }
}

fn shown(unit: &Unit) -> i64 {
    i64::try_from(unit.decode_time)
        .unwrap_or(i64::MAX)
        .saturating_add(unit.composition_offset.into())
}
