//! Large buffers that are used again: getting a megabyte from the system for each picture costs as much as
//! filling it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that are kept for the next picture. One is being filled, one is in the slot, one is being
/// encoded; a further one is freed.
const KEPT_BUFFERS: usize = 3;

/// Gives buffers, and takes them back when nobody holds their [`Bytes`] any more. All clones are one pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer of a pool.
#[derive(Debug)]
struct Pooled {
    data: Vec<u8>,
    pool: Pool,
}

impl Pool {
    /// An empty buffer, if possible one with capacity.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut buffer = self.lock().pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// A buffer of `len_bytes`, in which anything may stand: a large one is not wiped in vain.
    pub(crate) fn take_filled(&self, len_bytes: usize) -> Vec<u8> {
        let mut buffer = self.lock().pop().unwrap_or_default();
        buffer.resize(len_bytes, 0);
        buffer
    }

    /// Shares what was filled in. The buffer comes back once the last clone is gone.
    pub(crate) fn share(&self, data: Vec<u8>) -> Bytes {
        Bytes::from_owner(Pooled {
            data,
            pool: self.clone(),
        })
    }

    /// Frees what is kept.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut kept = self.lock();
        if kept.len() < KEPT_BUFFERS {
            kept.push(buffer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.data));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_reader_is_gone() {
        let pool = Pool::default();
        let shared = pool.share(vec![7; 1_000]);
        let part = shared.slice(10..20);
        drop(shared);
        assert_eq!(pool.take().capacity(), 0);
        drop(part);
        let again = pool.take();
        assert!(again.is_empty() && again.capacity() >= 1_000);
    }

    #[test]
    fn a_filled_buffer_has_the_length_that_was_asked_for() {
        let pool = Pool::default();
        drop(pool.share(vec![7; 1_000]));
        assert_eq!(pool.take_filled(900), [7; 900]);
        assert_eq!(pool.take_filled(10), [0; 10]);
    }

    #[test]
    fn only_few_buffers_are_kept() {
        let pool = Pool::default();
        let all: Vec<_> = (0..10).map(|_| pool.share(vec![0; 10])).collect();
        drop(all);
        assert_eq!(pool.lock().len(), KEPT_BUFFERS);
    }
}
