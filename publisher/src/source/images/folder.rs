//! Which files of a folder are shown.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

/// Files that are shown of one folder, the first by name; a log line says that there are more.
const MAX_FILES: usize = 100_000;

/// A folder that is read over and over.
pub(super) struct Folder {
    path: PathBuf,
    told_of_more: bool,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            told_of_more: false,
        }
    }

    /// The pictures in it now, by name. Fails, with a reason, if it cannot be read or has none.
    pub(super) fn files(&mut self) -> Result<Vec<PathBuf>, String> {
        let mut files = self.read().map_err(|error| error.to_string())?;
        files.sort();
        if files.len() > MAX_FILES {
            files.truncate(MAX_FILES);
            if !std::mem::replace(&mut self.told_of_more, true) {
                tracing::warn!(folder = %self.path.display(), MAX_FILES, "only the first files are shown");
            }
        }
        if files.is_empty() {
            return Err("there is no file .jpg, .jpeg or .png in it".into());
        }
        Ok(files)
    }

    fn read(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            // Half-written files are often given a hidden name at first.
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            if !hidden && (is_jpeg(&path) || is_png(&path)) {
                files.push(path);
            }
        }
        Ok(files)
    }
}

pub(super) fn is_png(path: &Path) -> bool {
    has_extension(path, &["png"])
}

fn is_jpeg(path: &Path) -> bool {
    has_extension(path, &["jpg", "jpeg"])
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    known
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}
