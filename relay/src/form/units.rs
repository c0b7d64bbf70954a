//! An access unit as wfs.js takes it.

use bytes::{BufMut as _, Bytes};
use sightline_media::h264::annexb::nals;

use super::websocket::{Kind, frame};

/// A WebSocket message with an access unit that has a start code of four bytes in front, and none within: its NAL
/// units stand behind three. The player takes what is between two start codes of four bytes for a picture.
pub(crate) fn message(access_unit: &[u8]) -> Bytes {
    let len_bytes = 1 + nals(access_unit).map(|nal| 3 + nal.len()).sum::<usize>();
    frame(Kind::Binary, len_bytes, |out| {
        out.put_u8(0);
        for nal in nals(access_unit) {
            out.put_slice(&[0, 0, 1]);
            out.put_slice(nal);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_unit_has_one_start_code_of_four_bytes() {
        let unit = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 0, 0,
        ];
        let wanted = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3];
        assert_eq!(message(&unit)[2..], wanted[..]);
    }
}
