//! A stream of bytes in any chunks, up to frames in the order of the screen. The first byte says how the stream
//! is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sightline_media::h264::{Parameters, Reorder, Split, Splitter};

fn split(stream: &[u8], chunk_bytes: usize) -> Vec<Split> {
    let mut splitter = Splitter::default();
    let mut out: Vec<_> = stream
        .chunks(chunk_bytes)
        .flat_map(|chunk| splitter.push(chunk, 0))
        .collect();
    out.extend(splitter.finish());
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    let out = split(stream, stream.len().max(1));
    assert_eq!(split(stream, usize::from(cut).max(1)), out);

    let mut reorder = Reorder::new(cut);
    let mut ordered = Vec::new();
    let mut count = 0;
    for split in out {
        let Split::Unit(unit) = split else { continue };
        assert!(unit.key || count > 0, "the first frame is a key frame");
        if unit.key {
            assert_eq!(
                Parameters::from_access_unit(&unit.data),
                Ok(Some((*unit.parameters).clone()))
            );
        }
        count += 1;
        ordered.extend(reorder.push((), unit.order));
    }
    ordered.extend(reorder.finish());
    assert_eq!(ordered.len(), count);
    assert!(
        ordered
            .iter()
            .all(|frame| frame.presentation_index >= frame.decode_index)
    );
});
