//! Controls of a camera: brightness, exposure and the like, by name.

use std::collections::BTreeMap;

use v4l::{
    Device,
    control::{Flags, Type},
    v4l_sys::{
        V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CID_AUTOGAIN, V4L2_CID_EXPOSURE_ABSOLUTE,
        V4L2_CID_EXPOSURE_AUTO, V4L2_CID_EXPOSURE_AUTO_PRIORITY, V4L2_CID_FOCUS_AUTO,
        V4L2_CID_HUE_AUTO, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME,
    },
};

use super::{
    fault,
    ioctl::{self, Description},
};

/// Names that other kernels give the same control: a configuration outlives an upgrade.
const ALIASES: [(u32, &[&str]); 7] = [
    (V4L2_CID_EXPOSURE_AUTO, &["exposure_auto", "auto_exposure"]),
    (
        V4L2_CID_EXPOSURE_ABSOLUTE,
        &["exposure_absolute", "exposure_time_absolute"],
    ),
    (
        V4L2_CID_EXPOSURE_AUTO_PRIORITY,
        &["exposure_auto_priority", "exposure_dynamic_framerate"],
    ),
    (
        V4L2_CID_AUTO_WHITE_BALANCE,
        &["white_balance_temperature_auto", "white_balance_automatic"],
    ),
    (
        V4L2_CID_FOCUS_AUTO,
        &["focus_auto", "focus_automatic_continuous"],
    ),
    (V4L2_CID_AUTOGAIN, &["gain_automatic", "autogain"]),
    (V4L2_CID_HUE_AUTO, &["hue_auto", "hue_automatic"]),
];

/// The name in a configuration: lower case, what is no letter or digit becomes one underscore. The same
/// as `v4l2-ctl --list-ctrls` shows.
pub(crate) fn configured_name(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            words.push(character.to_ascii_lowercase());
        } else if !words.is_empty() && !words.ends_with('_') {
            words.push('_');
        }
    }
    words.trim_end_matches('_').to_owned()
}

/// Whether it can be set to a number.
pub(crate) fn is_settable(control: &Description) -> bool {
    let number = matches!(
        control.kind,
        Some(
            Type::Integer
                | Type::Boolean
                | Type::Menu
                | Type::IntegerMenu
                | Type::Bitmask
                | Type::Button
        )
    );
    number && !control.flags.intersects(Flags::DISABLED | Flags::READ_ONLY)
}

/// Sets all of `wanted`, with a warning for those that another control rules. The error is for people and says what
/// would have been right.
pub(super) fn apply(device: &Device, wanted: &BTreeMap<String, i64>) -> Result<(), String> {
    let outcome = set_all(device, wanted)?;
    for name in outcome.ruled {
        tracing::warn!(control = %name, "{RULED}");
    }
    Ok(())
}

/// What was set while a camera runs.
pub(super) struct Changed {
    /// What the driver made of the values.
    pub(super) got: BTreeMap<String, i64>,
    /// What to set when the camera is opened again.
    pub(super) held: BTreeMap<String, i64>,
}

/// Sets all of `wanted`, where `held` was set before. The error is for people and says what would have been right.
pub(super) fn change(
    device: &Device,
    wanted: &BTreeMap<String, i64>,
    mut held: BTreeMap<String, i64>,
) -> Result<Changed, String> {
    let outcome = set_all(device, wanted)?;
    if !outcome.ruled.is_empty() {
        return Err(format!("controls.{}: {RULED}", outcome.ruled.join(", ")));
    }
    let known = ioctl::controls(device).map_err(|error| fault::reason(&error))?;
    let is_set = |name: &str| {
        find(&known, name).is_ok_and(|control| outcome.set.iter().any(|set| set.id == control.id))
    };
    // One control may have been spelled in many ways.
    held.retain(|name, _| !is_set(name));
    let mut got = BTreeMap::new();
    for set in outcome.set {
        // A button is pressed once.
        if !set.is_button {
            held.insert(set.name.clone(), set.asked);
        }
        got.insert(set.name, set.got);
    }
    Ok(Changed { got, held })
}

const RULED: &str = "not set: another control rules it, most often an automatic one that is on";

