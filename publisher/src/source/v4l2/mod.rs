//! `v4l2:///dev/video0?size=1280x720&fps=30&format=yuyv`: a camera under Linux.
//!
//! Motion JPEG and H.264 are passed through, raw pixels are handed on to be encoded. What the driver cannot give is
//! rounded by the driver; what it made of a request is logged once per opening.

mod buffers;
mod capture;
mod choose;
pub(crate) mod control;
pub(crate) mod fault;
mod hand_on;
pub(crate) mod ioctl;
pub(crate) mod pixel;
mod stamp;
mod unpack;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio_util::sync::CancellationToken;

pub(crate) use self::capture::{is_camera, rate};
use self::pixel::Pixel;
use super::{Error, Hint, InvalidSource, Output, SetControls, Source, SourceUrl};
use crate::picture::Size;

/// How long a driver may take to stop before it is left alone. A capture that only waits for frames
/// stops well before.
const LONGEST_STOP: Duration = Duration::from_millis(450);

/// How long a driver may take to set controls before whoever asked is told that it hangs.
const LONGEST_SET: Duration = Duration::from_secs(2);

/// The source that `url` names. Opens nothing.
pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    let device = url.path()?;
    if device.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(url.invalid("the path holds a zero byte"));
    }
    let mut parameters = url.parameters()?;
    let size = parameters.size()?;
    let fps = parameters.fps()?;
    let format: Option<String> = parameters.take("format", "a format")?;
    parameters.finish()?;
    let pixel = format
        .map(|word| {
            Pixel::from_word(&word.to_ascii_lowercase()).ok_or_else(|| {
                let words = Pixel::ALL.map(Pixel::word).join(", ");
                url.invalid(format!("format={word} is not known, use one of {words}"))
            })
        })
        .transpose()?;
    Ok(Box::new(V4l2 {
        settings: Mutex::new(Arc::new(Settings {
            device,
            size,
            fps,
            pixel,
            controls: url.controls().clone(),
        })),
        given: Arc::default(),
        setting: Arc::default(),
    }))
}

/// What to ask of a camera. `None` leaves it to us or to the driver.
#[derive(Clone, Debug)]
struct Settings {
    device: PathBuf,
    size: Option<Size>,
    fps: Option<f64>,
    pixel: Option<Pixel>,
    controls: BTreeMap<String, i64>,
}

/// A camera under Linux.
struct V4l2 {
    settings: Mutex<Arc<Settings>>,
    /// What the driver gave at the last opening.
    given: Arc<Mutex<Option<Hint>>>,
    /// Held by a thread that sets controls: one at most, even if the driver never answers it.
    setting: Arc<Mutex<()>>,
}

impl Source for V4l2 {
    /// What the driver gave last, else what is asked for. The device is not touched: opening it would wake
    /// up a camera that another program may be about to use.
    fn hint(&self) -> Hint {
        let given = *self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.unwrap_or_else(|| {
            let settings = self.settings();
            let size = settings.size;
            #[allow(clippy::cast_possible_truncation)]
            Hint {
                width: size.map_or(0, |size| size.width),
                height: size.map_or(0, |size| size.height),
                fps: settings.fps.unwrap_or(0.0) as f32,
            }
        })
    }

    fn run<'a>(
        &'a self,
        output: &'a Output,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.capture(output.clone(), stop).boxed()
    }

    fn resize(&self, size: Size) -> Result<(), String> {
        let mut settings = self.settings();
        Arc::make_mut(&mut settings).size = Some(size);
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn set_controls(&self, wanted: BTreeMap<String, i64>) -> BoxFuture<'_, SetControls> {
        self.set(wanted).boxed()
    }
}

