//! A wall clock that can be set, for one program: the monotonic clock goes on as it does.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::process::Launch;

/// The wall clock of the programs that are started with it.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    folder: TempDir,
}

impl Clock {
    /// A clock that is right. Fails if libfaketime is not there: `make install` brings it.
    pub fn new() -> Result<Self> {
        let library = format!(
            "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1",
            std::env::consts::ARCH
        );
        let library = PathBuf::from(library);
        ensure!(library.exists(), "there is no {}", library.display());
        let clock = Self {
            library,
            folder: TempDir::new()?,
        };
        clock.set_off_by(0)?;
        Ok(clock)
    }

    /// Starts a program by this clock.
    pub fn govern(&self, launch: Launch) -> Launch {
        let text = |path: &Path| path.display().to_string();
        launch
            .with("LD_PRELOAD", &text(&self.library))
            .with("FAKETIME_TIMESTAMP_FILE", &text(&self.file()))
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("DONT_FAKE_MONOTONIC", "1")
    }

    /// Sets it, at once: so many seconds before or after the right time.
    pub fn set_off_by(&self, seconds: i64) -> Result<()> {
        // It is read while it is written: so it is replaced as a whole.
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{seconds:+}\n"))?;
        std::fs::rename(&new, self.file()).context("cannot set the clock")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}
