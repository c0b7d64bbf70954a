use proptest::prelude::*;

use super::*;
use crate::source::passthrough::samples;

const MAX: usize = 100_000;

fn parse(boundary: &str, stream: &[u8], chunk_bytes: usize) -> Result<Vec<Split>, HeaderTooLong> {
    let mut parser = Parser::new(boundary, MAX, Pool::default());
    let mut out = Vec::new();
    for chunk in stream.chunks(chunk_bytes) {
        out.extend(parser.push(chunk, 0)?);
    }
    out.extend(parser.finish());
    Ok(out
        .into_iter()
        .filter(|split| {
            !matches!(
                split,
                Split::Dropped {
                    reason: Reason::Garbage,
                    ..
                }
            )
        })
        .map(bare)
        .collect())
}

fn picture(data: &[u8]) -> Split {
    Split::Picture {
        data: data.to_vec(),
        stamp: 0,
    }
}

/// Without the room before a picture.
fn bare(split: Split) -> Split {
    match split {
        Split::Picture { mut data, stamp } => Split::Picture {
            data: data.split_off(ROOM_BYTES),
            stamp,
        },
        dropped @ Split::Dropped { .. } => dropped,
    }
}

fn dropped(reason: Reason, bytes: usize) -> Split {
    Split::Dropped {
        reason,
        bytes: bytes as u64,
    }
}

/// One part with the given header lines, as a well-behaved camera sends it.
fn part(header: &str, body: &[u8]) -> Vec<u8> {
    [b"--frame\r\n", header.as_bytes(), b"\r\n", body, b"\r\n"].concat()
}

fn with_length(body: &[u8]) -> Vec<u8> {
    part(
        &format!(
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\n",
            body.len()
        ),
        body,
    )
}

/// Checks `stream` whole, byte by byte, and in between.
#[track_caller]
fn check(boundary: &str, stream: &[u8], expected: &[Split]) {
    for chunk_bytes in [stream.len(), 1, 2, 3, 100, 1460] {
        assert_eq!(
            parse(boundary, stream, chunk_bytes).unwrap(),
            expected,
            "chunks of {chunk_bytes}"
        );
    }
}

#[test]
fn a_well_behaved_stream_gives_its_pictures() {
    let [one, two] = [samples::jpeg(32, 32), samples::jpeg(16, 16)];
    let stream = [
        with_length(&one),
        with_length(&two),
        b"--frame--\r\n".to_vec(),
    ]
    .concat();
    check("frame", &stream, &[picture(&one), picture(&two)]);
}

#[test]
fn boundaries_are_found_however_they_are_announced() {
    let jpeg = samples::jpeg(16, 16);
    let head = format!(
        "Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        jpeg.len()
    );
    for (announced, sent) in [
        ("frame", "--frame"),
        ("--frame", "--frame"),
        ("--frame", "----frame"),
        ("frame", "frame"),
        ("--frame--", "--frame--"),
        ("", "--anything"),
        ("frame", "--other"),
    ] {
        let stream = [sent.as_bytes(), b"\r\n", head.as_bytes(), &jpeg, b"\r\n"]
            .concat()
            .repeat(2);
        check(announced, &stream, &[picture(&jpeg), picture(&jpeg)]);
    }
}

#[test]
fn lines_may_end_in_lf_alone_and_headers_may_be_many() {
    let jpeg = samples::jpeg(16, 16);
    let head = format!(
        "--frame\nX-Timestamp: 1.5\nX-Framerate: 30\nCONTENT-LENGTH :  {} \nno colon here\nContent-type:image/jpg\n\n",
        jpeg.len()
    );
    let stream = [head.as_bytes(), &jpeg, b"\n"].concat().repeat(2);
    check("frame", &stream, &[picture(&jpeg), picture(&jpeg)]);
}

#[test]
fn a_preamble_and_stray_lines_are_skipped() {
    let jpeg = samples::jpeg(16, 16);
    let preamble = [
        b"This is a multipart message.\r\n\r\n- not a part\r\n",
        &[b'x'; 40_000][..],
        b"\r\n",
    ]
    .concat();
    let stream = [
        preamble,
        with_length(&jpeg),
        b"\r\n\r\nstray\r\n--frame\r\n".to_vec(),
        with_length(&jpeg),
    ]
    .concat();
    check("frame", &stream, &[picture(&jpeg), picture(&jpeg)]);
}

#[test]
fn a_part_may_lack_its_boundary_or_its_header() {
    let jpeg = samples::jpeg(16, 16);
    let head = format!(
        "Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        jpeg.len()
    );
    check(
        "frame",
        &[head.as_bytes(), &jpeg].concat().repeat(2),
        &[picture(&jpeg), picture(&jpeg)],
    );
    for stream in [
        [b"--frame\r\n\r\n", &jpeg[..], b"\r\n"].concat(),
        [b"--frame\r\n", &jpeg[..], b"\r\n"].concat(),
        [
            b"--frame\r\nContent-Type: image/jpeg\r\n",
            &jpeg[..],
            b"\r\n",
        ]
        .concat(),
        jpeg.to_vec(),
    ] {
        check(
            "frame",
            &stream.repeat(2),
            &[picture(&jpeg), picture(&jpeg)],
        );
    }
}

