//! Calls to a video driver that the `v4l` crate offers only in a form that panics on values and names it
//! does not know. This file and `buffers` hold all unsafe code of the source.

#![allow(unsafe_code)]

use std::{ffi::c_void, io, mem, path::Path, ptr, time::Duration};

use v4l::{
    Device, FourCC,
    buffer::Type,
    capability, control,
    v4l_sys::{
        V4L2_CAP_DEVICE_CAPS, V4L2_CTRL_FLAG_NEXT_CTRL, v4l2_buffer, v4l2_capability, v4l2_control,
        v4l2_field_V4L2_FIELD_NONE, v4l2_fmtdesc, v4l2_format, v4l2_pix_format,
        v4l2_query_ext_ctrl, v4l2_querymenu, v4l2_requestbuffers,
    },
    v4l2::{self, vidioc},
};

/// A structure that the kernel reads and fills: plain C data of which all zeros is a value.
///
/// # Safety
/// All zeros must be a valid value.
pub(super) unsafe trait Argument: Sized {
    fn zeroed() -> Self {
        // SAFETY: what the trait demands.
        unsafe { mem::zeroed() }
    }
}

// SAFETY: integers, arrays and unions of them, and pointers.
unsafe impl Argument for v4l2_buffer {}
// SAFETY: as above.
unsafe impl Argument for v4l2_capability {}
// SAFETY: as above.
unsafe impl Argument for v4l2_control {}
// SAFETY: as above.
unsafe impl Argument for v4l2_fmtdesc {}
// SAFETY: as above.
unsafe impl Argument for v4l2_format {}
// SAFETY: as above.
unsafe impl Argument for v4l2_query_ext_ctrl {}
// SAFETY: as above.
unsafe impl Argument for v4l2_querymenu {}
// SAFETY: as above.
unsafe impl Argument for v4l2_requestbuffers {}

