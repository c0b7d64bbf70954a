//! Makes a camera's picture fit for every viewer.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use memchr::memmem;

use super::{
    Error, Info, exif,
    huffman::STANDARD_DHT,
    inspect, marker,
    segments::{Segment, Segments},
};

/// Checks a picture that a camera gave and makes it fit for viewers: no thumbnail, no padding, Huffman
/// tables present.
///
/// What needs no change is not copied. The `Info` is that of the result.
pub fn prepare(mut jpeg: Bytes) -> Result<(Info, Bytes), Error> {
    let (mut info, changes) = examine(&jpeg)?;
    jpeg.truncate(info.len);
    if !changes.is_empty() {
        jpeg = changed(&jpeg, &changes).into();
    }
    info.len = jpeg.len();
    Ok((info, jpeg))
}

/// As [`prepare`], appended to `out`: for a picture that has to be copied anyway. One that is no picture leaves `out`
/// as it is.
pub fn prepare_into(jpeg: &[u8], out: &mut Vec<u8>) -> Result<Info, Error> {
    let (mut info, changes) = examine(jpeg)?;
    let start = out.len();
    append(&jpeg[..info.len], &changes, out);
    info.len = out.len() - start;
    Ok(info)
}

/// As [`prepare`], of the picture that lies in `memory` from `start` on, where the result will lie, too.
pub fn prepare_in_place(memory: &mut Vec<u8>, start: usize) -> Result<Info, Error> {
    let (mut info, changes) = examine(&memory[start..])?;
    memory.truncate(start + info.len);
    if !changes.is_empty() {
        let result = changed(&memory[start..], &changes);
        memory.truncate(start);
        memory.extend_from_slice(&result);
    }
    info.len = memory.len() - start;
    Ok(info)
}

/// Drops a thumbnail, and what follows the end of the picture.
///
/// Viewers that look for the end-of-image marker take the end of a thumbnail for it. So a segment goes if
/// it may hold a JPEG: JFXX; Exif with a second directory; any application or comment segment in
/// which the bytes of an SOI or EOI marker occur, such as a maker's preview. Of a dropped Exif segment the
/// orientation stays, in an Exif segment that says nothing else. Adobe's segment always stays: colours
/// depend on it.
///
/// A picture without any of that is not copied. What is no whole picture comes back as it is.
pub fn without_thumbnail(mut jpeg: Bytes) -> Bytes {
    match inspect(&jpeg) {
        Ok(info) => {
            jpeg.truncate(info.len);
            rewritten(jpeg, true, false)
        }
        Err(_) => jpeg,
    }
}

/// Adds the standard Huffman tables (T.81, annex K.3) to a baseline picture that brings none.
///
/// Many webcams leave them out, and browsers cannot show such a picture. One that has tables is not copied.
/// What is no whole picture comes back as it is.
pub fn with_huffman_tables(jpeg: Bytes) -> Bytes {
    match inspect(&jpeg) {
        Ok(info) if !info.has_huffman_tables && !info.progressive => rewritten(jpeg, false, true),
        _ => jpeg,
    }
}

/// What is put in the place of some bytes.
struct Change {
    place: Range<usize>,
    by: Cow<'static, [u8]>,
}

/// What a camera's picture is once all `changes` are made, but for its length, which is the picture's own without
/// padding.
fn examine(jpeg: &[u8]) -> Result<(Info, Vec<Change>), Error> {
    let mut info = inspect(jpeg)?;
    let missing = !info.has_huffman_tables && !info.progressive;
    info.has_huffman_tables |= missing;
    Ok((info, changes(&jpeg[..info.len], true, missing)))
}

/// What must change in a sound picture, from its start to its end.
fn changes(jpeg: &[u8], drop_thumbnails: bool, add_huffman_tables: bool) -> Vec<Change> {
    let segments = Segments::new(jpeg)
        .into_iter()
        .flatten()
        .map_while(Result::ok);
    let change = |segment: Segment| {
        if segment.marker == marker::SOS && add_huffman_tables {
            let start = segment.whole.start;
            Some(Change {
                place: start..start,
                by: Cow::Borrowed(&STANDARD_DHT),
            })
        } else if drop_thumbnails && may_hold_a_picture(jpeg, &segment) {
            let by = Cow::Owned(kept_of(jpeg, &segment));
            let place = segment.whole;
            Some(Change { place, by })
        } else {
            None
        }
    };
    segments.filter_map(change).collect()
}

fn append(jpeg: &[u8], changes: &[Change], out: &mut Vec<u8>) {
    let added: usize = changes.iter().map(|change| change.by.len()).sum();
    out.reserve(jpeg.len() + added);
    let mut done = 0;
    for Change { place, by } in changes {
        out.extend_from_slice(&jpeg[done..place.start]);
        out.extend_from_slice(by);
        done = place.end;
    }
    out.extend_from_slice(&jpeg[done..]);
}

fn changed(jpeg: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    append(jpeg, changes, &mut out);
    out
}