#[test]
fn a_missing_or_wrong_length_does_not_lose_a_picture() {
    let jpeg = samples::jpeg(32, 32);
    let len = jpeg.len();
    for length in [
        String::new(),
        "Content-Length: 0\r\n".into(),
        "Content-Length: -1\r\n".into(),
        format!("Content-Length: {}\r\n", len - 100),
        format!("Content-Length: {}\r\n", len + 2),
        format!("Content-Length: {}\r\n", len + 5),
        format!("Content-Length: {}\r\n", len + 200),
        format!("Content-Length: {}\r\n", MAX + 1),
    ] {
        let stream = part(&format!("Content-Type: image/jpeg\r\n{length}"), &jpeg).repeat(3);
        let got = parse("frame", &stream, 1000).unwrap();
        let pictures: Vec<_> = got
            .iter()
            .map(|split| match split {
                Split::Picture { data, .. } => &data[..len],
                dropped @ Split::Dropped { .. } => panic!("{length}: {dropped:?}"),
            })
            .collect();
        assert_eq!(pictures, [&jpeg, &jpeg, &jpeg], "{length}");
    }
}

#[test]
fn a_picture_comes_out_with_its_last_byte_and_not_later() {
    let jpeg = samples::jpeg(32, 32);
    for head in [
        "Content-Type: image/jpeg\r\n".to_owned(),
        format!("Content-Length: {}\r\n", jpeg.len()),
    ] {
        let stream = part(&head, &jpeg);
        let mut parser = Parser::new("frame", MAX, Pool::default());
        assert_eq!(parser.push(&stream[..stream.len() - 3], 7), Ok(vec![]));
        let out = parser
            .push(&stream[stream.len() - 3..stream.len() - 2], 8)
            .unwrap();
        assert_eq!(
            out.into_iter().map(bare).collect::<Vec<_>>(),
            [Split::Picture {
                data: jpeg.to_vec(),
                stamp: 7
            }]
        );
    }
}

#[test]
fn broken_pictures_are_told_apart_and_the_next_one_comes() {
    let jpeg = samples::jpeg(32, 32);
    let cut = &jpeg[..jpeg.len() - 20];
    let padded = [b"\r\n", &jpeg[..], &[0; 30]].concat();
    let stream = [
        with_length(b"hello"),
        with_length(&padded),
        with_length(cut),
        with_length(&jpeg),
    ]
    .concat();
    let got = parse("frame", &stream, 500).unwrap();
    assert_eq!(got[0], dropped(Reason::Corrupt, 5));
    assert_eq!(got[1], picture(&[&jpeg[..], &[0; 30]].concat()));
    assert!(
        matches!(got[2], Split::Dropped { reason: Reason::Truncated, bytes } if bytes >= cut.len() as u64)
    );
    assert_eq!(got[3..], [picture(&jpeg)]);
}

#[test]
fn parts_that_are_no_pictures_are_skipped() {
    let jpeg = samples::jpeg(16, 16);
    let sound = part(
        "Content-Type: audio/basic\r\nContent-Length: 9\r\n",
        b"--frame\r\n",
    );
    let text = part("Content-Type: text/plain\r\n", b"temperature 21\r\nlight 3");
    let stream = [sound, with_length(&jpeg), text, with_length(&jpeg)].concat();
    check("frame", &stream, &[picture(&jpeg), picture(&jpeg)]);
}

#[test]
fn the_end_of_the_stream_in_a_picture_truncates_it() {
    let jpeg = samples::jpeg(32, 32);
    let whole = with_length(&jpeg);
    let got = parse("frame", &whole[..whole.len() - 50], 100).unwrap();
    assert!(matches!(
        got[..],
        [Split::Dropped {
            reason: Reason::Truncated,
            ..
        }]
    ));
}

#[test]
fn a_header_without_end_is_refused() {
    let long = part(&format!("X: {}\r\n", "x".repeat(MAX_HEADER_BYTES)), b"");
    assert_eq!(parse("frame", &long, 1000), Err(HeaderTooLong));
    let many = part(&"X-Header: something\r\n".repeat(1000), b"");
    assert_eq!(parse("frame", &many, 1000), Err(HeaderTooLong));
    let fits = part(
        &format!("X: {}\r\n", "x".repeat(MAX_HEADER_BYTES - 200)),
        b"",
    );
    assert_eq!(parse("frame", &fits, 1000), Ok(vec![]));
}

proptest! {
    #[test]
    fn any_stream_gives_the_same_however_it_is_cut(
        pieces in proptest::collection::vec(prop_oneof![
            Just(with_length(&samples::jpeg(16, 16))),
            Just(part("Content-Type: image/jpeg\r\n", &samples::jpeg(16, 16))),
            Just(part("Content-Length: 700\r\n", &samples::jpeg(16, 16))),
            proptest::collection::vec(any::<u8>(), 0..60),
            Just(b"--frame\r\n".to_vec()),
            Just(b"Content-Length: 40\r\n\r\n".to_vec()),
            Just(b"Content-Type: text/x\n\n".to_vec()),
        ], 0..8),
        chunk_bytes in 1usize..300,
    ) {
        let stream = pieces.concat();
        let whole = parse("frame", &stream, stream.len().max(1));
        prop_assert_eq!(parse("frame", &stream, chunk_bytes), whole.clone());
        for split in whole.unwrap_or_default() {
            if let Split::Picture { data, .. } = split {
                prop_assert!(data.len() <= MAX && data.starts_with(&[0xFF, 0xD8]));
            }
        }
    }
}
