//! Opens a camera and takes its frames until it fails or is told to stop. Blocks: runs on its own thread.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use v4l::{
    Device, FourCC, Fraction,
    buffer::Flags,
    capability,
    framesize::FrameSizeEnum,
    video::{Capture as _, capture},
};

use super::{
    Settings,
    buffers::{Buffers, Stamp},
    choose::{self, Choice, Offer},
    control, fault,
    hand_on::{Frame, HandOn},
    ioctl::{self, Format},
    pixel::{Pixel, Shape, code, is_whole_frame},
    stamp::capture_time_us,
};
use crate::{
    clock::now_us,
    picture::{Image, Picture},
    pool::Pool,
    source::{DropReason, Error, Hint, Output, passthrough},
};

/// A camera that gives no usable frame for so long has failed: drivers do not notice by themselves.
const SILENCE: Duration = Duration::from_secs(5);

/// How often a waiting thread looks whether it should stop.
const TICK: Duration = Duration::from_millis(100);

/// Pause after a driver said that there is a frame, and then had none: keeps us from spinning.
const FALSE_ALARM: Duration = Duration::from_millis(5);

/// Captures until `stop`, which gives `Ok`. The device is closed when it returns. `opened` learns what the
/// driver gives.
pub(super) fn run(
    settings: &Settings,
    output: &Output,
    stop: &CancellationToken,
    opened: impl FnOnce(Hint),
) -> Result<(), Error> {
    let what = || settings.device.display().to_string();
    let cannot = |reason: String| Error::Open {
        what: what(),
        reason,
    };
    let failed = |error: &std::io::Error| Error::Failed {
        what: what(),
        reason: fault::reason(error),
    };
    let camera = Camera::open(settings).map_err(cannot)?;
    opened(camera.hint());
    let mut buffers =
        Buffers::start(&camera.device).map_err(|error| cannot(fault::reason(&error)))?;
    let silence = camera.longest_silence();
    let mut last_good = Instant::now();
    let mut hand_on = HandOn::default();
    while !stop.is_cancelled() {
        if buffers.wait(TICK).map_err(|error| failed(&error))? {
            let taken = buffers.take(|bytes, stamp| camera.frame(bytes, stamp, output.pool()));
            match taken.map_err(|error| failed(&error))? {
                None => std::thread::sleep(FALSE_ALARM),
                Some(frame) => {
                    let now = Instant::now();
                    let is_h264 = matches!(camera.pixel, Gives::H264);
                    let outcome = hand_on.frame(frame, is_h264, now, output);
                    if outcome.good {
                        last_good = now;
                    }
                    if outcome.ask_for_key {
                        control::ask_for_key_frame(&camera.device);
                    }
                }
            }
        }
        if last_good.elapsed() > silence {
            return Err(Error::Silent {
                what: what(),
                silence,
            });
        }
    }
    Ok(())
}

/// A device that was asked for what is configured, and what it gives.
struct Camera {
    device: Device,
    format: Format,
    pixel: Gives,
    /// `None` where the driver does not say.
    interval: Option<Fraction>,
}

enum Gives {
    Jpeg,
    H264,
    Raw(Shape),
}

impl Camera {
    /// The error is for people.
    fn open(settings: &Settings) -> Result<Self, String> {
        let explain = |error: std::io::Error| fault::reason(&error);
        let device = ioctl::open(&settings.device).map_err(explain)?;
        let card = ioctl::card(&device).map_err(explain)?;
        is_camera(card.capabilities)?;
        // First: some of them change how the pixels lie.
        control::apply(&device, &settings.controls)?;
        let size = settings.size.map(|size| (size.width, size.height));
        let choice = choose::choose(&offers(&device).map_err(explain)?, settings.pixel, size)?;
        let format = ioctl::set_format(&device, choice.fourcc, choice.size).map_err(explain)?;
        let pixel = understand(&choice, &format)?;
        let interval = set_rate(&device, settings.fps).map_err(explain)?;
        let camera = Self {
            device,
            format,
            pixel,
            interval,
        };
        camera.log(settings, &choice, &card.name);
        Ok(camera)
    }

