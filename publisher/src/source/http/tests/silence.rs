//! Cameras that stop halfway, in each state of the protocol.

use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep},
};

use super::{camera::*, *};
use crate::source::passthrough::samples;

const IMPATIENT: Patience = Patience {
    connect: SHORT,
    silence: SHORT,
    picture: LONG,
};

/// A camera that sends `bytes` after the request and then nothing more.
async fn stalls_after(bytes: Vec<u8>) -> Camera {
    Camera::raw(move |mut stream, _| {
        let bytes = bytes.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(&bytes).await.unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_camera_that_stops_in_any_state_is_silent() {
    let jpeg = samples::jpeg(64, 48);
    let states: [(&str, Vec<u8>); 7] = [
        ("accepts and says nothing", Vec::new()),
        ("half a status line", b"HTTP/1.1 20".to_vec()),
        (
            "half a header",
            b"HTTP/1.1 200 OK\r\nContent-Type: ima".to_vec(),
        ),
        ("a header and nothing else", MULTIPART.to_vec()),
        (
            "half a part's header",
            [MULTIPART, b"--frame\r\nContent-Le"].concat(),
        ),
        ("half a picture", multipart(&jpeg, 1)[..400].to_vec()),
        ("half a single picture", picture(&jpeg)[..400].to_vec()),
    ];
    for (state, bytes) in states {
        let camera = stalls_after(bytes).await;
        let start = Instant::now();
        let error = error_of(&with_patience(&camera.url("/"), IMPATIENT)).await;
        assert!(
            matches!(error, Error::Silent { silence: SHORT, .. }),
            "{state}: {error}"
        );
        assert!(start.elapsed() >= SHORT, "{state}");
    }
}

#[tokio::test]
async fn a_single_picture_that_stops_coming_is_silent() {
    let jpeg = samples::jpeg(32, 32);
    let camera = Camera::raw(move |mut stream, _| {
        let jpeg = jpeg.clone();
        async move {
            for _ in 0..2 {
                read_head(&mut stream).await;
                stream.write_all(&picture(&jpeg)).await.unwrap();
            }
            std::future::pending::<()>().await;
        }
    })
    .await;
    let error = error_of(&with_patience(&camera.url("/#fps=50"), IMPATIENT)).await;
    assert!(matches!(error, Error::Silent { .. }), "{error}");
}

#[tokio::test]
async fn bytes_without_pictures_are_not_enough() {
    let patience = Patience {
        picture: SHORT,
        ..PATIENT
    };
    let dribble = Camera::raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream.write_all(MULTIPART).await.unwrap();
        while stream.write_all(b"x\r\n").await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let error = error_of(&with_patience(&dribble.url("/"), patience)).await;
    assert!(
        matches!(error, Error::Silent { silence: SHORT, .. }),
        "{error}"
    );
    let broken = Camera::new(|_| picture(b"never a picture")).await;
    let error = error_of(&with_patience(&broken.url("/#fps=50"), patience)).await;
    assert!(
        matches!(error, Error::Silent { silence: SHORT, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn stopping_works_in_every_state_and_closes_the_connection() {
    for bytes in [
        Vec::new(),
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        MULTIPART.to_vec(),
    ] {
        let (closed, mut seen) = tokio::sync::mpsc::channel(1);
        let (sent, mut stalled) = tokio::sync::mpsc::channel(1);
        let camera = Camera::raw(move |mut stream, _| {
            let (bytes, closed, sent) = (bytes.clone(), closed.clone(), sent.clone());
            async move {
                read_head(&mut stream).await;
                stream.write_all(&bytes).await.unwrap();
                sent.send(()).await.unwrap();
                // The next head is the end of the connection.
                assert_eq!(read_head(&mut stream).await, None);
                closed.send(()).await.unwrap();
            }
        })
        .await;
        let http = source(&camera.url("/"));
        let output = Output::default();
        let stop = CancellationToken::new();
        let (result, start) = tokio::join!(http.run(&output, stop.clone()), async {
            stalled.recv().await;
            stop.cancel();
            Instant::now()
        });
        result.unwrap();
        assert!(start.elapsed() < Duration::from_millis(500));
        timeout(LONG, seen.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_camera_that_is_not_there_is_named() {
    let port = {
        let camera = Camera::new(|_| Vec::new()).await;
        camera.port
    };
    // Its listener may take a moment to go.
    let error = loop {
        let error = error_of(&source(&format!("http://127.0.0.1:{port}/")))
            .await
            .to_string();
        if !error.contains("closed the connection") {
            break error;
        }
    };
    assert!(
        error.contains(&format!("127.0.0.1 port {port}: Connection refused")),
        "{error}"
    );
    let error = error_of(&source("http://no-such-camera.invalid/"))
        .await
        .to_string();
    assert!(error.contains("the name cannot be resolved"), "{error}");
}