fn rewritten(jpeg: Bytes, drop_thumbnails: bool, add_huffman_tables: bool) -> Bytes {
    match &changes(&jpeg, drop_thumbnails, add_huffman_tables)[..] {
        [] => jpeg,
        changes => changed(&jpeg, changes).into(),
    }
}

fn may_hold_a_picture(jpeg: &[u8], segment: &Segment) -> bool {
    let payload = &jpeg[segment.payload.clone()];
    match segment.marker {
        marker::APP14 => false,
        marker::APP0 if payload.starts_with(b"JFXX\0") => true,
        marker::APP1 if exif::read(payload).is_some_and(|exif| exif.thumbnail) => true,
        marker::APP0..=marker::APP15 | marker::COM => looks_like_a_picture(payload),
        _ => false,
    }
}

fn looks_like_a_picture(payload: &[u8]) -> bool {
    memmem::find(payload, &[0xFF, marker::EOI]).is_some()
        || memmem::find(payload, &[0xFF, marker::SOI, 0xFF]).is_some()
}

/// What takes the place of a dropped segment: for Exif the orientation, for JFIF its own header.
fn kept_of(jpeg: &[u8], segment: &Segment) -> Vec<u8> {
    let payload = &jpeg[segment.payload.clone()];
    let kept = match segment.marker {
        marker::APP1 => exif::read(payload)
            .and_then(|exif| exif.orientation)
            .map(exif::orientation_only)
            .unwrap_or_default(),
        // Identifier, version, density; then the size of a thumbnail of plain pixels: none.
        marker::APP0 if payload.starts_with(b"JFIF\0") && payload.len() >= 14 => {
            [&payload[..12], &[0, 0]].concat()
        }
        _ => Vec::new(),
    };
    if kept.is_empty() || looks_like_a_picture(&kept) {
        return Vec::new();
    }
    let len = u16::try_from(kept.len() + 2).expect("never longer than the segment it replaces");
    [&[0xFF, segment.marker], &len.to_be_bytes()[..], &kept].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jpeg::samples;

    fn same_memory(a: &Bytes, b: &Bytes) -> bool {
        a.as_ptr() == b.as_ptr()
    }

    fn ends(jpeg: &[u8]) -> usize {
        memmem::find_iter(jpeg, &[0xFF, marker::EOI]).count()
    }

    #[test]
    fn a_picture_that_needs_no_change_is_not_copied() {
        let jpeg = samples::with_segment(
            &samples::colour(32, 32),
            0xE1,
            &samples::exif(true, Some(6), None),
        );
        for out in [
            without_thumbnail(jpeg.clone()),
            with_huffman_tables(jpeg.clone()),
            prepare(jpeg.clone()).unwrap().1,
        ] {
            assert!(same_memory(&out, &jpeg));
            assert_eq!(out, jpeg);
        }
    }

    #[test]
    fn a_copy_and_a_change_in_place_give_the_same() {
        let plain = samples::colour(64, 48);
        let exif = samples::exif(true, Some(6), Some(&samples::colour(16, 16)));
        for jpeg in [
            samples::with_segment(&plain, 0xE1, &exif),
            samples::without_huffman_tables(&plain),
            [&plain[..], &[0; 99]].concat().into(),
        ] {
            let (info, wanted) = prepare(jpeg.clone()).unwrap();
            let (mut copy, mut place) = (b"room".to_vec(), [b"room", &jpeg[..]].concat());
            assert_eq!(prepare_into(&jpeg, &mut copy), Ok(info));
            assert_eq!(prepare_in_place(&mut place, 4), Ok(info));
            assert_eq!(copy, [b"room", &wanted[..]].concat());
            assert_eq!(place, copy);
        }
        let mut out = b"room".to_vec();
        assert!(prepare_into(&plain[..100], &mut out).is_err());
        assert_eq!(out, b"room");
    }

    #[test]
    fn padding_goes_without_a_copy() {
        let jpeg = samples::colour(32, 32);
        let padded = Bytes::from([&jpeg[..], &[0; 500]].concat());
        for out in [
            without_thumbnail(padded.clone()),
            prepare(padded.clone()).unwrap().1,
        ] {
            assert!(same_memory(&out, &padded));
            assert_eq!(out, jpeg);
        }
    }

    #[test]
    fn an_exif_thumbnail_goes_and_the_orientation_stays() {
        let thumbnail = samples::colour(16, 16);
        let plain = samples::colour(64, 48);
        for little_endian in [true, false] {
            let exif = samples::exif(little_endian, Some(6), Some(&thumbnail));
            let jpeg = samples::with_segment(&plain, 0xE1, &exif);
            assert_eq!(ends(&jpeg), 2);
            let out = without_thumbnail(jpeg);
            assert_eq!(
                out,
                samples::with_segment(&plain, 0xE1, &exif::orientation_only(6))
            );
            assert_eq!(inspect(&out).unwrap().width, 64);
        }
        let upright = samples::with_segment(
            &plain,
            0xE1,
            &samples::exif(true, Some(1), Some(&thumbnail)),
        );
        assert_eq!(without_thumbnail(upright), plain);
    }

    #[test]
    fn a_thumbnail_of_plain_pixels_goes_too() {
        let plain = samples::colour(64, 48);
        let jpeg = samples::with_segment(&plain, 0xE1, &samples::exif(false, None, Some(&[7; 48])));
        assert_eq!(without_thumbnail(jpeg), plain);
    }

    #[test]
    fn previews_in_other_segments_go() {
        let thumbnail = samples::colour(16, 16);
        let plain = samples::colour(64, 48);
        let jfxx = [b"JFXX\0\x10", &thumbnail[..]].concat();
        let photoshop = [b"Photoshop 3.0\x008BIM", &thumbnail[..]].concat();
        for (marker, payload) in [
            (0xE0, &jfxx),
            (0xED, &photoshop),
            (0xFE, &thumbnail.to_vec()),
        ] {
            let jpeg = samples::with_segment(&plain, marker, payload);
            assert_eq!(without_thumbnail(jpeg), plain, "APP marker {marker:x}");
        }
        assert_eq!(
            without_thumbnail(samples::with_segment(
                &plain,
                0xE0,
                b"JFXX\0\x13\x01\x01abc"
            )),
            plain
        );
    }

    #[test]
    fn a_jfif_header_loses_pixels_that_look_like_an_end_and_nothing_else() {
        let plain = samples::colour(64, 48);
        let jfif = |pixels: &[u8]| [b"JFIF\0\x01\x02\x01\0\x48\0\x48", pixels].concat();
        let jpeg = samples::with_segment(&plain, 0xE0, &jfif(&[1, 1, 0xFF, 0xD9, 0]));
        assert_eq!(
            without_thumbnail(jpeg),
            samples::with_segment(&plain, 0xE0, &jfif(&[0, 0]))
        );
    }

    #[test]
    fn adobes_segment_and_harmless_comments_stay() {
        let plain = samples::colour(64, 48);
        for (marker, payload) in [
            (0xEE, &b"Adobe\0\x64\xFF\xD9\0\0\x01"[..]),
            (0xFE, b"made by a camera"),
        ] {
            let jpeg = samples::with_segment(&plain, marker, payload);
            assert!(same_memory(&without_thumbnail(jpeg.clone()), &jpeg));
        }
    }

    #[test]
    fn missing_huffman_tables_are_added_before_the_scan() {
        let jpeg = samples::colour(64, 48);
        let bare = samples::without_huffman_tables(&jpeg);
        assert!(!inspect(&bare).unwrap().has_huffman_tables);
        let out = with_huffman_tables(bare.clone());
        assert_eq!(out.len(), bare.len() + STANDARD_DHT.len());
        assert!(inspect(&out).unwrap().has_huffman_tables);
        // Without its tables again it is what it was: nothing else changed.
        assert_eq!(samples::without_huffman_tables(&out), bare);
    }

    #[test]
    fn a_webcams_picture_is_prepared_in_one_go() {
        let bare = samples::without_huffman_tables(&samples::colour(64, 48));
        let exif = samples::exif(true, None, Some(&samples::colour(16, 16)));
        let jpeg = [&samples::with_segment(&bare, 0xE1, &exif)[..], &[0; 99]].concat();
        let (info, out) = prepare(jpeg.into()).unwrap();
        assert_eq!(out, with_huffman_tables(bare));
        assert_eq!(info, inspect(&out).unwrap());
        assert_eq!(ends(&out), 1);
    }

    #[test]
    fn what_is_no_picture_comes_back_as_it_is() {
        let cut = samples::colour(32, 32).slice(..300);
        for bytes in [Bytes::from_static(b"hello"), cut] {
            assert!(same_memory(&without_thumbnail(bytes.clone()), &bytes));
            assert!(same_memory(&with_huffman_tables(bytes.clone()), &bytes));
            assert!(prepare(bytes).is_err());
        }
    }

    proptest! {
        #[test]
        fn preparing_twice_changes_nothing_more(
            payload in proptest::collection::vec(any::<u8>(), 0..200),
            marker in prop_oneof![Just(0xE0u8), Just(0xE1), Just(0xE2), Just(0xFE)],
            head in prop_oneof![Just(&b""[..]), Just(&b"Exif\0\0II*\0\x08\0\0\0"[..]), Just(&b"JFIF\0"[..])],
            padding in 0usize..9,
        ) {
            let jpeg = samples::with_segment(&samples::colour(16, 16), marker, &[head, &payload].concat());
            let jpeg = Bytes::from([&jpeg[..], &vec![0; padding]].concat());
            let (info, once) = prepare(jpeg).unwrap();
            prop_assert_eq!(info, inspect(&once).unwrap());
            prop_assert_eq!(ends(&once), 1);
            let (_, twice) = prepare(once.clone()).unwrap();
            prop_assert!(same_memory(&once, &twice));
        }
    }
}
