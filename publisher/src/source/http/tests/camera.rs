//! A camera on 127.0.0.1 that sends what a test tells it to.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// Serves until it is dropped.
pub(super) struct Camera {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Camera {
    /// Answers each request, whose head it is given, with the bytes of `answer`; then closes the
    /// connection, unless they hold `Connection: keep-alive`.
    pub(super) async fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::raw(move |mut stream, requests| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(head) = read_head(&mut stream).await {
                    requests.lock().unwrap().push(head.clone());
                    let bytes = answer(&head);
                    if stream.write_all(&bytes).await.is_err()
                        || !has(&bytes, b"Connection: keep-alive")
                    {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Leaves each connection to `serve`, together with the list that requests go to.
    pub(super) async fn raw<F>(
        serve: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let (list, count) = (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                serving.spawn(serve(stream, Arc::clone(&list)));
            }
        });
        Self {
            port,
            requests,
            connections,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn url(&self, rest: &str) -> String {
        format!("http://127.0.0.1:{}{rest}", self.port)
    }

    /// With user and password.
    pub(super) fn url_of(&self, login: &str, rest: &str) -> String {
        format!("http://{login}@127.0.0.1:{}{rest}", self.port)
    }

    /// The heads of all requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The head of the next request, or `None` if the client has gone.
pub(super) async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A whole response with a length.
pub(super) fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub(super) fn picture(jpeg: &[u8]) -> Vec<u8> {
    response(
        "200 OK",
        "Content-Type: image/jpeg\r\nConnection: keep-alive\r\n",
        jpeg,
    )
}

/// The head of a multipart stream, and `count` parts of it.
pub(super) fn multipart(jpeg: &Bytes, count: usize) -> Vec<u8> {
    let len = jpeg.len();
    let part = format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len}\r\n\r\n");
    let parts = [part.as_bytes(), jpeg, b"\r\n"].concat().repeat(count);
    [MULTIPART, &parts].concat()
}

pub(super) const MULTIPART: &[u8] =
    b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n";

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
