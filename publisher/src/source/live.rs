//! Pictures or access units in a stream of bytes that comes live, from a pipe: which of the two, its content says.

mod detect;
pub(super) mod h264;

use std::{str::FromStr, time::Duration};

use sightline_media::jpeg;

use self::{
    detect::Detector,
    h264::{Patience, Units},
};
use super::{
    Hint, InvalidSource, Output,
    kind::Kind,
    passthrough::{self, Watch},
    url::Parameters,
};

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// JPEGs one after the other, whatever lies between them.
    Mjpeg,
    /// NAL units between start codes.
    H264,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "mjpeg" => Ok(Self::Mjpeg),
            "h264" => Ok(Self::H264),
            _ => Err(()),
        }
    }
}

/// What is configured of a stream: `format=h264&fps=0.5`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Options {
    /// `None`: its content says.
    pub(super) format: Option<Format>,
    /// The rate that is expected, so that a slow stream is not taken for a silent one.
    pub(super) fps: Option<f64>,
}

impl Options {
    pub(super) fn take(parameters: &mut Parameters<'_>) -> Result<Self, InvalidSource> {
        Ok(Self {
            format: parameters.take("format", "a format: use h264 or mjpeg")?,
            fps: parameters.fps()?,
        })
    }

    pub(super) fn hint(self) -> Hint {
        #[allow(clippy::cast_possible_truncation)]
        Hint {
            fps: self.fps.unwrap_or(0.0) as f32,
            ..Hint::default()
        }
    }

    /// How long to wait for a picture where an ordinary stream is given `usual`.
    pub(super) fn silence(self, usual: Duration) -> Duration {
        let slow = self.fps.map_or(Duration::ZERO, |fps| {
            Duration::try_from_secs_f64(3.0 / fps).unwrap_or(Duration::MAX)
        });
        usual.max(slow)
    }
}

/// The stream is nothing that can be carried: what it is instead, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it gives {0}; supported are Motion JPEG and bare H.264, as ffmpeg gives with `-f mjpeg -` and `-f h264 -`"
)]
pub(super) struct Unusable(&'static str);

/// Hands on what a stream holds.
pub(super) struct Live {
    parser: Parser,
    watch: Watch,
}

enum Parser {
    Unknown(Detector),
    Mjpeg(Box<jpeg::Splitter>),
    H264(Box<Units>, Patience),
}

impl Parser {
    fn of(format: Format, output: &Output) -> Self {
        match format {
            Format::Mjpeg => Self::Mjpeg(Box::new(passthrough::splitter(output))),
            Format::H264 => Self::H264(Box::default(), Patience::default()),
        }
    }
}

impl Live {
    /// A stream that starts now and may go without a picture for `silence`. All that it holds goes to `output`.
    pub(super) fn new(format: Option<Format>, silence: Duration, output: &Output) -> Self {
        Self {
            parser: match format {
                Some(format) => Parser::of(format, output),
                None => Parser::Unknown(Detector::default()),
            },
            watch: Watch::new(silence),
        }
    }

    /// Takes the next bytes, which came at `now_us`, UTC. Says whether there was a whole picture in them.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        now_us: i64,
        output: &Output,
    ) -> Result<bool, Unusable> {
        let any = match &mut self.parser {
            Parser::Unknown(detector) => {
                let Some((kind, start)) = detector.push(bytes) else {
                    return Ok(false);
                };
                let format = match kind {
                    Kind::Jpegs => Format::Mjpeg,
                    Kind::H264 => Format::H264,
                    Kind::H265 => return Err(Unusable("bare H.265")),
                    Kind::Mp4 => return Err(Unusable("an MP4 file")),
                    Kind::Other(what) => return Err(Unusable(what)),
                    Kind::Empty | Kind::Unknown => return Ok(false),
                };
                self.parser = Parser::of(format, output);
                return self.push(&start, now_us, output);
            }
            Parser::Mjpeg(splitter) => {
                let mut any = false;
                for split in splitter.push(bytes, now_us) {
                    any |= passthrough::put_split(output, split);
                }
                any
            }
            Parser::H264(units, patience) => {
                let given = units.push(bytes, now_us, output);
                patience.bytes_came(given.damaged);
                given.any
            }
        };
        Ok(self.seen(any))
    }

    /// How long the stream must be silent before [`flush`](Self::flush) is called.
    pub(super) fn quiet(&self) -> Duration {
        match &self.parser {
            Parser::H264(_, patience) => patience.quiet(),
            _ => Duration::MAX,
        }
    }

    /// Hands on a frame that seems to have ended, as nothing follows it. Says whether there was one.
    pub(super) fn flush(&mut self, output: &Output) -> bool {
        let Parser::H264(units, patience) = &mut self.parser else {
            return false;
        };
        patience.flushed();
        let any = units.flush(output).any;
        self.seen(any)
    }

    /// Hands on what the end of the stream leaves. Says whether there was a picture.
    pub(super) fn finish(&mut self, output: &Output) -> bool {
        match &mut self.parser {
            Parser::Unknown(_) => false,
            Parser::Mjpeg(splitter) => splitter
                .finish()
                .is_some_and(|rest| passthrough::put_split(output, rest)),
            Parser::H264(units, _) => units.finish(output).any,
        }
    }

    /// How long to wait on for a picture; zero once it should have come.
    pub(super) fn left(&self) -> Duration {
        self.watch.left()
    }

    fn seen(&mut self, any: bool) -> bool {
        if any {
            self.watch.picture_came();
        }
        any
    }
}

#[cfg(test)]
mod tests;
