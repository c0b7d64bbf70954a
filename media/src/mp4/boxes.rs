//! Boxes: ISO/IEC 14496-12, clause 4.2.

use mp4_atom::Atom;

use super::Error;

/// What stands in front of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxHead {
    /// Four characters.
    pub kind: [u8; 4],
    /// Bytes of the head itself.
    pub head_bytes: u64,
    /// Bytes of the box with its head; `None` if it goes on to the end of the file. At least `head_bytes`.
    pub len_bytes: Option<u64>,
}

impl BoxHead {
    /// The most bytes that a head has.
    pub const MAX_BYTES: usize = 16;

    /// Reads the head of a box; `None` if there are too few bytes, or it is said to be shorter than its head.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&len, rest) = bytes.split_first_chunk::<4>()?;
        let (&kind, rest) = rest.split_first_chunk::<4>()?;
        let (head_bytes, len_bytes) = match u32::from_be_bytes(len) {
            0 => (8, None),
            1 => (16, Some(u64::from_be_bytes(*rest.first_chunk()?))),
            len => (8, Some(len.into())),
        };
        len_bytes
            .is_none_or(|len| len >= head_bytes)
            .then_some(Self {
                kind,
                head_bytes,
                len_bytes,
            })
    }

    /// Whether these are four characters as boxes are named, so that other bytes are not taken for one.
    pub fn is_named(&self) -> bool {
        self.kind
            .iter()
            .all(|&byte| matches!(byte, b' '..=b'~' | 0xA9))
    }
}

/// The boxes in the body of one, up to the first that is cut short.
pub(super) fn children(body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let head = BoxHead::parse(rest)?;
        let len = head
            .len_bytes
            .map_or(Some(rest.len()), |len| usize::try_from(len).ok())?;
        let (whole, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some((
            head.kind,
            whole.get(usize::try_from(head.head_bytes).ok()?..)?,
        ))
    })
}

/// The body of the first box of that kind.
pub(super) fn child<'a>(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(body)
        .find(|(found, _)| found == kind)
        .map(|(_, body)| body)
}

/// Reads the body of a box. What stands behind what is defined is skipped.
pub(super) fn decode<T: Atom>(mut body: &[u8]) -> Result<T, Error> {
    T::decode_body(&mut body).map_err(|error| Error::of_box(&T::KIND.to_string(), error))
}

/// The first box of that kind, if there is one.
pub(super) fn find<T: Atom>(parent: &[u8]) -> Result<Option<T>, Error> {
    child(parent, T::KIND.as_ref()).map(decode).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_ways_to_say_a_length_are_read() {
        let head =
            |bytes: &[u8]| BoxHead::parse(bytes).map(|head| (head.head_bytes, head.len_bytes));
        assert_eq!(head(b"\0\0\0\x10mdat"), Some((8, Some(16))));
        assert_eq!(head(b"\0\0\0\0mdat"), Some((8, None)));
        let large = b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\0";
        assert_eq!(head(large), Some((16, Some(1 << 32))));
        for short in [
            &b"\0\0\0\x07mdat"[..],
            b"\0\0\0\x10mda",
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0F",
        ] {
            assert_eq!(head(short), None, "{short:?}");
        }
    }

    #[test]
    fn boxes_are_found_up_to_one_that_is_cut_short() {
        let body = b"\0\0\0\x09aaaaX\0\0\0\x08bbbb\0\0\0\x20cccc";
        let found: Vec<_> = children(body).collect();
        assert_eq!(found, [(*b"aaaa", &b"X"[..]), (*b"bbbb", b"")]);
        assert_eq!(child(body, b"cccc"), None);
    }
}
