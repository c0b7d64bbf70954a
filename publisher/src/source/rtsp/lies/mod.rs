//! Cameras that lie: each ends the attempt with one error that says what is wrong, and harms nothing.

mod camera;

use std::{collections::BTreeMap, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Rtsp, Target};
use crate::source::{DropReason, Error, Output, Source as _, SourceUrl};
use camera::{Act, Camera, H264, Script, interleaved, ok, rtp};

/// Short, so that tests are.
const PATIENCE: Duration = Duration::from_millis(400);

/// A source never takes this long with [`PATIENCE`], which it may spend on each of a few answers.
const SOON: Duration = Duration::from_secs(5);

fn source(url: &str) -> Rtsp {
    let url = SourceUrl::new(url, BTreeMap::new()).unwrap();
    Rtsp {
        target: Target::new(&url, PATIENCE).unwrap().into(),
    }
}

async fn error_of(url: &str) -> Error {
    let output = Output::default();
    let source = source(url);
    let run = source.run(&output, CancellationToken::new());
    let error = timeout(SOON, run).await.expect("it ends").unwrap_err();
    let text = error.to_string();
    assert!(
        !text.contains("secret") && !text.contains("hidden"),
        "{text}"
    );
    assert!(text.len() < 300 && !text.contains('\n'), "{text}");
    error
}

/// What an attempt at a camera comes to that offers `tracks` and lies in one answer.
async fn lie(tracks: &str, method: &'static str, act: Act) -> String {
    let camera = Camera::start(tracks, Script::from([(method, act)])).await;
    error_of(&camera.url("")).await.to_string()
}

fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

/// The answer to PLAY, and what follows it.
fn play(packets: &[Vec<u8>]) -> Vec<u8> {
    [ok("Session: 1\r\n", "").replace_cseq(), packets.concat()].concat()
}

trait ReplaceCseq {
    fn replace_cseq(self) -> Self;
}

impl ReplaceCseq for Vec<u8> {
    /// The packets behind it are no text: PLAY is the third request.
    fn replace_cseq(self) -> Self {
        String::from_utf8(self)
            .unwrap()
            .replace("{cseq}", "3")
            .into_bytes()
    }
}

#[tokio::test]
async fn silence_in_every_state_ends_the_attempt() {
    for (method, asked) in [
        ("DESCRIBE", "what it offers"),
        ("SETUP", "for a track"),
        ("PLAY", "to play"),
    ] {
        let error = lie(H264, method, Act::Silence).await;
        assert!(error.contains(&format!("when asked {asked}")), "{error}");
    }
    // And after all answers, and to the goodbye.
    let error = lie(H264, "TEARDOWN", Act::Silence).await;
    assert!(error.starts_with("no picture from"), "{error}");
}