/// One call, repeated when a signal interrupts it.
///
/// # Safety
/// `argument` must be of the type that `request` is defined for.
pub(super) unsafe fn call<T>(
    device: &Device,
    request: vidioc::_IOC_TYPE,
    argument: &mut T,
) -> io::Result<()> {
    loop {
        let pointer = ptr::from_mut(argument).cast::<c_void>();
        // SAFETY: the caller vouches for the type; it is ours alone for the length of the call.
        match unsafe { v4l2::ioctl(device.handle().fd(), request, pointer) } {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Opens a device node, not blocking, and closed in child processes.
pub(crate) fn open(path: &Path) -> io::Result<Device> {
    let device = Device::with_path(path)?;
    // The crate leaves the descriptor open in children: a player that we start would hold the camera.
    // SAFETY: the descriptor is open as long as `device`.
    if unsafe { libc::fcntl(device.handle().fd(), libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(device)
}

/// What a device says of itself. Names are as the driver gives them, made printable.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) bus: String,
    /// Of this node, not of the whole card.
    pub(crate) capabilities: capability::Flags,
}

pub(crate) fn card(device: &Device) -> io::Result<Card> {
    let mut answer = v4l2_capability::zeroed();
    // SAFETY: the type is that of the request.
    unsafe { call(device, vidioc::VIDIOC_QUERYCAP, &mut answer)? };
    let capabilities = if answer.capabilities & V4L2_CAP_DEVICE_CAPS == 0 {
        answer.capabilities
    } else {
        answer.device_caps
    };
    Ok(Card {
        name: text(&answer.card),
        driver: text(&answer.driver),
        bus: text(&answer.bus_info),
        capabilities: capabilities.into(),
    })
}

/// The formats of single-planar capture, as code and the driver's description.
pub(crate) fn formats(device: &Device) -> io::Result<Vec<(FourCC, String)>> {
    let mut formats = Vec::new();
    loop {
        let mut answer = v4l2_fmtdesc::zeroed();
        answer.index = u32::try_from(formats.len()).unwrap_or(u32::MAX);
        answer.type_ = Type::VideoCapture as u32;
        // SAFETY: the type is that of the request.
        match unsafe { call(device, vidioc::VIDIOC_ENUM_FMT, &mut answer) } {
            Ok(()) => formats.push((answer.pixelformat.into(), text(&answer.description))),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(formats),
            Err(error) => return Err(error),
        }
    }
}

/// A capture format as the driver states it; the codes are those of the kernel's headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Format {
    pub(crate) fourcc: FourCC,
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// 0 for compressed formats.
    pub(crate) stride_bytes: u32,
    pub(crate) field: u32,
    pub(crate) colorspace: u32,
    pub(crate) quantization: u32,
}

impl From<v4l2_pix_format> for Format {
    fn from(format: v4l2_pix_format) -> Self {
        Self {
            fourcc: format.pixelformat.into(),
            width: format.width,
            height: format.height,
            stride_bytes: format.bytesperline,
            field: format.field,
            colorspace: format.colorspace,
            quantization: format.quantization,
        }
    }
}

/// Asks for a format, whole frames rather than fields; returns what the driver made of it.
pub(super) fn set_format(
    device: &Device,
    fourcc: FourCC,
    (width, height): (u32, u32),
) -> io::Result<Format> {
    let mut request = v4l2_format::zeroed();
    request.type_ = Type::VideoCapture as u32;
    request.fmt.pix = v4l2_pix_format {
        width,
        height,
        pixelformat: fourcc.into(),
        field: v4l2_field_V4L2_FIELD_NONE,
        // SAFETY: the union was zeroed just now.
        ..unsafe { request.fmt.pix }
    };
    // SAFETY: the type is that of the request.
    unsafe { call(device, vidioc::VIDIOC_S_FMT, &mut request)? };
    // SAFETY: the driver fills this variant for the buffer type asked for; any bits are a value of it.
    Ok(unsafe { request.fmt.pix }.into())
}

/// A control as the driver describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    pub(crate) id: u32,
    /// As the driver spells it: `White Balance, Automatic`.
    pub(crate) name: String,
    /// `None` for a type that the `v4l` crate does not know.
    pub(crate) kind: Option<control::Type>,
    pub(crate) minimum: i64,
    pub(crate) maximum: i64,
    pub(crate) step: u64,
    pub(crate) default: i64,
    pub(crate) flags: control::Flags,
}

/// All controls that hold one value.
pub(crate) fn controls(device: &Device) -> io::Result<Vec<Description>> {
    let mut found = Vec::new();
    let mut previous = 0;
    loop {
        match describe(device, previous | V4L2_CTRL_FLAG_NEXT_CTRL) {
            // A driver that does not move on would keep us here for ever.
            Ok(control) if control.id <= previous => return Ok(found),
            Ok(control) => {
                previous = control.id;
                found.push(control);
            }
            // EINVAL: there are no more. ENOTTY: a driver without any.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => {
                return Ok(found);
            }
            Err(error) => return Err(error),
        }
    }
}

/// One control, as it is now: its flags change with other controls.
pub(super) fn describe(device: &Device, id: u32) -> io::Result<Description> {
    let mut answer = v4l2_query_ext_ctrl::zeroed();
    answer.id = id;
    // SAFETY: the type is that of the request.
    unsafe { call(device, vidioc::VIDIOC_QUERY_EXT_CTRL, &mut answer)? };
    let name = answer.name.map(c_char_to_byte);
    Ok(Description {
        id: answer.id,
        name: text(&name),
        kind: control::Type::try_from(answer.type_).ok(),
        minimum: answer.minimum,
        maximum: answer.maximum,
        step: answer.step,
        default: answer.default_value,
        flags: answer.flags.into(),
    })
}

/// The choices of a menu control, as value and text.
pub(crate) fn menu(device: &Device, control: &Description) -> Vec<(i64, String)> {
    /// Choices looked at. Real menus have a dozen; a driver that states a huge range is not followed.
    const LOOKED_AT: usize = 256;
    (control.minimum..=control.maximum)
        .take(LOOKED_AT)
        .filter_map(|value| {
            let mut answer = v4l2_querymenu::zeroed();
            answer.id = control.id;
            answer.index = u32::try_from(value).ok()?;
            // A choice that the device lacks gives EINVAL.
            // SAFETY: the type is that of the request.
            unsafe { call(device, vidioc::VIDIOC_QUERYMENU, &mut answer).ok()? };
            let label = if control.kind == Some(control::Type::IntegerMenu) {
                // SAFETY: the variant of this control type; any bits are a value of it.
                let number = unsafe { answer.__bindgen_anon_1.value };
                number.to_string()
            } else {
                // SAFETY: as above.
                let name = unsafe { answer.__bindgen_anon_1.name };
                text(&name)
            };
            Some((value, label))
        })
        .collect()
}

/// The value of a control of 32 bits.
pub(crate) fn value(device: &Device, id: u32) -> io::Result<i32> {
    let mut answer = v4l2_control { id, value: 0 };
    // SAFETY: the type is that of the request.
    unsafe { call(device, vidioc::VIDIOC_G_CTRL, &mut answer)? };
    Ok(answer.value)
}

/// Sets a control of 32 bits; returns what the driver made of the value.
pub(super) fn set_value(device: &Device, id: u32, value: i32) -> io::Result<i32> {
    let mut request = v4l2_control { id, value };
    // SAFETY: the type is that of the request.
    unsafe { call(device, vidioc::VIDIOC_S_CTRL, &mut request)? };
    Ok(request.value)
}

/// The clock that drivers stamp frames with.
pub(super) fn monotonic_now() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel fills the structure. It cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// A fixed field of a kernel structure: up to the first zero, without control characters.
fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end])
        .chars()
        .filter(|character| !character.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}

/// `c_char` is signed on some machines and unsigned on others.
#[allow(clippy::unnecessary_cast)]
fn c_char_to_byte(character: std::ffi::c_char) -> u8 {
    character as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_first_zero_and_is_printable() {
        assert_eq!(text(b"HD\x1b Pro\xff \0junk"), "HD Pro\u{fffd}");
        assert_eq!(text(&[0; 32]), "");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn a_file_that_is_no_device_is_refused_by_the_kernel() {
        let device = open(Path::new("/dev/null")).unwrap();
        assert_eq!(
            card(&device).unwrap_err().raw_os_error(),
            Some(libc::ENOTTY)
        );
    }
}
