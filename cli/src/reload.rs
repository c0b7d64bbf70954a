//! Says when settings may have changed: on SIGHUP, and when their file is another one.

use std::{
    convert::Infallible,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval},
};

/// How often the file is looked at. A change counts once the file has stayed the same for so long: who writes it may
/// be half way.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why settings are to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// SIGHUP.
    Signal,
    /// The file changed.
    File,
}

/// Waits for changes of settings.
#[derive(Debug)]
pub struct Reload {
    hangup: Signal,
    ticks: Interval,
    file: Option<PathBuf>,
    seen: Seen,
}

/// What tells one state of a file from another; nothing while there is none.
type Stamp = Option<(u64, u64, i64, i64)>;

/// What was seen of the file.
#[derive(Debug, Default)]
struct Seen {
    /// When settings were last read.
    read: Stamp,
    /// At the last look.
    last: Stamp,
}

impl Reload {
    /// From now on SIGHUP does not end the process. Call it before the settings in `file` are read for the first time.
    pub fn new(file: Option<&Path>) -> io::Result<Self> {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = file.and_then(stamp);
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            ticks,
            file: file.map(Path::to_owned),
            seen: Seen {
                read: now,
                last: now,
            },
        })
    }

    /// The next time that settings are to be read again. Cancel safe.
    pub async fn next(&mut self) -> Cause {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    self.seen.read = self.file.as_deref().and_then(stamp);
                    return Cause::Signal;
                }
                _ = self.ticks.tick(), if self.file.is_some() => {
                    if self.seen.changed(self.file.as_deref().and_then(stamp)) {
                        return Cause::File;
                    }
                }
            }
        }
    }

    /// Hands what `load` makes of the settings to `take` each time, for ever. Settings that are not good are logged and
    /// change nothing.
    pub async fn run<T>(
        mut self,
        load: impl Fn() -> anyhow::Result<T>,
        take: impl AsyncFn(T),
    ) -> Infallible {
        loop {
            let cause = self.next().await;
            match load() {
                Ok(settings) => {
                    tracing::info!(?cause, "the settings were read again");
                    take(settings).await;
                }
                Err(error) => {
                    tracing::error!(
                        "the settings are not good, those before still hold: {error:#}"
                    );
                }
            }
        }
    }
}

impl Seen {
    /// Whether the file is to be read. One that is gone for the moment is not.
    fn changed(&mut self, now: Stamp) -> bool {
        let settled = std::mem::replace(&mut self.last, now) == now;
        let changed = now.is_some() && now != self.read && settled;
        if changed {
            self.read = now;
        }
        changed
    }
}

/// Follows links: what mounts settings may change a link alone.
fn stamp(file: &Path) -> Stamp {
    let found = std::fs::metadata(file).ok()?;
    Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_once_it_has_changed_and_settled() {
        let state = |number| Some((number, 1, 1, 1));
        let mut seen = Seen {
            read: state(0),
            last: state(0),
        };
        assert!(!seen.changed(state(0)));
        assert!(!seen.changed(state(1)), "may be half written");
        assert!(!seen.changed(state(2)));
        assert!(seen.changed(state(2)));
        assert!(!seen.changed(state(2)), "was read");
        assert!(!seen.changed(None));
        assert!(!seen.changed(None), "is gone");
        assert!(!seen.changed(state(2)), "is back as it was");
    }

    #[test]
    fn a_file_that_is_replaced_has_another_stamp() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.toml");
        assert_eq!(stamp(&path), None);
        std::fs::write(&path, "a = 1").unwrap();
        let before = stamp(&path);
        assert_eq!(stamp(&path), before);
        std::fs::write(folder.path().join("b"), "a = 2").unwrap();
        std::fs::rename(folder.path().join("b"), &path).unwrap();
        assert_ne!(stamp(&path), before);
    }
}