#[tokio::test]
async fn what_is_no_rtsp_is_said_so() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "RTSP/2.0 200 OK\r\n\r\n",
        "RTSP/1.0 999999 x\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: -1\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let error = lie(H264, "DESCRIBE", say(answer)).await;
        assert!(error.contains("Invalid RTSP message"), "{answer:?} {error}");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_not_waited_for() {
    let endless = Act::Flood(
        b"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n".to_vec(),
        b"X-More: and more\r\n".to_vec(),
    );
    let huge = "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: 18446744073709551615\r\n\r\nx";
    for act in [endless, say(huge), say("RTSP/1.0 200 OK\r\nCSeq: 1")] {
        let error = lie(H264, "DESCRIBE", act).await;
        assert!(error.contains("no answer within 400ms"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_to_another_question_is_refused() {
    for cseq in ["77", "x", "-1"] {
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n\r\n");
        let error = lie(H264, "DESCRIBE", say(&answer)).await;
        assert!(error.contains("Expected response to DESCRIBE"), "{error}");
    }
    let error = lie(H264, "DESCRIBE", Act::Close(Vec::new())).await;
    assert!(error.contains("EOF"), "{error}");
}

#[tokio::test]
async fn what_people_can_mend_is_said_in_words() {
    for (answer, wanted) in [
        ("302 Found", "redirects (302), which is not followed"),
        ("404 Not Found", "nothing at this path (404)"),
        ("401 Unauthorized", "does not say which kind"),
        ("500 Oops", "it answers 500"),
    ] {
        let answer = format!("RTSP/1.0 {answer}\r\nCSeq: {{cseq}}\r\nLocation: rtsp://x/\r\n\r\n");
        let error = lie(H264, "DESCRIBE", say(&answer)).await;
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_login_is_asked_for_and_refused_in_words() {
    for scheme in ["Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"y\""] {
        let answer = format!(
            "RTSP/1.0 401 Unauthorized\r\nCSeq: {{cseq}}\r\nWWW-Authenticate: {scheme}\r\n\r\n"
        );
        let camera = Camera::start(H264, Script::from([("DESCRIBE", say(&answer))])).await;
        let error = error_of(&camera.url("")).await.to_string();
        assert!(error.contains("rtsp://user:password@host"), "{error}");
        let error = error_of(&camera.url("me:secret@")).await;
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    }
    let answer = "RTSP/1.0 401 x\r\nCSeq: {cseq}\r\nWWW-Authenticate: Bearer realm=\"x\"\r\n\r\n";
    let camera = Camera::start(H264, Script::from([("DESCRIBE", say(answer))])).await;
    let error = error_of(&camera.url("me:secret@")).await.to_string();
    assert!(error.contains("neither basic nor digest"), "{error}");
}

#[tokio::test]
async fn an_offer_without_video_names_what_is_there() {
    for (tracks, wanted) in [
        ("", "no track that can be read"),
        (
            "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 OPUS/48000/2\r\n",
            "but audio/opus",
        ),
        (
            "m=video 0 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n",
            "but video/vp8",
        ),
    ] {
        let error = lie(tracks, "TEARDOWN", Act::Answer).await;
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn an_offer_that_contradicts_itself_ends_the_attempt() {
    for tracks in [
        "m=video 0 RTP/AVP \r\n",
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n",
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:\u{fffd}://\r\n",
        "m=video 0 RTP/AVP 200\r\n",
        "m=\r\n",
        "not sdp at all",
    ] {
        let error = lie(tracks, "TEARDOWN", Act::Answer).await;
        assert!(!error.is_empty());
    }
}

#[tokio::test]
async fn absurd_parameter_sets_in_the_offer_are_left_aside() {
    let absurd = [
        "Z2QACqzZhHsBEAAAAwAQAAADAyDxIlmg".to_owned(),
        "Z0IAHv////////////////////////,aM4=".to_owned(),
        "!!!!".to_owned(),
        "Z".repeat(20_000),
    ];
    for sets in absurd {
        let tracks =
            format!("{H264}a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n");
        let error = lie(&tracks, "TEARDOWN", Act::Answer).await;
        assert!(error.starts_with("no picture from"), "{error}");
    }
}

#[tokio::test]
async fn setup_that_makes_no_sense_ends_the_attempt() {
    for headers in [
        "",
        "Session: 1\r\n",
        "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=999-1000\r\n",
        "Session: 1;timeout=x\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n",
        "Session: 1\r\nTransport: RTP/AVP/UDP;server_port=65535-65536\r\n",
    ] {
        let act = Act::Say(ok(headers, ""));
        let camera = Camera::start(H264, Script::from([("SETUP", act)])).await;
        for transport in ["", "#transport=udp"] {
            let error = error_of(&(camera.url("") + transport)).await.to_string();
            assert!(!error.is_empty());
        }
    }
}

#[tokio::test]
async fn a_session_without_a_time_to_live_is_refused() {
    let headers = "Session: 1;timeout=0\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n";
    let error = lie(H264, "SETUP", Act::Say(ok(headers, ""))).await;
    assert!(error.contains("Invalid timeout=0"), "{error}");
}

#[tokio::test]
async fn packets_that_are_garbage_end_the_session() {
    for packets in [
        vec![b"garbage and not a packet".to_vec()],
        vec![interleaved(0, b"x")],
        vec![interleaved(0, &rtp(1, true, &[]))],
        vec![interleaved(0, &rtp(1, true, &[0xFF; 40]))],
        vec![interleaved(1, &[0xFF; 3])],
        vec![interleaved(0, &rtp(1, false, &[0x7C, 0x05, 1, 2, 3]))],
        vec![
            interleaved(0, &rtp(9, true, &[0x41; 9])),
            interleaved(0, &rtp(3, true, &[0x41; 9])),
        ],
    ] {
        let error = lie(H264, "PLAY", Act::Say(play(&packets))).await;
        assert!(error.contains(" failed: "), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_closes_in_the_middle_of_a_frame_ends_the_session() {
    let whole = interleaved(0, &rtp(1, false, &[0x7C, 0x85, 1, 2, 3]));
    for (end, wanted) in [
        (whole.len(), " ended"),
        (whole.len() - 2, "Incomplete RTSP message"),
    ] {
        let error = lie(H264, "PLAY", Act::Close(play(&[whole[..end].to_vec()]))).await;
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_frame_that_never_ends_is_not_waited_for() {
    let start = play(&[interleaved(0, &rtp(0, false, &[0x7C, 0x85, 1]))]);
    // The same number again and again would be out of order: loss is what goes on.
    let more = (1..=u16::MAX)
        .flat_map(|i| interleaved(0, &rtp(i, false, &[0x7C, 0x05, 7])))
        .collect();
    let error = lie(H264, "PLAY", Act::Flood(start, more)).await;
    assert!(
        error.starts_with("no picture from") || error.contains(" failed: "),
        "{error}"
    );
}

#[tokio::test]
async fn frames_that_are_no_video_are_counted_and_never_shown() {
    let frames: Vec<_> = (1..5u8)
        .map(|i| {
            let mut packet = rtp(i.into(), true, &[0x65, 0x88, i, 0x80]);
            packet[7] = i;
            interleaved(0, &packet)
        })
        .collect();
    let camera = Camera::start(H264, Script::from([("PLAY", Act::Say(play(&frames)))])).await;
    let output = Output::default();
    let source = source(&camera.url(""));
    let run = source.run(&output, CancellationToken::new());
    let error = timeout(SOON, run).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Silent { .. }), "{error}");
    let dropped: Vec<_> = output.dropped().collect();
    assert_eq!(dropped, [(DropReason::Damaged, 4)]);
}

#[tokio::test]
async fn it_stops_in_time_in_every_state() {
    // The camera would have the session live for ever.
    let ever = "Session: 1;timeout=4294967295\r\nTransport: RTP/AVP/UDP;server_port=9-10\r\n";
    for transport in ["", "#transport=udp"] {
        for silent in ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"] {
            let mut script = Script::from([(silent, Act::Silence), ("TEARDOWN", Act::Silence)]);
            if !transport.is_empty() && silent != "SETUP" {
                script.insert("SETUP", Act::Say(ok(ever, "")));
            }
            let camera = Camera::start(H264, script).await;
            let (output, stop) = (Output::default(), CancellationToken::new());
            let source = source(&(camera.url("") + transport));
            let run = source.run(&output, stop.clone());
            let stopping = async {
                tokio::time::sleep(PATIENCE / 2).await;
                stop.cancel();
            };
            let (result, ()) = timeout(SOON, async { tokio::join!(run, stopping) })
                .await
                .unwrap();
            assert!(result.is_ok(), "{silent} {result:?}");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_said_in_words() {
    let error = error_of("rtsp://127.0.0.1:1/live").await.to_string();
    assert!(error.contains("Connection refused"), "{error}");
}