#[derive(Default)]
struct Outcome {
    set: Vec<Set>,
    /// Names of those that were not set, because another control rules them.
    ruled: Vec<String>,
}

struct Set {
    id: u32,
    /// As [`configured_name`] has it.
    name: String,
    asked: i64,
    /// What the driver made of it.
    got: i64,
    is_button: bool,
}

/// Nothing is set if one of them cannot be.
///
/// A control that is ruled by another one (exposure time while exposure is automatic) is set after that one, whatever
/// their order.
fn set_all(device: &Device, wanted: &BTreeMap<String, i64>) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    if wanted.is_empty() {
        return Ok(outcome);
    }
    let known = ioctl::controls(device)
        .map_err(|error| format!("its controls: {}", fault::reason(&error)))?;
    let mut waiting = Vec::new();
    for (name, &value) in wanted {
        let control = find(&known, name)?;
        waiting.push((name, control.id, check(device, name, control, value)?));
    }
    // Each round sets what is not ruled by another control now. At worst there is one round for each.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut ruled = Vec::new();
        for (name, id, value) in waiting {
            let now = ioctl::describe(device, id).map_err(|error| refused(name, value, &error))?;
            if now.flags.contains(Flags::INACTIVE) {
                ruled.push((name, id, value));
                continue;
            }
            let got = ioctl::set_value(device, id, value)
                .map_err(|error| refused(name, value, &error))?;
            if got != value && now.kind != Some(Type::Button) {
                tracing::warn!(control = %name, asked = value, got, "the driver changed a value");
            }
            let got = match now.kind {
                Some(Type::Bitmask) => i64::from(got.cast_unsigned()),
                _ => i64::from(got),
            };
            outcome.set.push(Set {
                id,
                name: configured_name(&now.name),
                asked: wanted[name],
                got,
                is_button: now.kind == Some(Type::Button),
            });
        }
        if ruled.len() == before {
            outcome.ruled = ruled.into_iter().map(|(name, ..)| name.clone()).collect();
            return Ok(outcome);
        }
        waiting = ruled;
    }
    Ok(outcome)
}

/// Asks a camera that gives H.264 for a key frame. Many have no such control: they give one by themselves.
pub(super) fn ask_for_key_frame(device: &Device) {
    if let Err(error) = ioctl::set_value(device, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1) {
        tracing::debug!(%error, "the camera cannot be asked for a key frame");
    }
}

fn refused(name: &str, value: i32, error: &std::io::Error) -> String {
    format!("controls.{name} = {value}: {}", fault::reason(error))
}

/// The control of that name, or the error that lists the known ones, the most similar first.
fn find<'a>(known: &'a [Description], name: &str) -> Result<&'a Description, String> {
    let asked = configured_name(name);
    let settable = || known.iter().filter(|control| is_settable(control));
    if let Some(control) = settable().find(|control| configured_name(&control.name) == asked) {
        return Ok(control);
    }
    let alias = ALIASES
        .iter()
        .find(|(_, names)| names.contains(&asked.as_str()))
        .and_then(|&(id, _)| settable().find(|control| control.id == id));
    if let Some(control) = alias {
        return Ok(control);
    }
    let mut names: Vec<_> = settable()
        .map(|control| configured_name(&control.name))
        .collect();
    // The larger the similarity, the earlier; equal ones stay in the driver's order.
    names.sort_by(|a, b| {
        strsim::jaro_winkler(b, &asked).total_cmp(&strsim::jaro_winkler(a, &asked))
    });
    Err(if names.is_empty() {
        format!("controls.{name}: it has no controls that can be set")
    } else {
        format!(
            "controls.{name}: there is no such control, it has {}",
            names.join(", ")
        )
    })
}

/// The value as the driver takes it, or the error that says what it takes.
fn check(device: &Device, name: &str, control: &Description, value: i64) -> Result<i32, String> {
    in_range(name, control, value)?;
    if matches!(control.kind, Some(Type::Menu | Type::IntegerMenu)) {
        let choices = ioctl::menu(device, control);
        if !choices.iter().any(|&(choice, _)| choice == value) {
            let choices: Vec<_> = choices
                .iter()
                .map(|(value, text)| format!("{value} ({text})"))
                .collect();
            return Err(format!(
                "controls.{name} = {value}: it has the choices {}",
                choices.join(", ")
            ));
        }
    }
    if control.kind == Some(Type::Bitmask) {
        // All 32 bits may be used: the driver takes them as they are.
        return u32::try_from(value)
            .map(u32::cast_signed)
            .map_err(|_| format!("controls.{name} = {value}: use a number of 32 bits"));
    }
    i32::try_from(value).map_err(|_| format!("controls.{name} = {value}: use a number of 32 bits"))
}

