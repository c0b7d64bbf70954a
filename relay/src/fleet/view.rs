//! The fleet as it stands in `/api/status`: docs/ref/http.md.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Peer;
use crate::directory::{Camera, View};

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Fleet<'a> {
    time_us: i64,
    relays: Vec<RelayView<'a>>,
    sites: BTreeMap<&'a str, Site>,
    cameras: Vec<CameraView<'a>>,
}

/// What only the relay that answers knows of a camera.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Own {
    pub(crate) viewers: usize,
    /// How old the frames are that arrive here.
    pub(crate) age_ms: Option<u64>,
    /// Frames that were not accepted here.
    pub(crate) dropped: u64,
}

#[derive(Debug, Serialize)]
struct RelayView<'a> {
    name: &'a str,
    instance: &'a str,
    version: &'a str,
    /// The one that answers.
    here: bool,
    draining: bool,
    started_us: i64,
    connections: u32,
    viewers: u32,
    streams: u32,
    dropped: &'a BTreeMap<String, u64>,
}

#[derive(Debug, Default, Serialize)]
struct Site {
    cameras: usize,
    online: usize,
    viewers: u64,
    bits_per_second: u64,
}

#[derive(Debug, Serialize)]
struct CameraView<'a> {
    #[serde(flatten)]
    view: View<'a>,
    /// On all relays.
    viewers_of_all: u64,
    age_ms: Option<u64>,
    dropped_here: u64,
}

impl<'a> Fleet<'a> {
    /// `relays` begin with the one that answers; `cameras` are by name.
    pub(crate) fn new(
        time_us: i64,
        relays: &'a [Peer],
        cameras: impl IntoIterator<Item = (&'a Camera, Own)>,
    ) -> Self {
        let mut sites = BTreeMap::<_, Site>::new();
        let mut views = Vec::new();
        for (camera, own) in cameras {
            let elsewhere = relays.iter().skip(1);
            let elsewhere: Vec<_> = elsewhere
                .filter_map(|relay| relay.by_camera.get(&camera.name))
                .collect();
            let others: u64 = elsewhere
                .iter()
                .map(|(viewers, _)| u64::from(*viewers))
                .sum();
            let viewers = own.viewers as u64 + others;
            let their_age = elsewhere.iter().find_map(|(_, age_ms)| *age_ms);
            let site = sites.entry(camera.name.site().as_str()).or_default();
            site.cameras += 1;
            site.viewers += viewers;
            if camera.online {
                site.online += 1;
                let bits = camera.streams.iter().map(|offer| offer.bits_per_second);
                site.bits_per_second += bits.map(u64::from).sum::<u64>();
            }
            views.push(CameraView {
                view: camera.view(own.viewers),
                viewers_of_all: viewers,
                age_ms: own.age_ms.or(their_age.map(u64::from)),
                dropped_here: own.dropped,
            });
        }
        let relays = relays.iter().enumerate().map(|(at, relay)| RelayView {
            name: &relay.name,
            instance: &relay.id,
            version: &relay.version,
            here: at == 0,
            draining: relay.draining,
            started_us: relay.started_us,
            connections: relay.connections,
            viewers: relay.viewers,
            streams: relay.streams,
            dropped: &relay.dropped,
        });
        Self {
            time_us,
            relays: relays.collect(),
            sites,
            cameras: views,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sightline_proto::{Announce, CameraState, RelayStatus, Stream, Viewers};
    use std::time::Duration;

    #[test]
    fn viewers_are_summed_over_relays_and_cameras_over_sites() {
        let relay = |id: &str, viewers: u32| {
            let status = RelayStatus {
                name: format!("relay-{id}"),
                viewers,
                by_camera: vec![Viewers {
                    camera: "farm/gate".into(),
                    viewers,
                    age_ms: Some(50),
                }],
                ..RelayStatus::default()
            };
            Peer::new(id, &status, Duration::ZERO)
        };
        let announce = Announce {
            state: CameraState::Live.into(),
            streams: vec![Stream {
                name: "jpeg".into(),
                bits_per_second: 8_000,
                ..Stream::default()
            }],
            ..Announce::default()
        };
        let camera = |name: &str| Camera::announced(name.parse().unwrap(), &announce, 7);
        let cameras = [
            camera("farm/door"),
            camera("farm/gate"),
            camera("shop/till"),
        ];
        let own = |camera: &Camera| Own {
            viewers: usize::from(camera.name.camera().as_str() == "gate") * 2,
            age_ms: (camera.name.camera().as_str() == "till").then_some(40),
            dropped: 1,
        };
        let relays = [relay("1", 2), relay("2", 3)];
        let fleet = Fleet::new(
            9,
            &relays,
            cameras.iter().map(|camera| (camera, own(camera))),
        );
        let json = serde_json::to_value(&fleet).unwrap();
        assert_eq!(json["time_us"], 9);
        assert_eq!(json["relays"][0]["here"], true);
        assert_eq!(json["relays"][1]["here"], false);
        assert_eq!(json["relays"][1]["viewers"], 3);
        let farm = serde_json::json!(
            {"cameras": 2, "online": 2, "viewers": 5, "bits_per_second": 16_000}
        );
        assert_eq!(json["sites"]["farm"], farm);
        let gate = &json["cameras"][1];
        assert_eq!(
            (&gate["name"], &gate["viewers"]),
            (&"farm/gate".into(), &2.into())
        );
        assert_eq!(
            (&gate["viewers_of_all"], &gate["age_ms"]),
            (&5.into(), &50.into())
        );
        assert_eq!(gate["dropped_here"], 1);
        assert_eq!(json["cameras"][0]["age_ms"], serde_json::Value::Null);
        assert_eq!(json["cameras"][2]["age_ms"], 40);
    }
}
