//! A camera that answers as it is told to.

use std::{collections::BTreeMap, sync::Arc};

use bytes::{BufMut as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// What a camera does when it is asked something.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// As it should.
    Answer,
    /// These bytes, with the number of the request for `{cseq}`.
    Say(Vec<u8>),
    /// Nothing, and goes on listening.
    Silence,
    /// These bytes, and then closes the connection.
    Close(Vec<u8>),
    /// The first bytes, and then the second ones for ever.
    Flood(Vec<u8>, Vec<u8>),
}

/// What it does for each method; as it should for others.
pub(super) type Script = BTreeMap<&'static str, Act>;

/// A listening camera.
pub(super) struct Camera {
    port: u16,
    _task: AbortOnDropHandle<()>,
}

/// An offer of H.264 whose parameters come with its frames.
pub(super) const H264: &str =
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n";

impl Camera {
    /// One that offers what stands in `tracks`, and acts as `script` says.
    pub(super) async fn start(tracks: &str, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n{tracks}");
        let script = Arc::new((script, sdp));
        let serve = async move {
            while let Ok((connection, _)) = listener.accept().await {
                let script = script.clone();
                tokio::spawn(async move {
                    let _ = converse(connection, &script.0, &script.1).await;
                });
            }
        };
        Self {
            port,
            _task: AbortOnDropHandle::new(tokio::spawn(serve)),
        }
    }

    /// Its address with `login` in front, `user:password@` or nothing.
    pub(super) fn url(&self, login: &str) -> String {
        format!("rtsp://{login}127.0.0.1:{}/live?key=hidden", self.port)
    }
}

async fn converse(mut connection: TcpStream, script: &Script, sdp: &str) -> std::io::Result<()> {
    let mut received = BytesMut::new();
    loop {
        let request = loop {
            let end = received.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                break received.split_to(end + 4);
            }
            if connection.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let request = String::from_utf8_lossy(&request).into_owned();
        let method = request.split(' ').next().unwrap_or_default();
        let cseq = request
            .lines()
            .find_map(|line| line.strip_prefix("CSeq: "))
            .unwrap_or("0");
        let said = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => text.replace("{cseq}", cseq).into_bytes(),
            Err(_) => bytes.to_vec(),
        };
        match script.get(method).unwrap_or(&Act::Answer) {
            Act::Answer => {
                connection
                    .write_all(&said(&honest(method, &request, sdp)))
                    .await?;
            }
            Act::Say(bytes) => connection.write_all(&said(bytes)).await?,
            Act::Silence => {}
            Act::Close(bytes) => return connection.write_all(&said(bytes)).await,
            Act::Flood(first, then) => {
                connection.write_all(&said(first)).await?;
                loop {
                    connection.write_all(then).await?;
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

fn honest(method: &str, request: &str, sdp: &str) -> Vec<u8> {
    match method {
        "DESCRIBE" => ok("Content-Type: application/sdp\r\n", sdp),
        "SETUP" => {
            let transport = request
                .lines()
                .find_map(|line| line.strip_prefix("Transport: "))
                .unwrap_or_default();
            let ports = if transport.contains("UDP") {
                ";server_port=9-10"
            } else {
                ""
            };
            ok(
                &format!("Session: 1;timeout=60\r\nTransport: {transport}{ports}\r\n"),
                "",
            )
        }
        _ => ok("Session: 1\r\n", ""),
    }
}

/// An answer that all is well.
pub(super) fn ok(headers: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    format!("RTSP/1.0 200 OK\r\nCSeq: {{cseq}}\r\n{headers}Content-Length: {len}\r\n\r\n{body}")
        .into_bytes()
}

/// Bytes for a channel of the connection.
pub(super) fn interleaved(channel: u8, packet: &[u8]) -> Vec<u8> {
    let mut out = vec![b'$', channel];
    out.put_u16(packet.len() as u16);
    out.extend(packet);
    out
}

/// An RTP packet.
pub(super) fn rtp(sequence: u16, mark: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80, 96 | u8::from(mark) << 7];
    out.put_u16(sequence);
    out.put_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
    out.extend(payload);
    out
}