fn in_range(name: &str, control: &Description, value: i64) -> Result<(), String> {
    let Description {
        minimum,
        maximum,
        step,
        ..
    } = *control;
    match control.kind {
        // Any number presses it.
        Some(Type::Button) => return Ok(()),
        // The driver states no minimum, and the bits that it knows as the maximum.
        Some(Type::Bitmask) => return Ok(()),
        _ => {}
    }
    if !(minimum..=maximum).contains(&value) {
        return Err(format!(
            "controls.{name} = {value} is out of range: use {minimum} to {maximum}"
        ));
    }
    if step > 1 && !value.abs_diff(minimum).is_multiple_of(step) {
        return Err(format!(
            "controls.{name} = {value} is out of step: use {minimum} to {maximum} in steps of {step}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(id: u32, name: &str, kind: Type) -> Description {
        Description {
            id,
            name: name.into(),
            kind: Some(kind),
            minimum: 0,
            maximum: 255,
            step: 1,
            default: 128,
            flags: Flags::empty(),
        }
    }

    #[test]
    fn names_are_those_of_the_usual_tool() {
        for (driver, configured) in [
            ("Brightness", "brightness"),
            ("White Balance, Automatic", "white_balance_automatic"),
            ("Exposure Time, Absolute ", "exposure_time_absolute"),
            ("LED1 Mode", "led1_mode"),
            (" (Pan) ", "pan"),
            ("???", ""),
        ] {
            assert_eq!(configured_name(driver), configured);
        }
    }

    #[test]
    fn a_control_is_found_by_every_spelling_and_by_its_older_name() {
        let known = [
            control(1, "Brightness", Type::Integer),
            control(V4L2_CID_EXPOSURE_AUTO, "Auto Exposure", Type::Menu),
        ];
        for name in ["brightness", "Brightness"] {
            assert_eq!(find(&known, name).unwrap().id, 1);
        }
        for name in ["auto_exposure", "exposure_auto", "Exposure, Auto"] {
            assert_eq!(find(&known, name).unwrap().id, V4L2_CID_EXPOSURE_AUTO);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones_most_similar_first() {
        let mut fixed = control(3, "Privacy", Type::Boolean);
        fixed.flags = Flags::READ_ONLY;
        let known = [
            control(1, "Contrast", Type::Integer),
            control(2, "Brightness", Type::Integer),
            fixed,
            control(4, "User Controls", Type::CtrlClass),
        ];
        assert_eq!(
            find(&known, "brightnes").unwrap_err(),
            "controls.brightnes: there is no such control, it has brightness, contrast"
        );
        assert!(find(&known, "privacy").is_err());
        assert!(find(&[], "x").unwrap_err().contains("no controls"));
    }

    #[test]
    fn a_value_out_of_range_is_answered_with_the_range() {
        let mut brightness = control(1, "Brightness", Type::Integer);
        assert_eq!(in_range("brightness", &brightness, 255), Ok(()));
        assert_eq!(
            in_range("brightness", &brightness, 256).unwrap_err(),
            "controls.brightness = 256 is out of range: use 0 to 255"
        );
        brightness.step = 5;
        assert_eq!(in_range("brightness", &brightness, 250), Ok(()));
        assert!(
            in_range("brightness", &brightness, 251)
                .unwrap_err()
                .ends_with("in steps of 5")
        );
        let wide = Description {
            minimum: i64::MIN,
            maximum: i64::MAX,
            step: u64::MAX,
            ..brightness
        };
        assert_eq!(in_range("x", &wide, i64::MIN), Ok(()));
    }

    #[test]
    fn a_button_takes_any_number() {
        assert_eq!(
            in_range("reset", &control(1, "Reset", Type::Button), 9999),
            Ok(())
        );
    }
}
