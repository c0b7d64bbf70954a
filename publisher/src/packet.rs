//! A compressed picture on its way to the bus, with room in front of it for the head of its message: then nothing
//! is copied to send it.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

pub(crate) use sightline_proto::split::MAX_HEAD_BYTES as ROOM_BYTES;

use crate::pool::Pool;

/// Bytes that several streams may read, and one may send without a copy. Cheap to clone: all clones are one packet.
#[derive(Clone)]
pub(crate) struct Packet {
    state: Arc<Mutex<State>>,
    len_bytes: usize,
}

enum State {
    /// [`ROOM_BYTES`], then the picture. Nobody else has it.
    Roomy { memory: Vec<u8>, pool: Pool },
    /// The picture. Others may have it, too.
    Shared(Bytes),
}

/// A buffer of `pool` with nothing but room in it: what is appended becomes a packet.
pub(crate) fn room(pool: &Pool) -> Vec<u8> {
    let mut memory = pool.take();
    memory.resize(ROOM_BYTES, 0);
    memory
}

impl Packet {
    /// Of what was appended to a buffer of [`room`]. It goes back to `pool` when nobody reads it any more.
    pub(crate) fn roomy(memory: Vec<u8>, pool: &Pool) -> Self {
        Self {
            len_bytes: memory.len() - ROOM_BYTES,
            state: Arc::new(Mutex::new(State::Roomy {
                memory,
                pool: pool.clone(),
            })),
        }
    }

    /// The bytes of the picture.
    pub(crate) fn len(&self) -> usize {
        self.len_bytes
    }

    /// Shows the picture, for a moment.
    pub(crate) fn look<R>(&self, at: impl FnOnce(&[u8]) -> R) -> R {
        match &*self.lock() {
            State::Roomy { memory, .. } => at(&memory[ROOM_BYTES..]),
            State::Shared(data) => at(data),
        }
    }

    /// The picture, to be kept and read anywhere. Its message will be a copy, unless it was sent already.
    pub(crate) fn data(&self) -> Bytes {
        let mut state = self.lock();
        let data = match take(&mut state) {
            State::Roomy { memory, pool } => pool.share(memory).slice(ROOM_BYTES..),
            State::Shared(data) => data,
        };
        *state = State::Shared(data.clone());
        data
    }

    /// The picture behind `head`. The first time nothing but the head is copied.
    pub(crate) fn message(&self, head: &[u8]) -> Bytes {
        let mut state = self.lock();
        match take(&mut state) {
            State::Roomy { mut memory, pool } if head.len() <= ROOM_BYTES => {
                let start = ROOM_BYTES - head.len();
                memory[start..ROOM_BYTES].copy_from_slice(head);
                let message = pool.share(memory).slice(start..);
                *state = State::Shared(message.slice(head.len()..));
                message
            }
            other => {
                let message = match &other {
                    State::Roomy { memory, .. } => [head, &memory[ROOM_BYTES..]].concat(),
                    State::Shared(data) => [head, data].concat(),
                };
                *state = other;
                message.into()
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(state: &mut State) -> State {
    mem::replace(state, State::Shared(Bytes::new()))
}

/// Has no room.
impl From<Bytes> for Packet {
    fn from(data: Bytes) -> Self {
        Self {
            len_bytes: data.len(),
            state: Arc::new(Mutex::new(State::Shared(data))),
        }
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({} bytes)", self.len_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pool: &Pool) -> Packet {
        let mut memory = room(pool);
        memory.extend_from_slice(b"picture");
        Packet::roomy(memory, pool)
    }

    #[test]
    fn a_message_is_made_around_the_picture() {
        let packet = packet(&Pool::default());
        let at = packet.look(<[u8]>::as_ptr);
        let message = packet.message(b"head");
        assert_eq!(message, "headpicture");
        assert_eq!(message[4..].as_ptr(), at);
        assert_eq!(packet.data().as_ptr(), at);
    }

    #[test]
    fn later_messages_are_copies_and_the_first_one_stays_as_it_is() {
        let packet = packet(&Pool::default());
        let first = packet.message(b"one");
        assert_eq!(packet.message(b"two"), "twopicture");
        assert_eq!(first, "onepicture");
        assert_eq!(packet.data(), "picture");
    }

    #[test]
    fn what_others_read_is_not_written_to() {
        let packet = packet(&Pool::default());
        let data = packet.data();
        let message = packet.message(b"head");
        assert_eq!(
            (&message[..], &data[..]),
            (&b"headpicture"[..], &b"picture"[..])
        );
        assert_ne!(message[4..].as_ptr(), data.as_ptr());
    }

    #[test]
    fn a_head_that_is_too_long_for_the_room_is_no_problem() {
        let head = [7; ROOM_BYTES + 1];
        let packet = packet(&Pool::default());
        assert_eq!(packet.message(&head), [&head[..], b"picture"].concat());
        assert_eq!((packet.data(), packet.len()), ("picture".into(), 7));
    }

    #[test]
    fn the_memory_goes_back_to_its_pool() {
        let pool = Pool::default();
        let sent = packet(&pool);
        let at = sent.message(b"head").as_ptr();
        drop(sent);
        assert_eq!(room(&pool)[ROOM_BYTES - 4..].as_ptr(), at);
    }
}
