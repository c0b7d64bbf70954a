//! Where the frames of a file lie, in the order of decoding.

use std::{collections::VecDeque, fs::File, io, os::unix::fs::FileExt as _};

use sightline_media::{
    fmp4::Track,
    mp4::{BoxHead, Format, Movie, Place, Progress, Sample},
};

/// The largest `moov` that is read, in bytes: two days of video and sound. A file with a larger one is refused.
const MAX_MOOV_BYTES: u64 = 64 << 20;

/// The largest `moof` that is read, in bytes: some minutes. A file with a larger one is refused.
const MAX_MOOF_BYTES: u64 = 4 << 20;

/// Boxes that are passed in search of the `moov`, and from one fragment to the next. Then the search is given up.
const MAX_BOXES: usize = 1 << 16;

/// Fragments that are read ahead, so that tracks which are in fragments of their own come in order.
const AHEAD_FRAGMENTS: usize = 16;

/// Frames that lie ahead at most: no further fragment is read then.
const AHEAD_FRAMES: usize = 4_096;

/// The frames of a file, one after the other.
pub(super) struct Samples {
    movie: Movie,
    file_bytes: u64,
    start: Start,
    /// When the last frame of video ends that is known of, by decode times.
    video_end_us: i64,
    next: Next,
}

/// What the first frames of video say.
#[derive(Clone, Copy, Debug, Default)]
struct Start {
    fps: f64,
    /// When the first one is decoded.
    decode_us: i64,
    /// How much later it is shown. Sound is handed on so much earlier than it is heard, as pictures are: then both
    /// end together where the next round starts.
    ahead_us: i64,
}

/// A frame, and when it is to be handed on, in microseconds since the first frame of video.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) sample: Sample,
    pub(super) at_us: i64,
}

enum Next {
    Tables(Place),
    Fragments {
        /// Where fragments start.
        first: u64,
        /// Where the next box is.
        at: u64,
        progress: Progress,
        ahead: VecDeque<Sample>,
        ended: bool,
    },
}

impl Samples {
    /// Reads what the file says of itself. The error is for people.
    pub(super) fn open(file: &File) -> Result<Self, String> {
        let file_bytes = file.metadata().map_err(|error| error.to_string())?.len();
        let (moov_end, moov) = find_moov(file, file_bytes)?;
        let movie = Movie::parse(&moov).map_err(|error| error.to_string())?;
        drop(moov);
        let mut video_end_us = i64::MIN;
        let next = if movie.is_fragmented() {
            Next::Fragments {
                first: moov_end,
                at: moov_end,
                progress: Progress::default(),
                ahead: VecDeque::new(),
                ended: false,
            }
        } else {
            let (beyond, all) = movie.beyond(file_bytes);
            if beyond > 0 {
                return Err(format!(
                    "it is cut short or its tables lie: {beyond} of its {all} frames are said to be beyond its end"
                ));
            }
            video_end_us = video(&movie).map(end_us).max().unwrap_or(0);
            Next::Tables(Place::default())
        };
        let mut samples = Self {
            start: Start::default(),
            video_end_us,
            movie,
            file_bytes,
            next,
        };
        samples.start = samples.find_start(file)?;
        Ok(samples)
    }

    pub(super) fn formats(&self) -> &[Format] {
        &self.movie.formats
    }

    pub(super) fn left_out(&self) -> &[String] {
        &self.movie.left_out
    }

    pub(super) fn fps(&self) -> f64 {
        self.start.fps
    }

    /// From the first frame of video to behind the last one that is known of, in microseconds.
    pub(super) fn len_us(&self) -> i64 {
        (self.video_end_us - self.start.decode_us).max(0)
    }

    /// When the first frame of video is decoded.
    pub(super) fn start_us(&self) -> i64 {
        self.start.decode_us
    }

