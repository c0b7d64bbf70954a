//! `test://`: a moving picture.

use super::{InvalidSource, Source, SourceUrl, unknown_scheme};

pub(crate) fn parse(url: &SourceUrl) -> Result<Box<dyn Source>, InvalidSource> {
    Err(unknown_scheme(url))
}
