//! What a relay counts. `docs/ref/metrics.md` lists every metric; a test proves that it does.

mod labels;
mod recent;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use sightline_proto::CameraName;
use tokio::runtime::Handle;

use labels::{
    CameraLabel, ControlLabel, DropLabels, Presence, PresenceLabel, RefusalLabel, RouteLabel,
    RouteLabels,
};
pub(crate) use labels::{Control, Drop, Refusal, Route};
use recent::{Frames, Recent};

/// The content type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Cameras that have series of their own. Those that are first watched when there are so many share
/// the label `other`.
const MAX_LABELLED_CAMERAS: usize = 500;

/// Seconds. Below 10 ms nobody sees a difference; above 5 s something is broken.
const AGE_BUCKETS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

type Histograms = Family<CameraLabel, Histogram, fn() -> Histogram>;

/// A handle to everything that is counted. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    labelled: Arc<Mutex<HashSet<CameraName>>>,
    recent: Recent,
    pub(crate) announcements_malformed: Counter,
    pub(crate) announcements_rival: Counter,
    pub(crate) announcements_refused: Counter,
    pub(crate) announcements_lost: Counter,
    pub(crate) connections: Gauge,
    pub(crate) bus_up: Gauge,
    pub(crate) ready: Gauge,
    pub(crate) streams_open: Gauge,
    tasks: Gauge,
    runtimes: Arc<[Handle]>,
    pub(crate) last_pictures_bytes: Gauge,
    cameras: Family<PresenceLabel, Gauge>,
    viewers: Family<RouteLabel, Gauge>,
    connections_refused: Family<RefusalLabel, Counter>,
    control_requests: Family<ControlLabel, Counter>,
    frames_received: Family<CameraLabel, Counter>,
    bytes_received: Family<CameraLabel, Counter>,
    frames_dropped: Family<DropLabels, Counter>,
    keys_requested: Family<CameraLabel, Counter>,
    frames_sent: Family<RouteLabels, Counter>,
    bytes_sent: Family<RouteLabels, Counter>,
    frames_skipped: Family<RouteLabels, Counter>,
    age_at_arrival: Histograms,
    transit: Histograms,
    lateness: Histograms,
    age_at_delivery: Histograms,
}

/// The counters of one camera's arriving frames, looked up once.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    label: CameraLabel,
    all: Recent,
    recent: Arc<Frames>,
    dropped: Family<DropLabels, Counter>,
    pub(crate) frames: Counter,
    pub(crate) bytes: Counter,
    pub(crate) keys_requested: Counter,
    age: Histogram,
    pub(crate) transit: Histogram,
    pub(crate) lateness: Histogram,
}

/// The counters of one camera's frames on one route, looked up once.
#[derive(Clone, Debug)]
pub(crate) struct Deliveries {
    frames: Counter,
    bytes: Counter,
    pub(crate) skipped: Counter,
    age: Histogram,
    viewers: Gauge,
}