    fn log(&self, settings: &Settings, choice: &Choice, card: &str) {
        let (width, height) = choice.size;
        let fps = settings
            .fps
            .map_or_else(|| "any rate".into(), |fps| format!("{fps} fps"));
        let got_fps = match self.hint().fps {
            0.0 => "unknown rate".into(),
            fps => format!("{fps} fps"),
        };
        let Format {
            fourcc,
            width: got_width,
            height: got_height,
            ..
        } = self.format;
        tracing::info!(
            device = %settings.device.display(),
            card,
            asked = %format_args!("{width}x{height} {} at {fps}", choice.pixel.word()),
            got = %format_args!("{got_width}x{got_height} {} at {got_fps}", code(fourcc)),
            "opened the camera"
        );
    }

    fn hint(&self) -> Hint {
        Hint {
            width: self.format.width,
            height: self.format.height,
            fps: self.interval.map_or(0.0, rate),
        }
    }

    /// A camera that is slow by configuration is not silent.
    fn longest_silence(&self) -> Duration {
        let interval = self.interval.map_or(Duration::ZERO, |interval| {
            Duration::from_secs(interval.numerator.into()) / interval.denominator.max(1)
        });
        SILENCE.max(interval.saturating_mul(3))
    }

    /// A frame, copied out of its buffer into one of `pool`, or why there is none. That copy is the only one: it
    /// has room for the head of a message, and pixels lie in it as an encoder wants them.
    fn frame(&self, bytes: &[u8], stamp: Stamp, pool: &Pool) -> Result<Frame, DropReason> {
        if stamp.flags.contains(Flags::ERROR) || bytes.is_empty() {
            return Err(DropReason::Corrupt);
        }
        tracing::trace!(sequence = stamp.sequence, len = bytes.len(), "frame");
        let capture_time_us =
            capture_time_us(stamp.flags, stamp.time, ioctl::monotonic_now(), now_us());
        let image = match &self.pixel {
            Gives::H264 => {
                return Ok(Frame::H264 {
                    data: Bytes::copy_from_slice(bytes),
                    capture_time_us,
                });
            }
            Gives::Jpeg => Image::Jpeg(passthrough::copied(bytes, pool)?),
            Gives::Raw(shape) => {
                Image::Raw(shape.picture(bytes, pool).ok_or(DropReason::Truncated)?)
            }
        };
        Ok(Frame::Picture(Picture {
            capture_time_us,
            image,
        }))
    }
}

/// Whether frames can be captured from a device with these capabilities; if not, the error says why.
pub(crate) fn is_camera(capabilities: capability::Flags) -> Result<(), String> {
    use capability::Flags as Can;
    if capabilities.contains(Can::VIDEO_CAPTURE | Can::STREAMING) {
        Ok(())
    } else if capabilities.contains(Can::VIDEO_CAPTURE) {
        Err("it cannot stream, only be read, which is not supported".into())
    } else if capabilities.intersects(Can::VIDEO_CAPTURE_MPLANE | Can::VIDEO_M2M_MPLANE) {
        Err("it only has the multi-planar interface, which is not supported".into())
    } else if capabilities.contains(Can::META_CAPTURE) {
        Err("it carries metadata and no pictures: use another node of the same camera".into())
    } else {
        Err("it does not capture video".into())
    }
}

/// Formats and sizes of a device.
fn offers(device: &Device) -> std::io::Result<Vec<Offer>> {
    Ok(ioctl::formats(device)?
        .into_iter()
        .map(|(fourcc, _)| Offer {
            fourcc,
            sizes: sizes(device, fourcc),
        })
        .collect())
}

/// Empty for a driver that cannot list them: it takes any, and rounds.
fn sizes(device: &Device, fourcc: FourCC) -> Vec<FrameSizeEnum> {
    let listed = device.enum_framesizes(fourcc).unwrap_or_default();
    listed.into_iter().map(|listed| listed.size).collect()
}

