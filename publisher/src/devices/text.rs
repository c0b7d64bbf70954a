//! The list of cameras, for people.

use std::fmt::{self, Display, Formatter};

use super::{Camera, Control, Devices, Format, Size};

impl Display for Devices {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for camera in &self.cameras {
            writeln!(f, "{camera}")?;
        }
        if self.cameras.is_empty() {
            writeln!(f, "no camera found")?;
        }
        if !self.others.is_empty() {
            writeln!(f, "video devices that cannot be used:")?;
        }
        for other in &self.others {
            writeln!(f, "  {}: {}", other.path.display(), other.reason)?;
        }
        Ok(())
    }
}

impl Display for Camera {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let source = self.stable_path.as_ref().unwrap_or(&self.path);
        writeln!(f, "{}: {}", self.path.display(), self.name)?;
        writeln!(f, "  source    v4l2://{}", source.display())?;
        writeln!(f, "  driver    {}, at {}", self.driver, self.bus)?;
        writeln!(f, "  formats")?;
        let (usable, unusable): (Vec<_>, Vec<_>) = self
            .formats
            .iter()
            .partition(|format| format.format.is_some());
        for format in usable {
            writeln!(f, "    {format}")?;
        }
        if !unusable.is_empty() {
            let codes: Vec<_> = unusable
                .iter()
                .map(|format| format.fourcc.as_str())
                .collect();
            writeln!(f, "    not used: {}", codes.join(", "))?;
        }
        if !self.controls.is_empty() {
            writeln!(f, "  controls")?;
        }
        for control in &self.controls {
            writeln!(f, "    {control}")?;
        }
        Ok(())
    }
}

impl Display for Format {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sizes: Vec<_> = self.sizes.iter().map(ToString::to_string).collect();
        let sizes = if sizes.is_empty() {
            "sizes unknown".into()
        } else {
            sizes.join(", ")
        };
        write!(f, "{:<8}{sizes}", self.format.unwrap_or(&self.fourcc))
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::One { width, height, fps } => {
                write!(f, "{width}x{height}")?;
                if !fps.is_empty() {
                    let fps: Vec<_> = fps.iter().map(ToString::to_string).collect();
                    write!(f, " ({} fps)", fps.join(", "))?;
                }
                Ok(())
            }
            Self::Range {
                minimum,
                maximum,
                step,
            } => {
                let [min_width, min_height] = minimum;
                let [max_width, max_height] = maximum;
                write!(f, "{min_width}x{min_height} to {max_width}x{max_height}")?;
                if *step != [1, 1] {
                    write!(f, " in steps of {}x{}", step[0], step[1])?;
                }
                Ok(())
            }
        }
    }
}

impl Display for Control {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = self
            .value
            .map_or_else(String::new, |value| format!(" = {value}"));
        write!(f, "{:<36}", format!("{}{value}", self.name))?;
        if !self.choices.is_empty() {
            let choices: Vec<_> = self
                .choices
                .iter()
                .map(|choice| format!("{} ({})", choice.value, choice.text))
                .collect();
            write!(f, "{}, default {}", choices.join(", "), self.default)?;
        } else if self.value.is_some() {
            write!(f, "{} to {}", self.minimum, self.maximum)?;
            if self.step > 1 {
                write!(f, " in steps of {}", self.step)?;
            }
            write!(f, ", default {}", self.default)?;
        } else {
            write!(f, "a button: any number presses it")?;
        }
        if self.inactive {
            write!(f, ", no effect now: another control rules it")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Choice, Other},
        *,
    };

    fn control(name: &str, value: Option<i64>) -> Control {
        Control {
            name: name.into(),
            value,
            minimum: -64,
            maximum: 64,
            step: 1,
            default: 0,
            inactive: false,
            choices: Vec::new(),
        }
    }

    #[test]
    fn a_camera_is_shown_with_what_can_be_configured() {
        let camera = Camera {
            path: "/dev/video0".into(),
            stable_path: Some("/dev/v4l/by-id/usb-Cam-video-index0".into()),
            name: "Cam".into(),
            driver: "uvcvideo".into(),
            bus: "usb-1".into(),
            formats: vec![
                Format {
                    fourcc: "MJPG".into(),
                    description: "Motion-JPEG".into(),
                    format: Some("mjpeg"),
                    sizes: vec![Size::One {
                        width: 640,
                        height: 480,
                        fps: vec![30.0, 7.5],
                    }],
                },
                Format {
                    fourcc: "HEVC".into(),
                    description: "H.264".into(),
                    format: None,
                    sizes: Vec::new(),
                },
            ],
            controls: vec![
                control("brightness", Some(5)),
                Control {
                    choices: vec![Choice {
                        value: 1,
                        text: "Manual".into(),
                    }],
                    inactive: true,
                    ..control("auto_exposure", Some(1))
                },
                control("reset", None),
            ],
        };
        let devices = Devices {
            cameras: vec![camera],
            others: Vec::new(),
        };
        assert_eq!(
            devices.to_string(),
            "\
/dev/video0: Cam
  source    v4l2:///dev/v4l/by-id/usb-Cam-video-index0
  driver    uvcvideo, at usb-1
  formats
    mjpeg   640x480 (30, 7.5 fps)
    not used: HEVC
  controls
    brightness = 5                      -64 to 64, default 0
    auto_exposure = 1                   1 (Manual), default 0, no effect now: another control rules it
    reset                               a button: any number presses it

"
        );
    }

    #[test]
    fn no_camera_is_said_and_why_others_are_none() {
        let others = vec![Other {
            path: "/dev/video0".into(),
            reason: "permission denied".into(),
        }];
        let devices = Devices {
            cameras: Vec::new(),
            others,
        };
        assert_eq!(
            devices.to_string(),
            "no camera found\nvideo devices that cannot be used:\n  /dev/video0: permission denied\n"
        );
    }
}
