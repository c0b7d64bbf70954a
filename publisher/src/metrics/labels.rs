//! Labels.

use prometheus_client::encoding::EncodeLabelSet;
use sightline_proto::CameraName;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CameraLabel {
    camera: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StreamLabels {
    camera: String,
    stream: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DropLabels {
    pub(super) camera: String,
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    pub(super) state: &'static str,
}

impl CameraLabel {
    pub(super) fn of(camera: &CameraName) -> Self {
        Self {
            camera: camera.to_string(),
        }
    }
}

impl StreamLabels {
    pub(super) fn of(camera: &CameraName, stream: &'static str) -> Self {
        Self {
            camera: camera.to_string(),
            stream,
        }
    }
}
