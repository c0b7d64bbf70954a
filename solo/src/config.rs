//! What `sightline` is told to do: the settings of a publisher and a relay, less those of the bus.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use serde::{Deserialize, Serialize};
use sightline_publisher::CameraConfig;

/// Everything that can be configured. `deploy/config/sightline.toml` holds every key at its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Address and port to serve viewers at.
    pub(crate) listen: SocketAddr,
    /// The site of cameras that name none themselves.
    pub(crate) site: String,
    /// What the relay calls itself; empty: the host's name.
    pub(crate) name: String,
    /// How long viewers have to leave when the program is told to stop, in milliseconds.
    pub(crate) drain_ms: u64,
    /// Connections, time limits, other origins.
    pub(crate) http: sightline_relay::Http,
    /// Which streams are kept open for how long, and what is kept of them.
    pub(crate) streams: sightline_relay::Streams,
    /// Form and amount of the log.
    pub(crate) log: sightline_cli::Log,
    /// The cameras by name; with none, the demo.
    pub(crate) cameras: BTreeMap<String, CameraConfig>,
}

impl Default for Config {
    fn default() -> Self {
        let relay = sightline_relay::Config::default();
        Self {
            listen: relay.listen,
            site: sightline_publisher::Config::default().site,
            name: relay.name,
            drain_ms: relay.drain_ms,
            http: relay.http,
            streams: relay.streams,
            log: relay.log,
            cameras: BTreeMap::new(),
        }
    }
}

impl Config {
    /// With the cameras of the demo, if none is configured: the test pattern, the slides, and a camera of
    /// this machine.
    pub(crate) fn or_demo(mut self, device: Option<&Path>) -> Self {
        if self.cameras.is_empty() {
            let mut add = |name: &str, title: &str, source: String| {
                let camera = CameraConfig {
                    source,
                    title: title.into(),
                    ..CameraConfig::default()
                };
                self.cameras.insert(name.into(), camera);
            };
            add(
                "testcard",
                "Test card",
                "test://?size=1280x720&fps=30".into(),
            );
            add("slides", "Three pictures", "images://?fps=1".into());
            if let Some(device) = device {
                add("camera", "Camera", format!("v4l2://{}", device.display()));
            }
        }
        self
    }

    pub(crate) fn publisher(&self) -> sightline_publisher::Config {
        sightline_publisher::Config {
            site: self.site.clone(),
            cameras: self.cameras.clone(),
            log: self.log.clone(),
            ..sightline_publisher::Config::default()
        }
    }

    pub(crate) fn relay(&self) -> sightline_relay::Config {
        sightline_relay::Config {
            listen: self.listen,
            name: self.name.clone(),
            drain_ms: self.drain_ms,
            http: self.http.clone(),
            streams: self.streams.clone(),
            log: self.log.clone(),
            ..sightline_relay::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_cli::settings::Layers;

    #[test]
    fn the_sample_file_holds_every_key_at_its_default() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../deploy/config/sightline.toml"
        );
        let loaded: Config = Layers::new(Some(path.into())).load().unwrap();
        assert_eq!(loaded, Config::default());
        let given: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let all = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(given, all);
    }

    #[test]
    fn the_demo_is_shown_only_if_no_camera_is_configured() {
        let demo = Config::default().or_demo(Some(Path::new("/dev/video4")));
        assert_eq!(
            demo.cameras.keys().collect::<Vec<_>>(),
            ["camera", "slides", "testcard"]
        );
        assert_eq!(demo.cameras["camera"].source, "v4l2:///dev/video4");
        demo.publisher().validate().unwrap();

        let mut own = Config::default();
        own.cameras.insert("gate".into(), CameraConfig::default());
        assert_eq!(own.or_demo(None).cameras.len(), 1);
    }
}
