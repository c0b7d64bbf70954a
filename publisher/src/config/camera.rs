//! What a publisher is told of one camera.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sightline_proto::{AUDIO, CameraName, H264, H265, JPEG, SUB, Token};

use crate::{
    camera::{Camera, Named, Offer, Settings, Sub, Verb},
    picture::Size,
    source::{self, SourceUrl},
};

/// All names of streams.
pub(crate) const STREAMS: [&str; 5] = [JPEG, H264, H265, AUDIO, SUB];

/// What the H.264 encoder can be asked for.
const H264_KBITS: std::ops::RangeInclusive<u32> = 50..=50_000;

/// One camera.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameraConfig {
    /// Where its pictures come from: a URL. May hold credentials; they are shown nowhere.
    pub source: String,
    /// The site it is at; empty for the publisher's own.
    pub site: String,
    /// A name for people.
    pub title: String,
    /// The streams that it offers; empty for all that it can.
    #[serde(deserialize_with = "list")]
    pub streams: Vec<String>,
    /// JPEG quality of pictures that are encoded here, 1 to 100.
    pub quality: u8,
    /// JPEGs per second that are made of a source's video.
    pub jpeg_fps: f64,
    /// Kilobits per second of H.264 that is encoded here; 0 for what suits size and rate.
    pub h264_bitrate: u32,
    /// Seconds from one key frame to the next in H.264 that is encoded here.
    pub h264_keyframe_s: f64,
    /// The small stream: empty for none, `<width>x<height>` for JPEGs of that size at most, or the URL of a second
    /// source, which may hold credentials; they are shown nowhere.
    pub sub: String,
    /// Frames per second of a small stream that is scaled here.
    pub sub_fps: f64,
    /// Pictures per second that are published at most; 0 for no limit. A source's own video stays as it is.
    pub max_fps: f64,
    /// `<width>x<height>`: larger pictures that are encoded here are scaled down to fit. Empty for no limit. A JPEG
    /// that is passed through stays as it is.
    pub max_size: String,
    /// Capture and publish even if nobody watches.
    pub always: bool,
    /// What relays may ask for while it runs: `keyframe`, `quality`, `max_fps`, `size`, `controls`.
    #[serde(deserialize_with = "list")]
    pub control: Vec<String>,
    /// V4L2 controls to set when the camera is opened, by name.
    pub controls: BTreeMap<String, i64>,
}

impl Default for CameraConfig {
    fn default() -> Self {
        Self {
            source: String::new(),
            site: String::new(),
            title: String::new(),
            streams: Vec::new(),
            quality: 80,
            jpeg_fps: 5.0,
            h264_bitrate: 0,
            h264_keyframe_s: 2.0,
            sub: String::new(),
            sub_fps: 5.0,
            max_fps: 0.0,
            max_size: String::new(),
            always: false,
            control: vec![Verb::Keyframe.word().into()],
            controls: BTreeMap::new(),
        }
    }
}

/// Without the sources, which may hold credentials.
impl fmt::Debug for CameraConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraConfig")
            .field("site", &self.site)
            .field("title", &self.title)
            .field("streams", &self.streams)
            .field("quality", &self.quality)
            .field("jpeg_fps", &self.jpeg_fps)
            .field("h264_bitrate", &self.h264_bitrate)
            .field("h264_keyframe_s", &self.h264_keyframe_s)
            .field("sub_fps", &self.sub_fps)
            .field("max_fps", &self.max_fps)
            .field("max_size", &self.max_size)
            .field("always", &self.always)
            .field("control", &self.control)
            .field("controls", &self.controls)
            .finish_non_exhaustive()
    }
}

