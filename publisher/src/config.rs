//! What a publisher is told to do.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sightline_proto::{AUDIO, CameraName, H264, H265, JPEG, SUB, Token};

use crate::{
    camera::{Camera, Named, Offer, Settings, Sub},
    picture::Size,
    source::{self, SourceUrl},
};

/// All names of streams.
const STREAMS: [&str; 5] = [JPEG, H264, H265, AUDIO, SUB];

/// What the H.264 encoder can be asked for.
const H264_KBITS: std::ops::RangeInclusive<u32> = 50..=50_000;

/// Everything that can be configured. `deploy/config/publisher.toml` explains each key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The site of cameras that name none themselves.
    pub site: String,
    /// How to reach the relays.
    pub nats: sightline_bus::Options,
    /// Form and amount of the log.
    pub log: sightline_cli::Log,
    /// The cameras by name.
    pub cameras: BTreeMap<String, CameraConfig>,
}

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
    /// Let relays change quality and rate while it runs.
    pub control: bool,
    /// V4L2 controls to set when the camera is opened, by name.
    pub controls: BTreeMap<String, i64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: "local".into(),
            nats: sightline_bus::Options::default(),
            log: sightline_cli::Log::default(),
            cameras: BTreeMap::new(),
        }
    }
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
            control: false,
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

/// Settings that cannot be used, one line each; every line names its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct InvalidConfig(Vec<String>);

impl Config {
    /// Checks every setting. Opens no source and connects to nothing.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        self.cameras().map(|_| ())
    }

    /// The configured cameras, ready to run.
    pub(crate) fn cameras(&self) -> Result<Vec<Camera>, InvalidConfig> {
        let mut problems = Vec::new();
        if let Err(error) = self.site.parse::<Token>() {
            problems.push(format!("site: {error}"));
        }
        if self.cameras.is_empty() {
            problems.push(
                "cameras: none is configured; add one, for example --camera gate=test://".into(),
            );
        }
        let mut cameras = Vec::new();
        for (name, config) in &self.cameras {
            let before = problems.len();
            let camera = config.camera(name, &self.site, &mut |key, problem| {
                problems.push(match key {
                    "" => format!("cameras.{name}: {problem}"),
                    key => format!("cameras.{name}.{key}: {problem}"),
                });
            });
            match camera {
                Some(camera) if problems.len() == before => cameras.push(camera),
                _ => {}
            }
        }
        if problems.is_empty() {
            Ok(cameras)
        } else {
            Err(InvalidConfig(problems))
        }
    }
}

impl CameraConfig {
    /// Reports every problem; without any, there is a camera.
    fn camera(
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
            control: self.control,
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

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../deploy/config/publisher.toml");

    fn config(toml: &str) -> Config {
        toml::from_str(toml).unwrap()
    }

    fn problems(toml: &str) -> Vec<String> {
        config(toml).validate().unwrap_err().0
    }

    #[test]
    fn the_sample_file_holds_the_defaults() {
        assert_eq!(config(SAMPLE), Config::default());
    }

    /// Lines such as `#quality = 80` are settings that are commented out, `# Quality` is prose.
    #[test]
    fn the_sample_camera_holds_every_key_at_its_default() {
        let uncommented: String = SAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
                    rest
                }
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let sample: toml::Table = toml::from_str(&uncommented).unwrap();
        let camera = sample["cameras"]["gate"].clone();
        let keys = |value: &toml::Value| -> Vec<String> {
            value.as_table().unwrap().keys().cloned().collect()
        };
        let defaults = toml::Value::try_from(CameraConfig::default()).unwrap();
        let (mut given, mut wanted) = (keys(&camera), keys(&defaults));
        given.sort();
        wanted.sort();
        assert_eq!(given, wanted);
        let camera: CameraConfig = camera.try_into().unwrap();
        let wanted = CameraConfig {
            source: camera.source.clone(),
            ..CameraConfig::default()
        };
        assert_eq!(camera, wanted);
        config(&uncommented).validate().unwrap();
        let mut top = keys(&toml::Value::try_from(Config::default()).unwrap());
        let mut given: Vec<_> = sample.keys().cloned().collect();
        top.sort();
        given.sort();
        assert_eq!(given, top);
    }

