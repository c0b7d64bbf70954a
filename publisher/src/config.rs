//! What a publisher is told to do.

mod camera;

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};
use sightline_proto::Token;

use crate::camera::Camera;
pub use camera::CameraConfig;
pub(crate) use camera::STREAMS;

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
    /// Metrics for Prometheus.
    pub metrics: Metrics,
    /// The cameras by name.
    pub cameras: BTreeMap<String, CameraConfig>,
}

/// Metrics for Prometheus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Address and port to serve them at; empty: nowhere.
    pub listen: String,
}

impl Metrics {
    /// Where to serve them, if anywhere. The error is for people.
    pub(crate) fn address(&self) -> Result<Option<SocketAddr>, String> {
        match self.listen.as_str() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                format!("{text:?} is not an address and a port, for example 127.0.0.1:9464")
            }),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: "local".into(),
            nats: sightline_bus::Options::default(),
            log: sightline_cli::Log::default(),
            metrics: Metrics::default(),
            cameras: BTreeMap::new(),
        }
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
        if let Err(error) = self.metrics.address() {
            problems.push(format!("metrics.listen: {error}"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Sub;

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
    fn an_address_for_metrics_that_is_none_names_its_key() {
        let camera = "[cameras.a]\nsource = 'test://'";
        let wrong = problems(&format!("metrics.listen = ':9464'\n{camera}"));
        assert!(wrong[0].starts_with("metrics.listen: "), "{wrong:?}");
        let good = config(&format!("metrics.listen = '127.0.0.1:9464'\n{camera}"));
        good.validate().unwrap();
        assert_eq!(good.metrics.address().unwrap().unwrap().port(), 9464);
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
