//! The cameras of this machine, for people who write a configuration and for programs.

mod text;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use v4l::{
    Device, FourCC, Fraction,
    control::{Flags, Type},
    frameinterval::FrameIntervalEnum,
    framesize::FrameSizeEnum,
    video::Capture as _,
};

use crate::source::v4l2::{
    control::{configured_name, is_settable},
    fault, ioctl, is_camera,
    pixel::{self, Pixel},
    rate,
};

/// Names of cameras that stay the same when they are plugged in again, kept by udev.
const STABLE_NAMES: &str = "/dev/v4l/by-id";

/// Drivers of image processors: their devices look like cameras, but give nothing by themselves.
const PROCESSORS: [&str; 2] = ["bcm2835-isp", "pispbe"];

/// What was found. `Display` shows it to people, `Serialize` to programs.
#[derive(Debug, Serialize)]
pub struct Devices {
    /// What can be captured from, in the order of their numbers.
    pub cameras: Vec<Camera>,
    /// Other video devices, and why they cannot be used.
    pub others: Vec<Other>,
}

/// A device that can be captured from.
#[derive(Debug, Serialize)]
pub struct Camera {
    /// `/dev/video0`.
    pub path: PathBuf,
    /// The same device by a name that it keeps, if it has one.
    pub stable_path: Option<PathBuf>,
    /// As the camera calls itself.
    pub name: String,
    /// Of the kernel.
    pub driver: String,
    /// Where it is plugged in.
    pub bus: String,
    /// In the driver's order.
    pub formats: Vec<Format>,
    /// Those that can be set.
    pub controls: Vec<Control>,
}

/// A way the camera can send its pictures.
#[derive(Debug, Serialize)]
pub struct Format {
    /// The kernel's code for it: `MJPG`.
    pub fourcc: String,
    /// The driver's words for it.
    pub description: String,
    /// What `format=` calls it; `None` if it cannot be used.
    pub format: Option<&'static str>,
    /// Empty if the driver does not say.
    pub sizes: Vec<Size>,
}

/// A size, or a range of sizes, in pixels.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Size {
    /// This one.
    One {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Frames per second, in the driver's order; for a range of rates its ends.
        fps: Vec<f32>,
    },
    /// All between, in steps.
    Range {
        /// The smallest: width, height.
        minimum: [u32; 2],
        /// The largest: width, height.
        maximum: [u32; 2],
        /// Width, height.
        step: [u32; 2],
    },
}

/// Something that can be set in a camera's `controls`.
#[derive(Debug, Serialize)]
pub struct Control {
    /// The name in a configuration.
    pub name: String,
    /// Now; `None` for a button.
    pub value: Option<i64>,
    /// The smallest value.
    pub minimum: i64,
    /// The largest value.
    pub maximum: i64,
    /// Between values.
    pub step: u64,
    /// At the start.
    pub default: i64,
    /// Whether it has no effect now, because another control rules it.
    pub inactive: bool,
    /// The values that there are, for a control that lists them.
    pub choices: Vec<Choice>,
}

/// One value of a control.
#[derive(Debug, Serialize)]
pub struct Choice {
    /// What to set.
    pub value: i64,
    /// What it means.
    pub text: String,
}

/// A video device that cannot be captured from.
#[derive(Debug, Serialize)]
pub struct Other {
    /// `/dev/video1`.
    pub path: PathBuf,
    /// For people.
    pub reason: String,
}

/// Lists the video devices of this machine. Opens each of them for a moment; one that is in use is not
/// disturbed.
pub fn list() -> Devices {
    let stable = stable_names(Path::new(STABLE_NAMES));
    let mut devices = Devices {
        cameras: Vec::new(),
        others: Vec::new(),
    };
    for path in nodes(Path::new("/dev")) {
        match camera(&path) {
            Ok(mut camera) => {
                let name = stable.iter().find(|(_, node)| *node == path);
                camera.stable_path = name.map(|(name, _)| name.clone());
                devices.cameras.push(camera);
            }
            Err(reason) => devices.others.push(Other { path, reason }),
        }
    }
    devices
}

/// The first device that can be captured from in a format that Sightline takes.
pub fn first_capture_device() -> Option<PathBuf> {
    nodes(Path::new("/dev"))
        .into_iter()
        .find(|path| has_usable_format(path).unwrap_or(false))
}

fn has_usable_format(path: &Path) -> io::Result<bool> {
    let device = ioctl::open(path)?;
    if is_usable(&ioctl::card(&device)?).is_err() {
        return Ok(false);
    }
    let formats = ioctl::formats(&device)?;
    Ok(formats
        .iter()
        .any(|&(fourcc, _)| Pixel::from_fourcc(fourcc).is_some()))
}

