//! WebSocket frames as a server sends them: RFC 6455, section 5.2. A message is one frame, in the clear.

use bytes::{BufMut as _, Bytes, BytesMut};

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
}

/// The head of the longest frame.
const MAX_HEAD_BYTES: usize = 10;

/// What a close frame carries at most beside its code: section 5.5.
const MAX_REASON_BYTES: usize = 123;

/// No other fragment follows.
const FIN: u8 = 0x80;

/// A frame of `len_bytes`, which `write` appends.
pub(crate) fn frame(kind: Kind, len_bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut bytes = BytesMut::with_capacity(MAX_HEAD_BYTES + len_bytes);
    put_head(&mut bytes, kind, len_bytes);
    let head_bytes = bytes.len();
    write(&mut bytes);
    debug_assert_eq!(bytes.len(), head_bytes + len_bytes);
    bytes.freeze()
}

/// What goes before `len_bytes` that are sent after it.
pub(crate) fn head(kind: Kind, len_bytes: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(MAX_HEAD_BYTES);
    put_head(&mut bytes, kind, len_bytes);
    bytes.freeze()
}

/// A frame that ends the connection. A reason that is too long is cut.
pub(crate) fn close(code: u16, reason: &str) -> Bytes {
    let fits = |end: &usize| *end <= MAX_REASON_BYTES && reason.is_char_boundary(*end);
    let end = (0..=reason.len()).rev().find(fits).unwrap_or(0);
    let reason = &reason[..end];
    frame(Kind::Close, 2 + reason.len(), |bytes| {
        bytes.put_u16(code);
        bytes.put_slice(reason.as_bytes());
    })
}

fn put_head(bytes: &mut BytesMut, kind: Kind, len_bytes: usize) {
    bytes.put_u8(FIN | kind as u8);
    match len_bytes {
        0..126 => bytes.put_u8(len_bytes as u8),
        126..0x1_0000 => {
            bytes.put_u8(126);
            bytes.put_u16(len_bytes as u16);
        }
        _ => {
            bytes.put_u8(127);
            bytes.put_u64(len_bytes as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::{
        Message,
        protocol::{Role, WebSocket},
    };

    use super::*;

    /// What a client makes of it.
    fn read(frame: &Bytes) -> Message {
        let mut socket =
            WebSocket::from_raw_socket(Cursor::new(frame.to_vec()), Role::Client, None);
        socket.read().unwrap()
    }

    #[test]
    fn a_reason_fits_into_a_close_frame_whatever_it_says() {
        let Message::Close(Some(close)) = read(&close(1008, &"é".repeat(200))) else {
            panic!("not a close frame");
        };
        assert_eq!(u16::from(close.code), 1008);
        assert_eq!(close.reason.as_str(), "é".repeat(61));
    }

    #[test]
    fn pings_and_texts_are_what_clients_read() {
        assert_eq!(
            read(&frame(Kind::Ping, 0, |_| {})),
            Message::Ping(Bytes::new())
        );
        let text = frame(Kind::Text, 2, |bytes| bytes.put_slice(b"hi"));
        assert_eq!(read(&text), Message::Text("hi".into()));
    }

    proptest! {
        #[test]
        fn a_client_reads_messages_of_every_length(
            len in prop_oneof![0usize..300, 65_500usize..65_600, 200_000usize..200_010],
        ) {
            let payload = vec![7; len];
            let whole = frame(Kind::Binary, len, |bytes| bytes.put_slice(&payload));
            let parts = [head(Kind::Binary, len).as_ref(), &payload].concat();
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(read(&whole), Message::Binary(payload.into()));
        }
    }
}
