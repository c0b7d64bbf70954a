//! JPEGs of cameras, and streams of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_media::jpeg::{
    Split, Splitter, inspect, prepare, with_huffman_tables, without_thumbnail,
};

/// Small, so that the bound is reached.
const MAX_BYTES: usize = 4_096;

fuzz_target!(|data: &[u8]| {
    if let Ok(info) = inspect(data) {
        assert!(info.len <= data.len() && info.width > 0 && info.height > 0);
    }
    let picture = || data.to_vec().into();
    if let Ok((info, prepared)) = prepare(picture()) {
        assert_eq!(inspect(&prepared), Ok(info));
        // What is fit for viewers stays as it is.
        assert_eq!(prepare(prepared.clone()), Ok((info, prepared)));
    }
    without_thumbnail(picture());
    with_huffman_tables(picture());

    let mut splitter = Splitter::new(MAX_BYTES);
    let mut out = splitter.push(data, 0);
    out.extend(splitter.finish());
    let mut bytes = 0;
    for split in out {
        bytes += match split {
            Split::Picture { data, .. } => {
                assert!(data.len() <= MAX_BYTES);
                data.len() as u64
            }
            Split::Dropped { bytes, .. } => bytes,
        };
    }
    assert_eq!(bytes, data.len() as u64, "every byte is given or counted");
});
