//! The last picture of each stream that is not watched.

use std::{collections::HashMap, sync::Arc};

use super::{Frame, StreamName};

/// Pictures within a bound of bytes. When it is full, the one that was not used for longest goes.
#[derive(Debug)]
pub(super) struct Pictures {
    max_bytes: usize,
    bytes: usize,
    /// Grows with every use.
    uses: u64,
    pictures: HashMap<StreamName, Picture>,
}

#[derive(Debug)]
struct Picture {
    frame: Arc<Frame>,
    used: u64,
}

impl Pictures {
    pub(super) fn with_capacity(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            uses: 0,
            pictures: HashMap::new(),
        }
    }

    /// Keeps a copy of `frame`, unless it alone is larger than the bound.
    pub(super) fn keep(&mut self, frame: &Frame) {
        self.take(&frame.name);
        if frame.data.len() > self.max_bytes {
            return;
        }
        while self.bytes + frame.data.len() > self.max_bytes {
            self.forget_oldest();
        }
        self.bytes += frame.data.len();
        self.uses += 1;
        self.pictures.insert(
            frame.name.clone(),
            Picture {
                frame: Arc::new(frame.to_keep()),
                used: self.uses,
            },
        );
    }

    pub(super) fn get(&mut self, name: &StreamName) -> Option<Arc<Frame>> {
        let picture = self.pictures.get_mut(name)?;
        self.uses += 1;
        picture.used = self.uses;
        Some(picture.frame.clone())
    }

    pub(super) fn take(&mut self, name: &StreamName) -> Option<Arc<Frame>> {
        let picture = self.pictures.remove(name)?;
        self.bytes -= picture.frame.data.len();
        Some(picture.frame)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .pictures
            .iter()
            .min_by_key(|(_, picture)| picture.used)
            .map(|(name, _)| name.clone());
        if let Some(name) = oldest {
            self.take(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::frame::tests::frame;

    fn name(camera: &str) -> StreamName {
        frame(camera, 0, b"").name
    }

    #[test]
    fn the_picture_that_was_not_used_for_longest_goes() {
        let mut pictures = Pictures::with_capacity(10);
        pictures.keep(&frame("a/a", 1, b"1234"));
        pictures.keep(&frame("a/b", 1, b"1234"));
        assert!(pictures.get(&name("a/a")).is_some());
        pictures.keep(&frame("a/c", 1, b"1234"));
        assert!(pictures.get(&name("a/b")).is_none());
        assert!(pictures.get(&name("a/a")).is_some());
        assert_eq!(pictures.bytes(), 8);
    }

    #[test]
    fn a_newer_picture_replaces_the_older_one() {
        let mut pictures = Pictures::with_capacity(10);
        pictures.keep(&frame("a/a", 1, b"1234"));
        pictures.keep(&frame("a/a", 2, b"12345678"));
        assert_eq!(pictures.bytes(), 8);
        assert_eq!(pictures.take(&name("a/a")).unwrap().number, 2);
        assert_eq!(pictures.bytes(), 0);
    }

    #[test]
    fn what_is_larger_than_the_bound_is_not_kept() {
        let mut pictures = Pictures::with_capacity(3);
        pictures.keep(&frame("a/a", 1, b"123"));
        pictures.keep(&frame("a/b", 1, b"1234"));
        assert!(pictures.get(&name("a/a")).is_some());
        assert!(pictures.get(&name("a/b")).is_none());
    }
}
