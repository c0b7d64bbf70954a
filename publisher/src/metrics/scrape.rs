//! What is looked up when somebody asks for the metrics: how cameras are, and what they dropped.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use sightline_proto::{CameraName, CameraState};

use super::labels::{DropLabels, StateLabel};
use crate::source::Output;

const STATES: [CameraState; 5] = [
    CameraState::Idle,
    CameraState::Connecting,
    CameraState::Live,
    CameraState::Stalled,
    CameraState::Failed,
];

/// A camera that runs.
pub(crate) struct Watched {
    /// How it is now.
    pub(crate) state: Box<dyn Fn() -> CameraState + Send + Sync>,
    /// Of its sources, which count what they drop.
    pub(crate) outputs: Vec<Output>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Cameras(pub(super) Arc<Mutex<BTreeMap<CameraName, Watched>>>);

impl Collector for Cameras {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let cameras = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_state = STATES.map(|state| (state, 0_i64));
        for camera in cameras.values() {
            let now = (camera.state)();
            for (state, count) in &mut by_state {
                *count += i64::from(*state == now);
            }
        }
        let mut states = encoder.encode_descriptor(
            "cameras",
            "Cameras that are configured, by how they are",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in by_state {
            let label = StateLabel {
                state: state.word(),
            };
            ConstGauge::new(count).encode(states.encode_family(&label)?)?;
        }
        let mut dropped = encoder.encode_descriptor(
            "frames_dropped",
            "Frames that were not published",
            None,
            MetricType::Counter,
        )?;
        for (name, camera) in &*cameras {
            let mut by_reason = BTreeMap::<_, u64>::new();
            for (reason, count) in camera.outputs.iter().flat_map(Output::dropped) {
                *by_reason.entry(reason).or_default() += count;
            }
            for (reason, count) in by_reason {
                let labels = DropLabels {
                    camera: name.to_string(),
                    reason: reason.word(),
                };
                ConstCounter::new(count).encode(dropped.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