    pub(super) fn rewind(&mut self) {
        match &mut self.next {
            Next::Tables(place) => *place = Place::default(),
            Next::Fragments {
                first,
                at,
                progress,
                ahead,
                ended,
            } => {
                *at = *first;
                *progress = Progress::default();
                ahead.clear();
                *ended = false;
            }
        }
    }

    /// The next frame; `None` at the end, which is where video ends.
    pub(super) fn next(&mut self, file: &File) -> Result<Option<Due>, String> {
        loop {
            let Some(sample) = self.next_sample(file)? else {
                return Ok(None);
            };
            let at_us = self.due_us(&sample);
            if sample.track == Track::Video {
                return Ok(Some(Due { sample, at_us }));
            }
            if at_us >= self.len_us() && self.no_video_follows() {
                return Ok(None);
            }
            // What comes before the first picture is left out.
            if at_us >= 0 {
                return Ok(Some(Due { sample, at_us }));
            }
        }
    }

    fn due_us(&self, sample: &Sample) -> i64 {
        let ahead_us = match sample.track {
            Track::Video => 0,
            Track::Audio => self.start.ahead_us,
        };
        sample.decode_us - self.start.decode_us - ahead_us
    }

    /// Whether all frames of video were given.
    fn no_video_follows(&self) -> bool {
        match &self.next {
            // Its end is known from the start, and nothing of it comes later.
            Next::Tables(_) => true,
            Next::Fragments { ahead, ended, .. } => {
                *ended && !ahead.iter().any(|sample| sample.track == Track::Video)
            }
        }
    }

    fn next_sample(&mut self, file: &File) -> Result<Option<Sample>, String> {
        match &mut self.next {
            Next::Tables(place) => Ok(self.movie.next(place, self.start.ahead_us)),
            Next::Fragments { .. } => self.next_of_fragments(file),
        }
    }

    fn next_of_fragments(&mut self, file: &File) -> Result<Option<Sample>, String> {
        let Next::Fragments {
            at,
            progress,
            ahead,
            ended,
            ..
        } = &mut self.next
        else {
            return Ok(None);
        };
        for _ in 0..AHEAD_FRAGMENTS {
            let has = |track| ahead.iter().any(|sample: &Sample| sample.track == track);
            let enough = has(Track::Video) && (has(Track::Audio) || !self.movie.has_audio());
            if *ended || enough || ahead.len() >= AHEAD_FRAMES {
                break;
            }
            let Some((moof_at, moof)) = find_moof(file, self.file_bytes, at)? else {
                *ended = true;
                break;
            };
            let found = self
                .movie
                .fragment(&moof, moof_at, progress)
                .map_err(|error| format!("its fragment at byte {moof_at}: {error}"))?;
            // A recorder that was switched off leaves its last fragment unfinished.
            let whole = found.iter().all(|sample| {
                let end = sample.offset.checked_add(sample.len_bytes.into());
                end.is_some_and(|end| end <= self.file_bytes)
            });
            if !whole {
                tracing::debug!(moof_at, "the last fragment is cut short");
                *ended = true;
                break;
            }
            let video = found.iter().filter(|sample| sample.track == Track::Video);
            let end = video.map(|&sample| end_us(sample)).max();
            self.video_end_us = self.video_end_us.max(end.unwrap_or(i64::MIN));
            ahead.extend(found);
            let sound_ahead_us = self.start.ahead_us;
            ahead
                .make_contiguous()
                .sort_by_key(|sample| match sample.track {
                    Track::Video => sample.decode_us,
                    Track::Audio => sample.decode_us - sound_ahead_us,
                });
        }
        Ok(ahead.pop_front())
    }

    /// Looks at the first frames, and starts again.
    fn find_start(&mut self, file: &File) -> Result<Start, String> {
        const LOOKED_AT: usize = 200;
        let mut video = Vec::new();
        for _ in 0..LOOKED_AT {
            let Some(sample) = self.next_sample(file)? else {
                break;
            };
            if sample.track == Track::Video {
                video.push(sample);
            }
        }
        self.rewind();
        let Some(first) = video.first() else {
            return Err(format!(
                "there is no video among its first {LOOKED_AT} frames"
            ));
        };
        let us: i64 = video.iter().map(|sample| sample.duration_us).sum();
        let shown = video.iter().map(|sample| sample.present_us).min();
        Ok(Start {
            fps: video.len() as f64 * 1e6 / us.max(1) as f64,
            decode_us: first.decode_us,
            ahead_us: (shown.unwrap_or(0) - first.decode_us).max(0),
        })
    }
}

