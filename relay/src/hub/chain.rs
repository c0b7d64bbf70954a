//! Which frames may follow each other, in a stream whose frames need those before them. Pure.

/// The last frame of an unbroken run. A run begins with a key frame.
#[derive(Debug, Default)]
pub(super) struct Chain {
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    epoch: u64,
    sequence: u64,
}

/// How a frame stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It can be decoded: it follows the last one, or needs none.
    Follows,
    /// It is part of the run: publishers send a group again when another relay joins.
    Repeats,
    /// Frames that it needs are missing.
    NeedsKey,
}

impl Chain {
    /// How a frame stands to the run. Changes nothing.
    pub(super) fn link(&self, epoch: u64, sequence: u64, key: bool) -> Link {
        let last = self.last.filter(|last| last.epoch == epoch);
        match last {
            Some(last) if sequence <= last.sequence => Link::Repeats,
            // Missing frames may come later, as part of a group that is sent again: they mend the run.
            Some(last) if sequence == last.sequence + 1 => Link::Follows,
            _ if key => Link::Follows,
            _ => Link::NeedsKey,
        }
    }

    /// The frame became the last one of the run.
    pub(super) fn put(&mut self, epoch: u64, sequence: u64) {
        self.last = Some(Last { epoch, sequence });
    }

    /// Ends the run: only a key frame can follow.
    pub(super) fn end(&mut self) {
        self.last = None;
    }

    /// Whether there is a run, though the next frame may not follow it.
    pub(super) fn has_begun(&self) -> bool {
        self.last.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(sequence: u64) -> Chain {
        let mut chain = Chain::default();
        chain.put(7, sequence);
        chain
    }

    #[test]
    fn a_run_begins_with_a_key_frame() {
        let chain = Chain::default();
        assert_eq!(chain.link(7, 3, false), Link::NeedsKey);
        assert_eq!(chain.link(7, 3, true), Link::Follows);
    }

    #[test]
    fn what_follows_a_gap_needs_a_key_frame_or_what_is_missing() {
        let mut chain = chain(3);
        assert_eq!(chain.link(7, 5, false), Link::NeedsKey);
        assert_eq!(chain.link(7, 4, false), Link::Follows);
        assert_eq!(chain.link(7, 9, true), Link::Follows);
        chain.put(7, 9);
        assert_eq!(chain.link(7, 10, false), Link::Follows);
    }

    #[test]
    fn a_group_that_is_sent_again_is_no_news() {
        let chain = chain(30);
        for sequence in 10..=30 {
            assert_eq!(chain.link(7, sequence, sequence == 10), Link::Repeats);
        }
        assert_eq!(chain.link(7, 31, false), Link::Follows);
    }

    #[test]
    fn another_epoch_begins_a_run_of_its_own() {
        let chain = chain(30);
        assert_eq!(chain.link(8, 31, false), Link::NeedsKey);
        assert_eq!(chain.link(8, 0, true), Link::Follows);
    }

    #[test]
    fn the_last_number_of_all_is_no_trap() {
        let chain = chain(u64::MAX - 1);
        assert_eq!(chain.link(7, u64::MAX, false), Link::Follows);
    }
}
