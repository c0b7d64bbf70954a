//! An HTTP client made of a socket, which sees every byte and reads no faster than it is told to.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::within;

/// A status and headers, their names in lower case.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// Read, and not yet taken.
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    /// A client whose socket holds little of what it does not read.
    pub(crate) async fn connect_small(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        Self {
            stream: socket.connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    /// Has asked for `path` by HTTP/1.0: the answer comes without chunks, and ends with the
    /// connection.
    pub(crate) async fn get(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.ask("GET", path).await;
        client
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str) {
        self.send(&format!("{method} {path} HTTP/1.0\r\nHost: relay\r\n\r\n"))
            .await;
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn head(&mut self) -> Head {
        let text = String::from_utf8(self.until(b"\r\n\r\n").await).unwrap();
        let mut lines = text.trim_end().lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        Head {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| {
                    let (name, value) = line.split_once(':').unwrap();
                    (name.to_lowercase(), value.trim().to_owned())
                })
                .collect(),
        }
    }

    /// The next `len` bytes.
    pub(crate) async fn bytes(&mut self, len: usize) -> Vec<u8> {
        while self.buffer.len() < len {
            assert!(self.more().await > 0, "the connection ended early");
        }
        self.buffer.drain(..len).collect()
    }

    /// Everything up to and with `end`.
    pub(crate) async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|w| w == end) {
                return self.bytes(at + end.len()).await;
            }
            assert!(
                self.more().await > 0,
                "the connection ended early, after {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    /// Everything until the connection ends, by whatever means.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// The next part of a multipart answer: its head and its picture.
    pub(crate) async fn part(&mut self) -> (Head, Vec<u8>) {
        let head = self.part_head().await;
        let len = head.header("content-length").unwrap().parse().unwrap();
        let picture = self.bytes(len).await;
        assert_eq!(
            self.bytes(BOUNDARY.len() + 2).await,
            format!("\r\n{BOUNDARY}").as_bytes()
        );
        (head, picture)
    }

    async fn part_head(&mut self) -> Head {
        let text = String::from_utf8(self.until(b"\r\n\r\n").await).unwrap();
        Head {
            status: 0,
            headers: text
                .trim_end()
                .lines()
                .map(|line| {
                    let (name, value) = line.split_once(':').unwrap();
                    (name.to_lowercase(), value.trim().to_owned())
                })
                .collect(),
        }
    }

    async fn more(&mut self) -> usize {
        let mut bytes = vec![0; 16 << 10];
        let len = within("the relay sends something", self.stream.read(&mut bytes))
            .await
            .unwrap_or(0);
        self.buffer.extend_from_slice(&bytes[..len]);
        len
    }
}

pub(crate) const BOUNDARY: &str = "--boundarydonotcross\r\n";