fn video(movie: &Movie) -> impl Iterator<Item = Sample> {
    let mut place = Place::default();
    std::iter::from_fn(move || movie.next(&mut place, 0))
        .filter(|sample| sample.track == Track::Video)
}

fn end_us(sample: Sample) -> i64 {
    sample.decode_us + sample.duration_us
}

/// Where the `moov` ends, and its body.
fn find_moov(file: &File, file_bytes: u64) -> Result<(u64, Vec<u8>), String> {
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        let Some(found) = Found::at(file, file_bytes, at)? else {
            return Err(
                "it has no box moov: it is cut short, or the recording was not finished".into(),
            );
        };
        if found.head.kind == *b"moov" {
            let body = found.body(file, file_bytes, MAX_MOOV_BYTES)?;
            return Ok((found.end, body));
        }
        at = found.end;
    }
    Err(format!(
        "there is no moov among its first {MAX_BOXES} boxes"
    ))
}

/// Where the next `moof` starts, and its body; `None` if there is no further one that is whole. `at` moves behind it.
fn find_moof(file: &File, file_bytes: u64, at: &mut u64) -> Result<Option<(u64, Vec<u8>)>, String> {
    for _ in 0..MAX_BOXES {
        let Some(found) = Found::at(file, file_bytes, *at)? else {
            return Ok(None);
        };
        if found.head.kind == *b"moof" {
            if found.end > file_bytes {
                return Ok(None);
            }
            let body = found.body(file, file_bytes, MAX_MOOF_BYTES)?;
            *at = found.end;
            return Ok(Some((found.start, body)));
        }
        *at = found.end;
    }
    Err(format!("there is no fragment among {MAX_BOXES} boxes"))
}

/// A box in the file.
struct Found {
    head: BoxHead,
    start: u64,
    end: u64,
}

impl Found {
    /// The box at byte `at`; `None` if the file ends there.
    fn at(file: &File, file_bytes: u64, at: u64) -> Result<Option<Self>, String> {
        let mut bytes = [0; BoxHead::MAX_BYTES];
        let len = usize::try_from(file_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let bytes = &mut bytes[..len.min(BoxHead::MAX_BYTES)];
        if bytes.len() < 8 {
            return Ok(None);
        }
        read(file, bytes, at)?;
        let head = BoxHead::parse(bytes)
            .filter(BoxHead::is_named)
            .ok_or_else(|| format!("at byte {at} there is no box of MP4"))?;
        let end = head
            .len_bytes
            .map_or(Some(file_bytes), |len| at.checked_add(len))
            .unwrap_or(u64::MAX);
        Ok(Some(Self {
            head,
            start: at,
            end,
        }))
    }

    fn body(&self, file: &File, file_bytes: u64, limit: u64) -> Result<Vec<u8>, String> {
        let kind = String::from_utf8_lossy(&self.head.kind);
        if self.end > file_bytes {
            return Err(format!(
                "it is cut short: its box {kind} goes on beyond its end"
            ));
        }
        let start = self.start + self.head.head_bytes;
        let len = self.end - start;
        if len > limit {
            return Err(format!(
                "its box {kind} has {len} bytes, at most {limit} are read"
            ));
        }
        let mut body = vec![0; usize::try_from(len).unwrap_or(0)];
        read(file, &mut body, start)?;
        Ok(body)
    }
}

fn read(file: &File, into: &mut [u8], at: u64) -> Result<(), String> {
    file.read_exact_at(into, at)
        .map_err(|error: io::Error| error.to_string())
}
