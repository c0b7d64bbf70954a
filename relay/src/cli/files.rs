//! How many files, and so connections, the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside those of viewers: the bus, logs, the listener, refused connections.
const SPARE: u64 = 256;

/// Raises the limit of this process to what so many connections need, as far as the system lets it.
/// With fewer, connections above the limit wait instead of being refused: the log says so.
pub(super) fn allow(connections: usize) {
    let needed = connections as u64 + SPARE;
    let limit = getrlimit(Resource::Nofile);
    let Some(wanted) = raised(limit.current, limit.maximum, needed) else {
        return;
    };
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        },
    );
    if raised.is_err() || wanted < needed {
        tracing::warn!(
            limit = if raised.is_ok() {
                Some(wanted)
            } else {
                limit.current
            },
            needed,
            "this process may open fewer files than http.max_connections needs (ulimit -n, LimitNOFILE)"
        );
    }
}

/// The limit to set, if the current one is too low. `None` stands for no limit.
fn raised(current: Option<u64>, maximum: Option<u64>, needed: u64) -> Option<u64> {
    let current = current?;
    let most = maximum.map_or(needed, |maximum| maximum.min(needed));
    (current < needed).then_some(most.max(current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_allowed() {
        assert_eq!(raised(Some(1_024), Some(500_000), 4_352), Some(4_352));
        assert_eq!(raised(Some(1_024), Some(2_048), 4_352), Some(2_048));
        assert_eq!(raised(Some(1_024), None, 4_352), Some(4_352));
        assert_eq!(raised(Some(8_192), Some(500_000), 4_352), None);
        assert_eq!(raised(None, None, 4_352), None);
    }
}