impl CameraConfig {
    /// Reports every problem; without any, there is a camera.
    pub(super) fn camera(
        &self,
        name: &str,
        default_site: &str,
        problem: &mut dyn FnMut(&str, String),
    ) -> Option<Camera> {
        let site = if self.site.is_empty() {
            default_site
        } else {
            &self.site
        };
        let name = name
            .parse::<Token>()
            .map_err(|error| problem("", error.to_string()));
        let site = site.parse::<Token>().map_err(|error| {
            // A wrong default was reported once, for all cameras.
            if !self.site.is_empty() {
                problem("site", error.to_string());
            }
        });
        if !(1..=100).contains(&self.quality) {
            problem("quality", format!("{} is not from 1 to 100", self.quality));
        }
        if !(0.0..=240.0).contains(&self.max_fps) {
            problem(
                "max_fps",
                format!("{} is not from 0 (no limit) to 240", self.max_fps),
            );
        }
        let offer = self.offer(problem);
        let max_size = match self.max_size.as_str() {
            "" => None,
            text => text
                .parse::<Size>()
                .map_err(|error| problem("max_size", format!("{text:?}: {error}")))
                .ok(),
        };
        let control = Verb::all_of(&self.control).unwrap_or_else(|error| {
            problem("control", error);
            Vec::new()
        });
        let from = self
            .parse_source()
            .map_err(|error| problem("source", error))
            .ok()?;
        Some(Camera {
            name: CameraName::new(site.ok()?, name.ok()?),
            title: self.title.clone(),
            from,
            settings: Settings {
                quality: self.quality,
                max_fps: self.max_fps,
            },
            offer,
            max_size,
            always: self.always,
            control,
        })
    }

    fn parse_source(&self) -> Result<Named, String> {
        if self.source.trim().is_empty() {
            return Err("is missing; give a URL, for example v4l2:///dev/video0".into());
        }
        let url = SourceUrl::new(&self.source, self.controls.clone()).map_err(|e| e.to_string())?;
        if !self.controls.is_empty() && url.scheme() != "v4l2" {
            return Err(format!("{url} has no controls; only v4l2:// sources have"));
        }
        named(&url)
    }

    /// Reports every problem.
    fn offer(&self, problem: &mut dyn FnMut(&str, String)) -> Offer {
        for name in &self.streams {
            if !STREAMS.contains(&name.as_str()) {
                let known = STREAMS.join(", ");
                problem(
                    "streams",
                    format!("there is no stream {name:?}, known are {known}"),
                );
            } else if name == SUB && self.sub.is_empty() {
                problem("streams", format!("{SUB} needs the setting {SUB}"));
            }
        }
        for (key, fps) in [("jpeg_fps", self.jpeg_fps), ("sub_fps", self.sub_fps)] {
            if !(0.01..=240.0).contains(&fps) {
                problem(key, format!("{fps} is not from 0.01 to 240"));
            }
        }
        if self.h264_bitrate != 0 && !H264_KBITS.contains(&self.h264_bitrate) {
            let (least, most) = (H264_KBITS.start(), H264_KBITS.end());
            problem(
                "h264_bitrate",
                format!(
                    "{} is neither 0 nor from {least} to {most} kbit/s",
                    self.h264_bitrate
                ),
            );
        }
        let key_interval = match self.h264_keyframe_s {
            seconds if (0.1..=60.0).contains(&seconds) => Duration::from_secs_f64(seconds),
            seconds => {
                problem(
                    "h264_keyframe_s",
                    format!("{seconds} is not from 0.1 to 60"),
                );
                Duration::ZERO
            }
        };
        Offer {
            streams: self.streams.clone(),
            jpeg_fps: self.jpeg_fps,
            h264_bits_per_second: self.h264_bitrate.saturating_mul(1_000),
            h264_key_interval: key_interval,
            sub: self.parse_sub().unwrap_or_else(|error| {
                problem("sub", error);
                None
            }),
        }
    }

    fn parse_sub(&self) -> Result<Option<Sub>, String> {
        if self.sub.is_empty() {
            return Ok(None);
        }
        if let Ok(max) = self.sub.parse::<Size>() {
            let fps = self.sub_fps;
            return Ok(Some(Sub::Scaled { max, fps }));
        }
        if !self.sub.contains(':') {
            return Err(format!(
                "{:?} is neither a size, for example 640x360, nor the URL of a source",
                self.sub
            ));
        }
        let url = SourceUrl::new(&self.sub, BTreeMap::new()).map_err(|error| error.to_string())?;
        named(&url).map(Sub::Source).map(Some)
    }
}

fn named(url: &SourceUrl) -> Result<Named, String> {
    let source = source::parse(url).map_err(|error| error.to_string())?;
    Ok(Named {
        source: source.into(),
        scheme: url.scheme().to_owned(),
        shown: url.to_string(),
    })
}

/// Reads a list, or one text with commas, as the environment has it.
fn list<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Given::deserialize(from)? {
        Given::List(list) => list,
        Given::Text(text) => text
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
    })
}
