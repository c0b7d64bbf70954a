//! What a publisher is told to do.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sightline_proto::{CameraName, Token};

use crate::{
    camera::{Camera, Settings},
    picture::Size,
    source::{self, SourceUrl},
};

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
    /// JPEG quality of pictures that are encoded here, 1 to 100.
    pub quality: u8,
    /// Frames per second that are published at most; 0 for no limit.
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
            quality: 80,
            max_fps: 0.0,
            max_size: String::new(),
            always: false,
            control: false,
            controls: BTreeMap::new(),
        }
    }
}

/// Without the source, which may hold credentials.
impl fmt::Debug for CameraConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraConfig")
            .field("site", &self.site)
            .field("title", &self.title)
            .field("quality", &self.quality)
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
        let max_size = match self.max_size.as_str() {
            "" => None,
            text => text
                .parse::<Size>()
                .map_err(|error| problem("max_size", format!("{text:?}: {error}")))
                .ok(),
        };
        let (url, source) = self
            .parse_source()
            .map_err(|error| problem("source", error))
            .ok()?;
        Some(Camera {
            name: CameraName::new(site.ok()?, name.ok()?),
            title: self.title.clone(),
            scheme: url.scheme().to_owned(),
            shown_source: url.to_string(),
            source,
            settings: Settings {
                quality: self.quality,
                max_fps: self.max_fps,
            },
            max_size,
            always: self.always,
            control: self.control,
        })
    }

    fn parse_source(&self) -> Result<(SourceUrl, Arc<dyn source::Source>), String> {
        if self.source.trim().is_empty() {
            return Err("is missing; give a URL, for example v4l2:///dev/video0".into());
        }
        let url = SourceUrl::new(&self.source, self.controls.clone()).map_err(|e| e.to_string())?;
        if !self.controls.is_empty() && url.scheme() != "v4l2" {
            return Err(format!("{url} has no controls; only v4l2:// sources have"));
        }
        let source = source::parse(&url).map_err(|error| error.to_string())?;
        Ok((url, source.into()))
    }
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
            controls = { gain = 1 }",
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
        ]) {
            assert!(problem.starts_with(wanted), "{problem} | {wanted}");
        }
        assert_eq!(problems.len(), 9, "{problems:#?}");
        assert!(!format!("{problems:?}").contains("secret"));
    }

    #[test]
    fn without_cameras_there_is_nothing_to_run() {
        assert!(problems("")[0].contains("--camera gate=test://"));
    }

    #[test]
    fn credentials_are_not_in_the_debug_form() {
        let config = config("[cameras.a]\nsource = 'http://me:secret@x'");
        assert!(!format!("{config:?}").contains("secret"));
    }
}
