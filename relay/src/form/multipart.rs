//! `multipart/x-mixed-replace`, in the one form that all known clients take.
//!
//! Exact bytes matter: a `charset`, a missing first boundary, `boundary=--name`, a missing line end
//! before a boundary or a missing `Content-Length` each break some client.

use bytes::{BufMut as _, Bytes, BytesMut};

pub(crate) const CONTENT_TYPE: &str = "multipart/x-mixed-replace;boundary=boundarydonotcross";

/// What an answer begins with.
pub(crate) const OPENING: &str = "--boundarydonotcross\r\n";

/// What an answer with advanced heads begins with.
pub(crate) const OPENING_WITH_HEAD: &str =
    "--boundarydonotcross\r\nContent-Type: image/jpeg\r\n\r\n";

const CLOSING: &str = "\r\n--boundarydonotcross\r\n";

const CLOSING_WITH_HEAD: &str = "\r\n--boundarydonotcross\r\nContent-Type: image/jpeg\r\n\r\n";

/// A part: its head, the picture and the boundary after it, in one buffer.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    head_bytes: usize,
    capture_time_us: i64,
    len_bytes: usize,
}

pub(crate) fn part(capture_time_us: i64, jpeg: &[u8]) -> Part {
    let head = head(capture_time_us, jpeg.len(), None);
    let mut bytes = BytesMut::with_capacity(head.len() + jpeg.len() + CLOSING.len());
    bytes.put_slice(head.as_bytes());
    bytes.put_slice(jpeg);
    bytes.put_slice(CLOSING.as_bytes());
    Part {
        bytes: bytes.freeze(),
        head_bytes: head.len(),
        capture_time_us,
        len_bytes: jpeg.len(),
    }
}

impl Part {
    /// The same part with a head which says that the picture is `seconds` old. The picture is shared.
    pub(crate) fn stale(&self, seconds: u64) -> [Bytes; 2] {
        let head = head(self.capture_time_us, self.len_bytes, Some(seconds));
        [head.into(), self.bytes.slice(self.head_bytes..)]
    }
}

/// A picture whose head was sent before, the boundary, and the head of the next part.
pub(crate) fn open_part(jpeg: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(jpeg.len() + CLOSING_WITH_HEAD.len());
    bytes.put_slice(jpeg);
    bytes.put_slice(CLOSING_WITH_HEAD.as_bytes());
    bytes.freeze()
}

/// A capture time as seconds with six decimals. Times before 1970, which only a clock that was never
/// set has, become 0.
pub(crate) fn timestamp(capture_time_us: i64) -> String {
    let us = capture_time_us.max(0);
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn head(capture_time_us: i64, len_bytes: usize, stale_seconds: Option<u64>) -> String {
    let stale = stale_seconds.map_or_else(String::new, |seconds| {
        format!("X-Sightline-Stale: {seconds}\r\n")
    });
    format!(
        "Content-Type: image/jpeg\r\nContent-Length: {len_bytes}\r\nX-Timestamp: {}\r\n{stale}\r\n",
        timestamp(capture_time_us)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_exactly_what_clients_expect() {
        let part = part(1_767_225_600_000_042, b"JPEG");
        assert_eq!(
            part.bytes,
            "Content-Type: image/jpeg\r\nContent-Length: 4\r\n\
             X-Timestamp: 1767225600.000042\r\n\r\nJPEG\r\n--boundarydonotcross\r\n"
        );
    }

    #[test]
    fn a_stale_part_says_how_old_it_is_and_shares_the_picture() {
        let part = part(1_000_000, b"JPEG");
        let [head, rest] = part.stale(7);
        assert_eq!(
            head,
            "Content-Type: image/jpeg\r\nContent-Length: 4\r\n\
             X-Timestamp: 1.000000\r\nX-Sightline-Stale: 7\r\n\r\n"
        );
        assert_eq!(rest, "JPEG\r\n--boundarydonotcross\r\n");
        assert_eq!(rest.as_ptr(), part.bytes[part.head_bytes..].as_ptr());
    }

    #[test]
    fn an_open_part_ends_with_the_next_head() {
        assert_eq!(
            open_part(b"JPEG"),
            "JPEG\r\n--boundarydonotcross\r\nContent-Type: image/jpeg\r\n\r\n"
        );
    }

    #[test]
    fn a_time_before_1970_is_written_as_zero() {
        assert_eq!(timestamp(-1), "0.000000");
        assert_eq!(timestamp(i64::MIN), "0.000000");
        assert_eq!(timestamp(i64::MAX), "9223372036854.775807");
    }
}
