//! Recovery points: where a stream without IDR pictures can be entered. H.264, D.2.8.

use h264_reader::{
    nal::sei::{HeaderType, SeiReader, recovery_point::RecoveryPoint},
    rbsp::ByteReader,
};

/// SEI messages after this many bytes are not looked at: a recovery point is among the first ones, and
/// user data (closed captions, analytics of cameras) can be long.
const LOOKED_AT_BYTES: usize = 4 << 10;

/// Whether a NAL unit of type SEI says that decoding may start at its access unit.
pub(crate) fn is_recovery_point(sei: &[u8]) -> bool {
    let head = &sei[..sei.len().min(LOOKED_AT_BYTES)];
    let mut scratch = Vec::new();
    let mut messages =
        SeiReader::from_rbsp_bytes(ByteReader::skipping_h264_header(head), &mut scratch);
    while let Ok(Some(message)) = messages.next() {
        if message.payload_type == HeaderType::RecoveryPoint {
            return RecoveryPoint::read(&message).is_ok();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_point_is_found_behind_other_messages() {
        let point = [6, 6, 1, 0xC4, 0x80];
        assert!(is_recovery_point(&point));
        let behind_user_data = [6, 5, 2, 1, 2, 6, 1, 0xC4, 0x80];
        assert!(is_recovery_point(&behind_user_data));
        let user_data = [6, 5, 4, 6, 1, 0xC4, 0x80, 0x80];
        assert!(!is_recovery_point(&user_data));
    }

    #[test]
    fn lengths_that_lie_are_survived() {
        assert!(!is_recovery_point(&[6, 5, 0xFF, 0xFF, 0xFF, 1]));
        assert!(!is_recovery_point(&[6]));
        assert!(!is_recovery_point(&[6, 6, 0, 0x80]));
    }
}
