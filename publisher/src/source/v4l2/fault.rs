//! What a driver's error means to the person who owns the camera.

use std::io;

/// Reasons that people can do something about; else the system's own words.
pub(crate) fn reason(error: &io::Error) -> String {
    let known = match error.raw_os_error() {
        Some(libc::ENOENT) => "there is no such device",
        Some(libc::ENODEV | libc::ENXIO) => "the device is gone, unplugged perhaps",
        Some(libc::EBUSY) => "it is in use by another program",
        Some(libc::EACCES | libc::EPERM) => {
            "permission denied: the user of this program must be in the group video"
        }
        Some(libc::ENOTTY) => "it is not a video device",
        Some(libc::ENOSPC) => {
            "the USB bus has no room for this size and rate: ask for less, or use another port"
        }
        Some(libc::EINVAL) => "the driver refuses (invalid argument)",
        Some(libc::EIO) => "the camera or its cable broke down (input/output error)",
        _ => return error.to_string(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_errors_say_what_to_do_and_others_keep_their_words() {
        let of = |code| reason(&io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::EBUSY), "it is in use by another program");
        assert!(of(libc::EACCES).contains("group video"));
        assert!(of(libc::EFAULT).contains("address"), "{}", of(libc::EFAULT));
        assert_eq!(reason(&io::Error::other("odd")), "odd");
    }
}
