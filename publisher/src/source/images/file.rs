//! One file to one JPEG.

use std::{
    collections::{HashSet, VecDeque},
    fmt, fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use sightline_media::jpeg;

use super::{decode::decode, folder::is_png};
use crate::{
    encode::Encoder,
    source::{DropReason, passthrough::MAX_BYTES},
};

/// PNGs become JPEGs of this quality: nearly what they were.
const PNG_QUALITY: u8 = 90;

/// A PNG file may be larger than a frame.
const MAX_PNG_BYTES: u64 = 64 << 20;

/// Bytes of JPEGs that were made of PNGs and are kept. Beyond it the oldest is made anew in the next round.
const CACHE_BYTES: usize = 64 << 20;

/// Bad files that are remembered so that each is logged once; beyond it, further ones are only counted.
const LOGGED_FILES: usize = 1_000;

/// Loads files, and remembers what is worth it.
#[derive(Default)]
pub(super) struct Loader {
    encoder: Encoder,
    cache: VecDeque<Cached>,
    logged: HashSet<PathBuf>,
}

struct Cached {
    path: PathBuf,
    version: Version,
    jpeg: Bytes,
}

/// A file that has another one was written again.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: SystemTime,
    len_bytes: u64,
}

/// A file that cannot be shown.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) reason: DropReason,
    name: String,
    text: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.text)
    }
}

impl Loader {
    /// The picture in `path` as a JPEG. A failure is logged once for each file.
    pub(super) fn load(&mut self, path: &Path) -> Result<Bytes, Bad> {
        self.read(path).map_err(|(reason, text)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if self.logged.len() < LOGGED_FILES && self.logged.insert(path.to_owned()) {
                tracing::warn!(file = %path.display(), reason = text, "this picture cannot be shown");
            }
            Bad { reason, name, text }
        })
    }

    fn read(&mut self, path: &Path) -> Result<Bytes, (DropReason, String)> {
        let unreadable = |error: io::Error| (DropReason::Corrupt, error.to_string());
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            // Reading a pipe would never end.
            return Err((DropReason::Corrupt, "it is not a file".into()));
        }
        let version = Version {
            modified: metadata.modified().map_err(unreadable)?,
            len_bytes: metadata.len(),
        };
        let limit = if is_png(path) {
            MAX_PNG_BYTES
        } else {
            MAX_BYTES as u64
        };
        if version.len_bytes > limit {
            return Err((
                DropReason::TooLarge,
                format!(
                    "it has {} bytes, at most {limit} are read",
                    version.len_bytes
                ),
            ));
        }
        if !is_png(path) {
            return clean(fs::read(path).map_err(unreadable)?.into());
        }
        if let Some(jpeg) = self.cached(path, version) {
            return Ok(jpeg);
        }
        let jpeg = self.convert(&fs::read(path).map_err(unreadable)?)?;
        self.keep(Cached {
            path: path.to_owned(),
            version,
            jpeg: jpeg.clone(),
        });
        Ok(jpeg)
    }

    fn convert(&mut self, png: &[u8]) -> Result<Bytes, (DropReason, String)> {
        let corrupt = |text| (DropReason::Corrupt, text);
        let raw = decode(png).map_err(corrupt)?;
        let jpeg = self.encoder.encode(&raw, PNG_QUALITY, None);
        // A copy is as long as the picture; the encoder's own buffer is longer.
        jpeg.map(|jpeg| jpeg.data.look(Bytes::copy_from_slice))
            .map_err(|error| corrupt(error.to_string()))
    }

    fn cached(&self, path: &Path, version: Version) -> Option<Bytes> {
        let found = self.cache.iter().find(|cached| cached.path == path)?;
        (found.version == version).then(|| found.jpeg.clone())
    }

    fn keep(&mut self, new: Cached) {
        self.cache.retain(|cached| cached.path != new.path);
        self.cache.push_back(new);
        let mut total: usize = self.cache.iter().map(|cached| cached.jpeg.len()).sum();
        while total > CACHE_BYTES {
            let Some(oldest) = self.cache.pop_front() else {
                break;
            };
            total -= oldest.jpeg.len();
        }
    }
}

fn clean(data: Bytes) -> Result<Bytes, (DropReason, String)> {
    match jpeg::prepare(data) {
        Ok((_, jpeg)) => Ok(jpeg),
        Err(error @ jpeg::Error::Truncated) => Err((DropReason::Truncated, error.to_string())),
        Err(error) => Err((DropReason::Corrupt, error.to_string())),
    }
}
