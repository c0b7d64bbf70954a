//! Sightline with the camera drivers of a real kernel. Run by `tests/v4l2/run`, in a virtual machine.

mod decoded;
mod devices;
mod fleet;
mod vivid;
mod webcam;