/// `videoN` in `folder`, by number.
fn nodes(folder: &Path) -> Vec<PathBuf> {
    let mut numbered: Vec<(u32, PathBuf)> = entries(folder)
        .filter_map(|path| {
            let number = path
                .file_name()?
                .to_str()?
                .strip_prefix("video")?
                .parse()
                .ok()?;
            Some((number, path))
        })
        .collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// The links in `folder`, and what they point to.
fn stable_names(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut names: Vec<_> = entries(folder)
        .filter_map(|link| fs::canonicalize(&link).ok().map(|node| (link, node)))
        .collect();
    names.sort();
    names
}

/// None if the folder cannot be read: a machine without any camera has none.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

fn is_usable(card: &ioctl::Card) -> Result<(), String> {
    is_camera(card.capabilities)?;
    if PROCESSORS.contains(&card.driver.as_str()) {
        return Err("it is an image processor of the board, and no camera".into());
    }
    Ok(())
}

/// What the device says of itself, or for people why it cannot be used.
fn camera(path: &Path) -> Result<Camera, String> {
    let explain = |error: io::Error| fault::reason(&error);
    let device = ioctl::open(path).map_err(explain)?;
    let card = ioctl::card(&device).map_err(explain)?;
    is_usable(&card)?;
    let formats = ioctl::formats(&device).map_err(explain)?;
    Ok(Camera {
        path: path.to_owned(),
        stable_path: None,
        name: card.name,
        driver: card.driver,
        bus: card.bus,
        formats: formats
            .into_iter()
            .map(|(fourcc, description)| Format {
                fourcc: pixel::code(fourcc),
                description,
                format: Pixel::from_fourcc(fourcc).map(Pixel::word),
                sizes: sizes(&device, fourcc),
            })
            .collect(),
        controls: controls(&device).map_err(explain)?,
    })
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<Size> {
    let listed = device.enum_framesizes(fourcc).unwrap_or_default();
    let size = |size| match size {
        FrameSizeEnum::Discrete(one) => Size::One {
            width: one.width,
            height: one.height,
            fps: rates(device, fourcc, one.width, one.height),
        },
        FrameSizeEnum::Stepwise(range) => Size::Range {
            minimum: [range.min_width, range.min_height],
            maximum: [range.max_width, range.max_height],
            step: [range.step_width, range.step_height],
        },
    };
    listed.into_iter().map(|listed| size(listed.size)).collect()
}

fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<f32> {
    let listed = device
        .enum_frameintervals(fourcc, width, height)
        .unwrap_or_default();
    let ends: Vec<Fraction> = listed
        .into_iter()
        .flat_map(|listed| match listed.interval {
            FrameIntervalEnum::Discrete(interval) => vec![interval],
            FrameIntervalEnum::Stepwise(range) => vec![range.min, range.max],
        })
        .collect();
    ends.into_iter().map(rate).collect()
}

fn controls(device: &Device) -> io::Result<Vec<Control>> {
    let listed = ioctl::controls(device)?;
    let control = |control: &ioctl::Description| {
        let is_menu = matches!(control.kind, Some(Type::Menu | Type::IntegerMenu));
        let choices = if is_menu {
            ioctl::menu(device, control)
        } else {
            Vec::new()
        };
        let number = |value: i32| match control.kind {
            Some(Type::Bitmask) => value.cast_unsigned().into(),
            _ => value.into(),
        };
        let readable =
            control.kind != Some(Type::Button) && !control.flags.contains(Flags::WRITE_ONLY);
        Control {
            name: configured_name(&control.name),
            value: ioctl::value(device, control.id)
                .ok()
                .filter(|_| readable)
                .map(number),
            minimum: control.minimum,
            maximum: control.maximum,
            step: control.step,
            default: control.default,
            inactive: control.flags.contains(Flags::INACTIVE),
            choices: choices
                .into_iter()
                .map(|(value, text)| Choice { value, text })
                .collect(),
        }
    };
    Ok(listed
        .iter()
        .filter(|listed| is_settable(listed))
        .map(control)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_listed_by_number_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["video10", "video2", "videodev", "video", "vbi0", "media0"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = nodes(folder.path())
            .into_iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["video2", "video10"]);
        assert!(nodes(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn a_stable_name_is_a_link_to_a_node() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        fs::write(folder.join("video2"), "").unwrap();
        fs::create_dir(folder.join("by-id")).unwrap();
        let link = folder.join("by-id/usb-cam-index0");
        std::os::unix::fs::symlink("../video2", &link).unwrap();
        std::os::unix::fs::symlink("../gone", folder.join("by-id/usb-gone")).unwrap();
        assert_eq!(
            stable_names(&folder.join("by-id")),
            [(link, folder.join("video2"))]
        );
    }

    #[test]
    fn an_image_processor_is_not_a_camera() {
        use v4l::capability::Flags as Can;
        let card = |driver: &str| ioctl::Card {
            name: String::new(),
            driver: driver.into(),
            bus: String::new(),
            capabilities: Can::VIDEO_CAPTURE | Can::STREAMING,
        };
        assert!(is_usable(&card("uvcvideo")).is_ok());
        assert!(
            is_usable(&card("bcm2835-isp"))
                .unwrap_err()
                .contains("processor")
        );
    }

    #[test]
    fn a_file_that_is_no_device_is_not_a_camera() {
        assert_eq!(
            camera(Path::new("/dev/null")).unwrap_err(),
            "it is not a video device"
        );
        assert!(!has_usable_format(Path::new("/dev/null")).unwrap_or(false));
    }
}
