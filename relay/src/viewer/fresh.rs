//! Until when a picture passes for live.

use std::time::Duration;

use sightline_proto::CameraState;

use crate::directory::Camera;

/// A picture younger than this is never stale: that the camera is well again is announced apart from it,
/// and may come later.
pub(crate) const NEW: Duration = Duration::from_millis(500);

/// A picture younger than this is not stale while its camera is well.
const AT_LEAST: Duration = Duration::from_secs(1);

/// The same where the camera's rate is not known.
const UNKNOWN_RATE: Duration = Duration::from_secs(2);

/// However slow the camera, a picture older than this is stale.
const AT_MOST: Duration = Duration::from_secs(60);

/// A camera may be late by this many frames.
const FRAMES: f32 = 3.0;

/// Whether a picture that came `age` ago must be marked: the camera is gone or gives nothing, or the
/// picture is older than the camera's rate explains. `fps` is 0 where it is not known.
pub(crate) fn is_stale(age: Duration, online: bool, state: CameraState, fps: f32) -> bool {
    let ill = !online || matches!(state, CameraState::Failed | CameraState::Stalled);
    let expected = if fps > 0.0 {
        Duration::try_from_secs_f32(FRAMES / fps).unwrap_or(AT_MOST)
    } else {
        UNKNOWN_RATE
    };
    age >= if ill {
        NEW
    } else {
        expected.clamp(AT_LEAST, AT_MOST)
    }
}

/// [`is_stale`] for a picture of a stream of `camera`; one of a forgotten camera is stale.
pub(crate) fn is_stale_of(
    camera: Option<&Camera>,
    stream: &sightline_proto::Token,
    age: Duration,
) -> bool {
    camera.is_none_or(|camera| {
        let fps = camera.offer(stream).map_or(0.0, |offer| offer.fps);
        is_stale(age, camera.online, camera.state, fps)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_stale_once_the_cameras_rate_does_not_explain_its_age() {
        let live = |ms, fps| is_stale(Duration::from_millis(ms), true, CameraState::Live, fps);
        assert!(!live(999, 30.0));
        assert!(live(1_000, 30.0));
        assert!(!live(14_999, 0.2));
        assert!(live(15_000, 0.2));
        assert!(live(60_000, 0.001));
        assert!(!live(1_999, 0.0));
        assert!(live(2_000, 0.0));
    }

    #[test]
    fn a_picture_of_a_camera_that_is_gone_is_stale_unless_it_just_came() {
        let stale = |ms, online, state| is_stale(Duration::from_millis(ms), online, state, 30.0);
        assert!(stale(500, false, CameraState::Live));
        assert!(stale(500, true, CameraState::Failed));
        assert!(stale(500, true, CameraState::Stalled));
        assert!(!stale(499, true, CameraState::Failed));
        assert!(!stale(500, true, CameraState::Connecting));
    }
}
