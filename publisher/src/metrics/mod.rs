//! What a publisher counts. `docs/ref/metrics.md` lists every metric; a test proves that it does.

mod labels;
mod scrape;
mod server;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use sightline_bus::{Bus, Link};
use sightline_proto::CameraName;
use tokio::runtime::Handle;

use labels::{CameraLabel, StreamLabels};
pub(crate) use scrape::Watched;
pub(crate) use server::serve;

/// Seconds from capture to the bus. Below 5 ms nobody sees a difference; above 2.5 s something is broken.
const AGE_BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Seconds to make one frame: of a small picture, up to what no camera's rate allows.
const ENCODE_BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.033, 0.066, 0.2, 1.0];

type Histograms = Family<StreamLabels, Histogram, fn() -> Histogram>;

/// A handle to everything that is counted. Cheap to clone. Its series are as many as cameras are configured.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    registry: Registry,
    bus_up: Gauge,
    tasks: Gauge,
    runtimes: Arc<[Handle]>,
    bus_reconnects: Counter,
    /// The cameras that run.
    watched: Arc<Mutex<BTreeMap<CameraName, Watched>>>,
    captured: Family<CameraLabel, Counter>,
    source_failures: Family<CameraLabel, Counter>,
    encoded: Family<StreamLabels, Counter>,
    published: Family<StreamLabels, Counter>,
    bytes_published: Family<StreamLabels, Counter>,
    encode_time: Histograms,
    age: Histograms,
}

/// The counters of one camera, until it is dropped: its series end with it.
#[derive(Debug)]
pub(crate) struct OfCamera {
    metrics: Metrics,
    name: CameraName,
    /// Pictures and units that its sources gave.
    pub(crate) captured: Counter,
    /// Sources that ended, and are opened again.
    pub(crate) source_failures: Counter,
}

/// The counters of one stream, looked up once.
#[derive(Clone, Debug)]
pub(crate) struct OfStream {
    encoded: Counter,
    encode_time: Histogram,
    published: Counter,
    bytes_published: Counter,
    age: Histogram,
}

impl Metrics {
    /// Those of a publisher whose tasks run on these.
    pub(crate) fn new(runtimes: impl Into<Arc<[Handle]>>) -> Self {
        let mut registry = Registry::with_prefix("sightline_publisher");
        let r = &mut registry;
        r.register(
            "build",
            "What this publisher is",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let watched = Arc::default();
        let mut shared = Shared {
            bus_up: registered(r, "bus_up", "1 while the bus is connected"),
            tasks: registered(r, "tasks", "Tasks that run, or wait for something"),
            runtimes: runtimes.into(),
            bus_reconnects: registered(
                r,
                "bus_reconnects",
                "Connections to the bus after the first one",
            ),
            captured: registered(
                r,
                "frames_captured",
                "Pictures, and units of video and sound, that sources gave",
            ),
            source_failures: registered(
                r,
                "source_failures",
                "Sources that failed, fell silent or ended, and are opened again",
            ),
            encoded: registered(r, "frames_encoded", "Frames that were encoded here"),
            published: registered(r, "frames_published", "Frames handed to the bus"),
            bytes_published: registered(r, "bytes_published", "Bytes of those frames"),
            encode_time: histograms(
                r,
                "encode_seconds",
                "To decode, scale and encode one frame, waiting for a thread included",
                || Histogram::new(ENCODE_BUCKETS),
            ),
            age: histograms(
                r,
                "frame_age_at_publish_seconds",
                "From capture until handed to the bus",
                || Histogram::new(AGE_BUCKETS),
            ),
            watched: Arc::clone(&watched),
            registry: Registry::default(),
        };
        r.register_collector(Box::new(scrape::Cameras(watched)));
        shared.registry = registry;
        Self(Arc::new(shared))
    }

    /// Everything, in the text format.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let all = &self.0;
        let tasks = all
            .runtimes
            .iter()
            .map(|runtime| runtime.metrics().num_alive_tasks());
        all.tasks
            .set(i64::try_from(tasks.sum::<usize>()).unwrap_or(i64::MAX));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &all.registry)?;
        Ok(text)
    }

    /// The counters of a camera, which is looked at whenever somebody asks for the metrics.
    pub(crate) fn camera(&self, name: &CameraName, watched: Watched) -> OfCamera {
        self.watched().insert(name.clone(), watched);
        let label = CameraLabel::of(name);
        OfCamera {
            captured: self.0.captured.get_or_create_owned(&label),
            source_failures: self.0.source_failures.get_or_create_owned(&label),
            metrics: self.clone(),
            name: name.clone(),
        }
    }

    /// Keeps the metrics of the bus true, until it is closed.
    pub(crate) async fn follow(&self, bus: &Bus) {
        let mut link = bus.link();
        let (mut before, mut was_up) = (false, false);
        loop {
            let up = *link.borrow_and_update() == Link::Up;
            self.0.bus_up.set(i64::from(up));
            if up && !before {
                if was_up {
                    self.0.bus_reconnects.inc();
                }
                was_up = true;
            }
            before = up;
            if link.changed().await.is_err() {
                return;
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<CameraName, Watched>> {
        self.0
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfCamera {
    pub(crate) fn stream(&self, stream: &'static str) -> OfStream {
        let (all, label) = (&self.metrics.0, StreamLabels::of(&self.name, stream));
        OfStream {
            encoded: all.encoded.get_or_create_owned(&label),
            encode_time: all.encode_time.get_or_create_owned(&label),
            published: all.published.get_or_create_owned(&label),
            bytes_published: all.bytes_published.get_or_create_owned(&label),
            age: all.age.get_or_create_owned(&label),
        }
    }
}

impl Drop for OfCamera {
    fn drop(&mut self) {
        let all = &self.metrics.0;
        self.metrics.watched().remove(&self.name);
        let label = CameraLabel::of(&self.name);
        all.captured.remove(&label);
        all.source_failures.remove(&label);
        for stream in crate::config::STREAMS {
            let label = StreamLabels::of(&self.name, stream);
            all.encoded.remove(&label);
            all.encode_time.remove(&label);
            all.published.remove(&label);
            all.bytes_published.remove(&label);
            all.age.remove(&label);
        }
    }
}

impl OfStream {
    /// A frame was made, or could not be, in this time.
    pub(crate) fn encoded(&self, took: Duration) {
        self.encoded.inc();
        self.encode_time.observe(took.as_secs_f64());
    }

    /// A frame was handed to the bus, this long after it was taken.
    pub(crate) fn published(&self, len_bytes: usize, age_us: i64) {
        self.published.inc();
        self.bytes_published.inc_by(len_bytes as u64);
        // The clock of a camera may be ahead.
        self.age.observe(age_us.max(0) as f64 / 1e6);
    }
}

fn registered<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Clone + Default,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn histograms(
    registry: &mut Registry,
    name: &str,
    help: &str,
    new: fn() -> Histogram,
) -> Histograms {
    let family = Histograms::new_with_constructor(new);
    registry.register(name, help, family.clone());
    family
}
