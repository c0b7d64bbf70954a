//! What cameras send, and how.

use tokio::{io::AsyncWriteExt as _, time::Instant};

use super::{camera::*, *};
use crate::source::{DropReason, passthrough::samples};

#[tokio::test]
async fn a_multipart_stream_gives_its_pictures_until_it_ends() {
    let jpeg = samples::jpeg(64, 48);
    let camera = {
        let jpeg = jpeg.clone();
        Camera::new(move |_| multipart(&jpeg, 3)).await
    };
    let source = source(&camera.url("/video?x=y"));
    assert_eq!(pictures_of(&source, 1).await, [jpeg]);
    assert!(matches!(error_of(&source).await, Error::Ended { .. }));
    let head = &camera.requests()[0];
    assert!(head.starts_with("GET /video?x=y HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("Host: 127.0.0.1:{}\r\n", camera.port)),
        "{head}"
    );
    assert!(head.contains("User-Agent: sightline-publisher/"), "{head}");
}

#[tokio::test]
async fn a_chunked_stream_with_bare_line_feeds_works() {
    let jpeg = samples::jpeg(64, 48);
    let camera = {
        let jpeg = jpeg.clone();
        Camera::raw(move |mut stream, _| {
            let jpeg = jpeg.clone();
            async move {
                read_head(&mut stream).await;
                let head =
                    b"HTTP/1.1 200 OK\nContent-Type: multipart/x-mixed-replace; boundary=\"--b\"\n\
                    Transfer-Encoding: chunked\nno colon here\nX-Strange : yes\n\n";
                stream.write_all(head).await.unwrap();
                let body = [b"--b\nContent-Type: image/jpeg\n\n", &jpeg[..], b"\n"]
                    .concat()
                    .repeat(50);
                for chunk in body.chunks(777) {
                    let chunk =
                        [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
                    if stream.write_all(&chunk).await.is_err() {
                        return;
                    }
                }
                std::future::pending::<()>().await;
            }
        })
        .await
    };
    assert_eq!(pictures_of(&source(&camera.url("/")), 1).await, [jpeg]);
}

#[tokio::test]
async fn a_single_picture_is_asked_for_at_the_rate_over_one_connection() {
    let jpeg = samples::jpeg(64, 48);
    let camera = {
        let jpeg = jpeg.clone();
        Camera::new(move |_| picture(&jpeg)).await
    };
    let start = Instant::now();
    let pictures = pictures_of(&source(&camera.url("/snap.jpg#fps=50")), 6).await;
    assert!(pictures.iter().all(|picture| *picture == jpeg));
    assert!(
        start.elapsed() >= Duration::from_millis(5 * 20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(camera.connections(), 1);
}

#[tokio::test]
async fn a_camera_that_closes_after_each_picture_is_connected_to_again() {
    let jpeg = samples::jpeg(32, 32);
    let camera = {
        let jpeg = jpeg.clone();
        Camera::new(move |_| response("200 OK", "Content-Type: image/jpeg\r\n", &jpeg)).await
    };
    assert_eq!(
        pictures_of(&source(&camera.url("/#fps=50")), 3).await,
        vec![jpeg; 3]
    );
    assert!(camera.connections() >= 3);
}

#[tokio::test]
async fn there_is_never_more_than_one_request_under_way() {
    let jpeg = samples::jpeg(32, 32);
    let most = std::sync::Arc::new(std::sync::Mutex::new((0, 0)));
    let camera = {
        let most = std::sync::Arc::clone(&most);
        Camera::raw(move |mut stream, _| {
            let (jpeg, most) = (jpeg.clone(), std::sync::Arc::clone(&most));
            async move {
                while read_head(&mut stream).await.is_some() {
                    {
                        let mut most = most.lock().unwrap();
                        most.0 += 1;
                        most.1 = most.1.max(most.0);
                    }
                    // Slower than the rate that is asked for.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    most.lock().unwrap().0 -= 1;
                    if stream.write_all(&picture(&jpeg)).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    };
    pictures_of(&source(&camera.url("/#fps=60")), 4).await;
    assert_eq!(most.lock().unwrap().1, 1);
    assert_eq!(camera.connections(), 1);
}

#[tokio::test]
async fn broken_pictures_are_counted_and_the_next_one_is_shown() {
    let jpeg = samples::jpeg(64, 48);
    let count = std::sync::atomic::AtomicUsize::new(0);
    let camera = {
        let jpeg = jpeg.clone();
        Camera::new(
            move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => picture(&jpeg[..jpeg.len() - 9]),
                1 => picture(b"<html>busy</html>"),
                // Its connection ends before the length that it promised.
                2 => response("200 OK", "Content-Type: image/jpeg\r\n", &jpeg)[..300].to_vec(),
                3 => {
                    let mut head = response("200 OK", "Content-Type: image/jpeg\r\n", b"");
                    let at = head
                        .windows(9)
                        .position(|window| window == b"Length: 0")
                        .unwrap();
                    head.splice(at + 8..at + 9, b"9000000".iter().copied());
                    head.resize(head.len() + 9_000_000, 7);
                    head
                }
                _ => picture(&jpeg),
            },
        )
        .await
    };
    let http = source(&camera.url("/#fps=50"));
    let output = Output::default();
    let stop = CancellationToken::new();
    let (result, ()) = tokio::join!(http.run(&output, stop.clone()), async {
        let Image::Jpeg(got) = timeout(LONG, output.take()).await.unwrap().image else {
            panic!("not a JPEG")
        };
        assert_eq!(got.data(), jpeg);
        stop.cancel();
    });
    result.unwrap();
    let dropped: Vec<_> = output
        .dropped()
        .filter(|(reason, _)| *reason != DropReason::Superseded)
        .collect();
    assert_eq!(
        dropped,
        [
            (DropReason::Truncated, 2),
            (DropReason::Corrupt, 1),
            (DropReason::TooLarge, 1)
        ]
    );
}

#[tokio::test]
async fn a_camera_that_does_not_say_what_it_gives_is_believed_if_it_is_a_jpeg() {
    let jpeg = samples::jpeg(32, 32);
    for header in ["", "Content-Type: application/octet-stream\r\n"] {
        let jpeg = jpeg.clone();
        let expected = jpeg.clone();
        let camera = Camera::new(move |_| response("200 OK", header, &jpeg)).await;
        assert_eq!(pictures_of(&source(&camera.url("/")), 1).await, [expected]);
    }
    let camera = Camera::new(|_| response("200 OK", "", b"hello")).await;
    let error = error_of(&source(&camera.url("/"))).await.to_string();
    assert!(error.contains("and it is not a JPEG"), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_pictures_are_named() {
    let page = "Content-Type: text/html; charset=utf-8\r\n";
    let login = b"<html><form><input type=\"password\"></form></html>";
    let answers: [(Vec<u8>, &str); 8] = [
        (
            response("404 Not Found", "", b"no"),
            "it answers 404 Not Found",
        ),
        (
            response("503 Service Unavailable", "", b"no"),
            "it answers 503 Service Unavailable",
        ),
        (
            response("204 No Content", "", b""),
            "it answers 204 No Content",
        ),
        (
            response("200 OK", page, login),
            "it answers with a login page, made for people (text/html)",
        ),
        (
            response("200 OK", page, b"<h1>It works!</h1>"),
            "it answers with a web page (text/html)",
        ),
        (
            response("200 OK", "Content-Type: video/mp4\r\n", b"x"),
            "it gives video/mp4; supported are",
        ),
        (
            b"RTSP/1.0 400 Bad Request\r\n\r\n".to_vec(),
            "its answer is not HTTP",
        ),
        (Vec::new(), "it closed the connection early"),
    ];
    for (answer, wanted) in answers {
        let camera = Camera::new(move |_| answer.clone()).await;
        let error = error_of(&source(&camera.url("/x?secret=1"))).await;
        assert!(matches!(error, Error::Open { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("secret=1"), "{error}");
    }
}

#[tokio::test]
async fn a_stream_whose_part_header_never_ends_fails() {
    let camera = Camera::new(|_| [MULTIPART, b"--frame\r\nX: ", &[b'x'; 20_000]].concat()).await;
    let error = error_of(&source(&camera.url("/"))).await;
    assert!(matches!(error, Error::Failed { .. }));
    assert!(
        error.to_string().contains("longer than 16384 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_response_header_without_end_fails() {
    let camera = Camera::new(|_| [b"HTTP/1.1 200 OK\r\nX: ", &[b'x'; 100_000][..]].concat()).await;
    let error = error_of(&source(&camera.url("/"))).await;
    assert!(
        error.to_string().contains("its answer is not HTTP"),
        "{error}"
    );
}

#[tokio::test]
async fn ffmpeg_serving_motion_jpeg_is_a_camera() {
    // ffmpeg does not say which port it got: it is given one that was free a moment ago, at an
    // address of its own, where no other test takes it or comes to it. Nothing ever listened there
    // before ffmpeg: a process that another test is just forking keeps what was open here for a
    // moment, and who connects to a listener that is closed then is reset.
    let address = {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 83, 7, 1], 0).into()).unwrap();
        socket.local_addr().unwrap()
    };
    let mut ffmpeg = tokio::process::Command::new("ffmpeg")
        .args([
            "-loglevel",
            "error",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x180:rate=30",
        ])
        .args(["-f", "mpjpeg", "-boundary_tag", "ffmpeg", "-listen", "1"])
        .args(["-content_type", "multipart/x-mixed-replace;boundary=ffmpeg"])
        .arg(format!("http://{address}/"))
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg is installed");
    let http = source(&format!("http://{address}/"));
    let output = Output::default();
    let take = async {
        for _ in 0..10 {
            let Image::Jpeg(jpeg) = output.take().await.image else {
                panic!("not a JPEG")
            };
            let info = sightline_media::jpeg::inspect(&jpeg.data()).unwrap();
            assert_eq!((info.width, info.height), (320, 180));
        }
    };
    let run = async {
        // ffmpeg takes a while until it listens.
        loop {
            let error = http
                .run(&output, CancellationToken::new())
                .await
                .unwrap_err();
            assert!(error.to_string().contains("Connection refused"), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, async {
        tokio::select! {
            () = take => {}
            () = run => {}
        }
    })
    .await
    .unwrap();
    assert_eq!(
        output
            .dropped()
            .find(|(reason, _)| *reason != DropReason::Superseded),
        None
    );
    ffmpeg.kill().await.unwrap();
}