/// What the driver made of the choice: it may put another format in its place.
fn understand(choice: &Choice, format: &Format) -> Result<Gives, String> {
    let Some(pixel) = Pixel::from_fourcc(format.fourcc).filter(|&pixel| pixel == choice.pixel)
    else {
        return Err(format!(
            "asked for {}, the driver gives {}",
            choice.pixel.word(),
            code(format.fourcc)
        ));
    };
    if !is_whole_frame(format) {
        return Err("it gives separate fields instead of frames, which is not supported".into());
    }
    Ok(match pixel {
        Pixel::Mjpeg => Gives::Jpeg,
        Pixel::H264 => Gives::H264,
        Pixel::Raw(layout) => Gives::Raw(Shape::new(layout, format)),
    })
}

/// Asks for a rate; returns the interval that the driver uses, if it says.
fn set_rate(device: &Device, fps: Option<f64>) -> std::io::Result<Option<Fraction>> {
    let answer = match fps {
        Some(fps) => device.set_params(&capture::Parameters::new(interval(fps))),
        None => device.params(),
    };
    match answer {
        Ok(parameters) => Ok(Some(parameters.interval)
            .filter(|interval| interval.numerator > 0 && interval.denominator > 0)),
        // Not every driver knows of rates.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTTY | libc::EINVAL)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Of a rate above 0 and up to 240, to a thousandth of a frame.
fn interval(fps: f64) -> Fraction {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let thousandths = (fps * 1000.0).round().max(1.0) as u32;
    if thousandths.is_multiple_of(1000) {
        Fraction::new(1, thousandths / 1000)
    } else {
        Fraction::new(1000, thousandths)
    }
}

/// Frames per second, to a hundredth.
pub(crate) fn rate(interval: Fraction) -> f32 {
    let fps = f64::from(interval.denominator) / f64::from(interval.numerator.max(1));
    #[allow(clippy::cast_possible_truncation)]
    let rounded = ((fps * 100.0).round() / 100.0) as f32;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_asked_for_as_the_interval_that_drivers_list() {
        let asked = |fps| {
            let interval = interval(fps);
            (interval.numerator, interval.denominator)
        };
        assert_eq!(asked(30.0), (1, 30));
        assert_eq!(asked(7.5), (1000, 7500));
        assert_eq!(asked(29.97), (1000, 29970));
        assert_eq!(asked(0.000_01), (1000, 1));
    }

    #[test]
    fn an_interval_is_shown_as_a_rate() {
        assert_eq!(rate(Fraction::new(333_333, 10_000_000)), 30.0);
        assert_eq!(rate(Fraction::new(1001, 30_000)), 29.97);
    }

    #[test]
    fn what_is_no_camera_is_told_apart() {
        use capability::Flags as Can;
        assert_eq!(is_camera(Can::VIDEO_CAPTURE | Can::STREAMING), Ok(()));
        for (capabilities, reason) in [
            (Can::VIDEO_CAPTURE_MPLANE | Can::STREAMING, "multi-planar"),
            (Can::META_CAPTURE | Can::STREAMING, "metadata"),
            (Can::VIDEO_OUTPUT | Can::STREAMING, "does not capture"),
            (Can::VIDEO_CAPTURE | Can::READ_WRITE, "cannot stream"),
        ] {
            let error = is_camera(capabilities).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn another_format_than_asked_for_is_an_error() {
        let choice = Choice {
            fourcc: v4l::FourCC::new(b"YUYV"),
            pixel: Pixel::from_word("yuyv").unwrap(),
            size: (8, 8),
        };
        let format = Format {
            fourcc: v4l::FourCC::new(b"MJPG"),
            width: 8,
            height: 8,
            stride_bytes: 0,
            field: 1,
            colorspace: 0,
            quantization: 0,
        };
        let error = understand(&choice, &format).err().unwrap();
        assert_eq!(error, "asked for yuyv, the driver gives MJPG");
        let h264 = v4l::FourCC::new(b"H264");
        let (asked, given) = (
            Choice {
                fourcc: h264,
                pixel: Pixel::H264,
                ..choice
            },
            Format {
                fourcc: h264,
                ..format
            },
        );
        assert!(matches!(understand(&asked, &given), Ok(Gives::H264)));
    }
}