impl V4l2 {
    fn settings(&self) -> MutexGuard<'_, Arc<Settings>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the device once more, which does not disturb who captures from it.
    async fn set(&self, wanted: BTreeMap<String, i64>) -> SetControls {
        let (settings, setting) = (self.settings().clone(), self.setting.clone());
        let set = tokio::task::spawn_blocking(move || {
            let _alone = setting
                .try_lock()
                .map_err(|_| "the driver has not answered the last request yet".to_owned())?;
            let device = ioctl::open(&settings.device).map_err(|error| fault::reason(&error))?;
            control::change(&device, &wanted, settings.controls.clone())
        });
        let changed = match tokio::time::timeout(LONGEST_SET, set).await {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) => return Err("its thread panicked".into()),
            Err(_) => return Err("the driver does not answer".into()),
        };
        Arc::make_mut(&mut self.settings()).controls = changed.held;
        Ok(changed.got)
    }

    /// Captures on a thread of its own: drivers block, and a frame that waits for a free worker is late.
    async fn capture(&self, output: Output, stop: CancellationToken) -> Result<(), Error> {
        let settings = self.settings().clone();
        let failed = |reason: String| Error::Failed {
            what: settings.device.display().to_string(),
            reason,
        };
        let given = Arc::clone(&self.given);
        // Ends the thread too when this future is dropped instead of stopped.
        let thread_stop = stop.child_token();
        let _ends = thread_stop.clone().drop_guard();
        let (done, result) = tokio::sync::oneshot::channel();
        let span = tracing::Span::current();
        std::thread::Builder::new()
            .name("v4l2".into())
            .spawn({
                let settings = settings.clone();
                move || {
                    let _entered = span.entered();
                    let opened = |hint| {
                        *given.lock().unwrap_or_else(PoisonError::into_inner) = Some(hint);
                    };
                    let _ = done.send(capture::run(&settings, &output, &thread_stop, opened));
                }
            })
            .map_err(|error| failed(format!("cannot start a thread: {error}")))?;
        let result = result.map(|result| match result {
            Ok(result) => result,
            Err(_) => Err(failed("its thread panicked".into())),
        });
        tokio::pin!(result);
        tokio::select! {
            result = &mut result => return result,
            () = stop.cancelled() => {}
        }
        if let Ok(result) = tokio::time::timeout(LONGEST_STOP, &mut result).await {
            return result;
        }
        tracing::warn!(
            device = %settings.device.display(),
            "the driver does not answer: the camera stays open until it does"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Box<dyn Source>, InvalidSource> {
        parse(&SourceUrl::new(text, BTreeMap::new()).unwrap())
    }

    #[test]
    fn what_is_asked_for_is_the_hint_until_the_camera_is_open() {
        let source = parsed("v4l2:///dev/video0?size=640x360&fps=12.5&format=YUYV").unwrap();
        let hint = source.hint();
        assert_eq!((hint.width, hint.height, hint.fps), (640, 360, 12.5));
        assert_eq!(
            parsed("v4l2:///dev/v4l/by-id/usb-046d_HD_Pro-video-index0")
                .unwrap()
                .hint(),
            Hint::default()
        );
    }

    #[test]
    fn a_wrong_url_says_what_would_be_right() {
        for (text, wanted) in [
            (
                "v4l2:///dev/video0?format=h265",
                "mjpeg, h264, i420, nv12, i422, yuyv, rgb, grey",
            ),
            ("v4l2:///dev/video0?size=640", "size=640"),
            ("v4l2:///dev/video0?rate=3", "known are size, fps, format"),
            ("v4l2://dev/video0", "v4l2:///path"),
            ("v4l2:///dev/video%00", "zero"),
        ] {
            let error = parsed(text).err().unwrap().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[tokio::test]
    async fn a_device_that_is_missing_or_no_camera_is_an_error_that_names_it() {
        for (text, wanted) in [
            (
                "v4l2:///dev/no-such-camera",
                "cannot open /dev/no-such-camera: there is no such device",
            ),
            (
                "v4l2:///dev/null",
                "cannot open /dev/null: it is not a video device",
            ),
        ] {
            let source = parsed(text).unwrap();
            let output = Output::default();
            let result = source.run(&output, CancellationToken::new()).await;
            assert_eq!(result.unwrap_err().to_string(), wanted);
        }
    }
}