    #[test]
    fn a_camera_is_at_the_publishers_site_unless_it_names_one() {
        let config = config(
            "site = 'farm'\n[cameras.gate]\nsource = 'test://'\n[cameras.door]\nsite = 'shop'\nsource = 'test://'",
        );
        let names: Vec<_> = config
            .cameras()
            .unwrap()
            .iter()
            .map(|camera| camera.name.to_string())
            .collect();
        assert_eq!(names, ["shop/door", "farm/gate"]);
    }

    #[test]
    fn every_problem_names_its_key() {
        let problems = problems(
            "site = 'FARM'
            [cameras.Gate]
            source = 'test://'
            [cameras.a]
            quality = 0
            max_fps = -1
            max_size = 'big'
            source = 'gopher://me:secret@x'
            [cameras.b]
            site = 'x y'
            [cameras.c]
            source = 'test://'
            controls = { gain = 1 }
            [cameras.d]
            source = 'test://'
            streams = ['jpeg', 'mpeg', 'sub']
            jpeg_fps = 0
            h264_bitrate = 5
            h264_keyframe_s = -1
            [cameras.e]
            source = 'test://'
            sub = 'small'
            sub_fps = 1000
            [cameras.f]
            source = 'test://'
            sub = 'gopher://me:secret@x'",
        );
        for (problem, wanted) in problems.iter().zip([
            "site: ",
            "cameras.Gate: ",
            "cameras.a.quality: ",
            "cameras.a.max_fps: ",
            "cameras.a.max_size: ",
            "cameras.a.source: gopher://x: there is no source gopher:, known are test://",
            "cameras.b.site: ",
            "cameras.b.source: is missing",
            "cameras.c.source: test:// has no controls",
            "cameras.d.streams: there is no stream \"mpeg\", known are jpeg, h264, h265, audio, sub",
            "cameras.d.streams: sub needs the setting sub",
            "cameras.d.jpeg_fps: ",
            "cameras.d.h264_bitrate: ",
            "cameras.d.h264_keyframe_s: ",
            "cameras.e.sub_fps: ",
            "cameras.e.sub: \"small\" is neither a size",
            "cameras.f.sub: gopher://x: there is no source gopher:",
        ]) {
            assert!(problem.starts_with(wanted), "{problem} | {wanted}");
        }
        assert_eq!(problems.len(), 17, "{problems:#?}");
        assert!(!format!("{problems:?}").contains("secret"));
    }

    #[test]
    fn the_small_stream_is_a_size_or_a_source() {
        let config = config(
            "[cameras.a]\nsource = 'test://'
            [cameras.b]\nsource = 'test://'\nsub = '640x360'\nsub_fps = 2
            [cameras.c]\nsource = 'test://'\nsub = 'http://me:secret@x/sub'\nstreams = 'h264, sub'",
        );
        let offers: Vec<_> = config
            .cameras()
            .unwrap()
            .into_iter()
            .map(|camera| camera.offer)
            .collect();
        assert!(offers[0].sub.is_none());
        let Some(Sub::Scaled { max, fps }) = offers[1].sub else {
            panic!("not scaled")
        };
        assert_eq!((max.to_string().as_str(), fps), ("640x360", 2.0));
        let Some(Sub::Source(from)) = &offers[2].sub else {
            panic!("not a source")
        };
        assert_eq!(from.shown, "http://x/sub");
        assert_eq!(offers[2].streams, ["h264", "sub"]);
    }

    #[test]
    fn without_cameras_there_is_nothing_to_run() {
        assert!(problems("")[0].contains("--camera gate=test://"));
    }

    #[test]
    fn credentials_are_not_in_the_debug_form() {
        let config =
            config("[cameras.a]\nsource = 'http://me:secret@x'\nsub = 'http://me:secret@x'");
        assert!(!format!("{config:?}").contains("secret"));
    }
}