impl Metrics {
    /// Those of a relay whose tasks run on these.
    pub(crate) fn new(runtimes: impl Into<Arc<[Handle]>>) -> Self {
        let mut registry = Registry::with_prefix("sightline_relay");
        let r = &mut registry;
        r.register(
            "build",
            "What this relay is",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let mut metrics = Self {
            announcements_malformed: registered(
                r,
                "announcements_malformed",
                "Announcements that could not be read",
            ),
            announcements_rival: registered(
                r,
                "announcements_rival",
                "Announcements of a camera that another publisher with a higher epoch announces",
            ),
            announcements_refused: registered(
                r,
                "announcements_refused",
                "Announcements of cameras for which there is no room",
            ),
            announcements_lost: registered(
                r,
                "announcements_lost",
                "Announcements lost because this relay was too slow",
            ),
            connections: registered(r, "connections", "Open connections of viewers"),
            bus_up: registered(r, "bus_up", "1 while the bus is connected"),
            ready: registered(r, "ready", "1 while this relay is ready for viewers"),
            streams_open: registered(r, "streams_open", "Streams subscribed to on the bus"),
            tasks: registered(r, "tasks", "Tasks that run, or wait for something"),
            runtimes: runtimes.into(),
            last_pictures_bytes: registered(
                r,
                "last_pictures_bytes",
                "Memory for the last pictures of cameras that nobody watches",
            ),
            cameras: registered(r, "cameras", "Cameras that are known"),
            viewers: registered(r, "viewers", "Viewers, counted per stream that they watch"),
            connections_refused: registered(
                r,
                "connections_refused",
                "Connections that were refused or ended by this relay",
            ),
            control_requests: registered(
                r,
                "control_requests",
                "Requests of viewers to cameras, by what came of them",
            ),
            frames_received: registered(r, "frames_received", "Frames accepted from the bus"),
            bytes_received: registered(r, "bytes_received", "Bytes of those frames"),
            frames_dropped: registered(
                r,
                "frames_dropped",
                "Frames or parts of frames from the bus that were not accepted",
            ),
            keys_requested: registered(
                r,
                "keyframes_requested",
                "Key frames that cameras were asked for",
            ),
            frames_sent: registered(r, "frames_sent", "Frames handed to viewers' connections"),
            bytes_sent: registered(r, "bytes_sent", "Bytes of those frames, with their framing"),
            frames_skipped: registered(
                r,
                "frames_skipped",
                "Frames left out because a viewer was too slow for them",
            ),
            age_at_arrival: histograms(
                r,
                "frame_age_at_arrival_seconds",
                "From capture to arrival, by the clocks of both hosts",
            ),
            transit: histograms(
                r,
                "frame_transit_seconds",
                "From the publisher to this relay over the bus, by the clocks of both hosts",
            ),
            lateness: histograms(
                r,
                "frame_lateness_seconds",
                "By how much more than the best frame a frame was delayed, whatever the clocks",
            ),
            age_at_delivery: histograms(
                r,
                "frame_age_at_delivery_seconds",
                "From capture until handed to a viewer's connection, by the clocks of both hosts",
            ),
            labelled: Arc::default(),
            recent: Recent::default(),
            registry: Arc::default(),
        };
        metrics.registry = Arc::new(registry);
        metrics
    }

    /// Everything, in the text format.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let tasks = self
            .runtimes
            .iter()
            .map(|runtime| runtime.metrics().num_alive_tasks());
        self.tasks
            .set(i64::try_from(tasks.sum::<usize>()).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub(crate) fn arrivals(&self, camera: &CameraName) -> Arrivals {
        let label = self.label(camera);
        Arrivals {
            dropped: self.frames_dropped.clone(),
            frames: self.frames_received.get_or_create(&label).clone(),
            bytes: self.bytes_received.get_or_create(&label).clone(),
            keys_requested: self.keys_requested.get_or_create(&label).clone(),
            age: self.age_at_arrival.get_or_create(&label).clone(),
            transit: self.transit.get_or_create(&label).clone(),
            lateness: self.lateness.get_or_create(&label).clone(),
            recent: self.recent.of(camera),
            all: self.recent.clone(),
            label,
        }
    }

    /// What lately became of frames.
    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    pub(crate) fn deliveries(&self, camera: &CameraName, route: Route) -> Deliveries {
        let label = self.label(camera);
        let labels = RouteLabels {
            camera: label.camera.clone(),
            route,
        };
        Deliveries {
            frames: self.frames_sent.get_or_create(&labels).clone(),
            bytes: self.bytes_sent.get_or_create(&labels).clone(),
            skipped: self.frames_skipped.get_or_create(&labels).clone(),
            age: self.age_at_delivery.get_or_create(&label).clone(),
            viewers: self.viewers.get_or_create(&RouteLabel { route }).clone(),
        }
    }

    pub(crate) fn refused(&self, reason: Refusal) -> Counter {
        self.connections_refused
            .get_or_create(&RefusalLabel { reason })
            .clone()
    }

    pub(crate) fn control(&self, outcome: Control) -> Counter {
        self.control_requests
            .get_or_create(&ControlLabel { outcome })
            .clone()
    }

    pub(crate) fn set_cameras(&self, online: i64, offline: i64) {
        for (presence, count) in [(Presence::Online, online), (Presence::Offline, offline)] {
            self.cameras
                .get_or_create(&PresenceLabel { presence })
                .set(count);
        }
    }

    fn label(&self, camera: &CameraName) -> CameraLabel {
        let mut labelled = self.labelled.lock().unwrap_or_else(PoisonError::into_inner);
        let own = labelled.contains(camera)
            || (labelled.len() < MAX_LABELLED_CAMERAS && labelled.insert(camera.clone()));
        CameraLabel {
            camera: if own {
                camera.to_string().into()
            } else {
                "other".into()
            },
        }
    }
}

impl Arrivals {
    /// A frame that was taken at `capture_us` came at `arrival_us`.
    pub(crate) fn age(&self, capture_us: i64, arrival_us: i64) {
        let age_us = arrival_us.saturating_sub(capture_us);
        self.age.observe(seconds(age_us));
        self.recent.arrived(age_us, arrival_us);
    }

    pub(crate) fn dropped(&self, reason: Drop, count: u64) {
        self.recent.dropped(count);
        self.all.count(reason, count);
        self.dropped
            .get_or_create(&DropLabels {
                camera: self.label.camera.clone(),
                reason,
            })
            .inc_by(count);
    }
}

impl Deliveries {
    pub(crate) fn sent(&self, len_bytes: usize) {
        self.frames.inc();
        self.bytes.inc_by(len_bytes as u64);
    }

    /// The age of a fresh frame.
    pub(crate) fn age(&self, age_us: i64) {
        self.age.observe(seconds(age_us));
    }

    pub(crate) fn joined(&self) {
        self.viewers.inc();
    }

    pub(crate) fn left(&self) {
        self.viewers.dec();
    }
}

/// Clocks of two hosts may disagree: an age below zero counts as zero.
pub(crate) fn seconds(age_us: i64) -> f64 {
    age_us.max(0) as f64 / 1e6
}

fn registered<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Clone + Default,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn histograms(registry: &mut Registry, name: &str, help: &str) -> Histograms {
    let family = Histograms::new_with_constructor(|| Histogram::new(AGE_BUCKETS));
    registry.register(name, help, family.clone());
    family
}

#[cfg(test)]
mod tests;
