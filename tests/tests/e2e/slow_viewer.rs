//! A viewer of H.264 that is too slow for it.

use std::time::Duration;

use sightline_proto::{Form, H264, Subscribe, to_relay, to_viewer};
use sightline_tests::{
    fleet::{Publisher, Relay},
    nats::{Server, Version},
    process,
    watch::Watch,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::{Instant, sleep_until, timeout},
};

use crate::quiet::alone;

const CAMERA: &str = "farm/gate";
const SLOW_FOR: Duration = Duration::from_secs(40);
const MORE_MEMORY_BYTES: u64 = 8 << 20;

/// Little of what is sent waits on the viewer's side.
const RECEIVE_BUFFER_BYTES: u32 = 32 << 10;

/// Takes `stream.mp4` at `bytes_per_second` for `time`, and gives what came after the answer's head.
async fn take_slowly(relay: &str, bytes_per_second: f64, time: Duration) -> Vec<u8> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
    let mut stream = socket.connect(relay.parse().unwrap()).await.unwrap();
    // HTTP/1.0: the body comes as it is, without chunks.
    let request = format!("GET /api/cameras/{CAMERA}/stream.mp4 HTTP/1.0\r\nHost: {relay}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (start, mut taken) = (Instant::now(), Vec::new());
    let mut buffer = vec![0; 8 << 10];
    while start.elapsed() < time {
        let len = timeout(Duration::from_secs(5), stream.read(&mut buffer))
            .await
            .expect("the stream goes on")
            .unwrap();
        assert!(len > 0, "the stream ended");
        taken.extend_from_slice(&buffer[..len]);
        sleep_until(start + Duration::from_secs_f64(taken.len() as f64 / bytes_per_second)).await;
    }
    let head = taken.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let body = taken.split_off(head.expect("a head") + 4);
    assert!(
        taken.starts_with(b"HTTP/1.0 200"),
        "{}",
        String::from_utf8_lossy(&taken)
    );
    body
}

/// Up to the end of the last whole box.
fn whole_boxes(mut file: Vec<u8>) -> Vec<u8> {
    let mut end = 0;
    while let Some(size) = file.get(end..end + 4) {
        let size = u32::from_be_bytes(size.try_into().unwrap()) as usize;
        // A fragment is a moof and its mdat: one without the other is nothing.
        let is_moof = &file[end + 4..end + 8] == b"moof";
        let next = file.get(end + size..end + size + 4);
        let len = match next {
            Some(next) if is_moof => size + u32::from_be_bytes(next.try_into().unwrap()) as usize,
            None if is_moof => break,
            _ => size,
        };
        if end + len > file.len() {
            break;
        }
        end += len;
    }
    file.truncate(end);
    file
}

#[tokio::test]
async fn a_viewer_at_a_third_of_the_bitrate_sees_whole_groups_and_harms_nobody() {
    let _machine = alone().await;
    let server = Server::start(Version::Current, "").await;
    let mut relay = Relay::start(&server.url()).await;
    let source = "test://?size=1280x720&fps=30";
    let _publisher = Publisher::start(&server.url(), "farm", &[("gate", source)]);
    relay.until_online(CAMERA).await;

    // One viewer takes all that there is, and measures it.
    let mut watch = Watch::open(relay.address()).await.unwrap();
    let subscribe = Subscribe {
        camera: CAMERA.into(),
        stream: H264.into(),
        form: Form::Fmp4.into(),
        ..Subscribe::default()
    };
    watch
        .send(to_relay::Message::Subscribe(subscribe))
        .await
        .unwrap();
    let (mut bytes, start) = (0, Instant::now());
    while start.elapsed() < Duration::from_secs(6) {
        bytes += watch.next_frame().await.unwrap().data.len();
    }
    let bytes_per_second = bytes as f64 / start.elapsed().as_secs_f64();
    let memory_before = relay.process().memory_bytes().unwrap();

    let address = relay.address().to_owned();
    let slow =
        tokio::spawn(async move { take_slowly(&address, bytes_per_second / 3.0, SLOW_FOR).await });
    let (mut frames, mut last, start) = (0_u32, None, Instant::now());
    while start.elapsed() < SLOW_FOR {
        match watch.next().await.unwrap() {
            to_viewer::Message::Frame(frame) => {
                assert!(
                    last.is_none_or(|last| frame.sequence == last + 1),
                    "one is missing"
                );
                last = Some(frame.sequence);
                frames += 1;
            }
            to_viewer::Message::Skipped(skipped) => panic!("the other viewer: {skipped:?}"),
            _ => {}
        }
    }
    let memory_after = relay.process().memory_bytes().unwrap();
    let file = whole_boxes(slow.await.unwrap());
    println!("{bytes_per_second:.0} bytes per second, {frames} frames for the other viewer");
    println!("{memory_before} bytes of memory before, {memory_after} after");
    assert!(memory_after < memory_before + MORE_MEMORY_BYTES);
    assert!(
        f64::from(frames) > SLOW_FOR.as_secs_f64() * 30.0 * 0.98,
        "{frames}"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.mp4");
    std::fs::write(&path, &file).unwrap();
    let path = path.display().to_string();
    let arguments = [
        "-nostdin",
        "-v",
        "warning",
        "-xerror",
        "-i",
        &path,
        "-an",
        "-fps_mode",
        "passthrough",
        "-f",
        "framecrc",
        "-",
    ];
    let (code, text) = process::run("ffmpeg".as_ref(), &arguments, Duration::from_secs(60)).await;
    assert_eq!(code, 0, "{text}");
    let seen = text.lines().filter(|line| line.starts_with("0,")).count();
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).count(),
        seen,
        "{text}"
    );
    println!("{seen} frames for the slow one");
    // Less than all, and not only a few at the start.
    assert!(
        seen > 200 && seen < frames as usize * 2 / 3,
        "{seen} of {frames}"
    );
}
