//! A TCP proxy that can be slow, silent, and rude, on any machine and without root.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::{
    io::AsyncReadExt as _,
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, sleep_until},
};

/// What is read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Chunks that are on their way in one direction. When so many are, no more is read.
const CHUNKS: usize = 64;

/// Little of what a proxy cannot send on waits in the kernel before it.
const RECEIVE_BUFFER_BYTES: u32 = 64 << 10;

/// Connections whose beginning is remembered; later ones are carried and not noted.
const MAX_NOTED: usize = 10_000;

/// What the proxy does to what it carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Each byte arrives so much later.
    Delay(Duration),
    /// So many bytes a second pass, in each direction.
    Rate(u64),
    /// Connections are accepted and kept, and nothing passes.
    Stall,
    /// Of what comes from the target, a connection gets so many bytes from its beginning, and then no more.
    StallAfter(u64),
    /// The same, and then the connection is reset: in the middle of a message.
    CutAfter(u64),
    /// Connections are reset, those that are there and those that come.
    Reset,
}

/// A proxy to one address. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    fault: watch::Sender<Fault>,
    accepted: Arc<Mutex<Vec<Instant>>>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Carries everything to `target` (`host:port`).
    pub async fn start(target: &str) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Connections take this over.
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(1_024)?;
        let address = listener.local_addr()?.to_string();
        let (fault, faults) = watch::channel(Fault::None);
        let accepted = Arc::<Mutex<Vec<Instant>>>::default();
        let server = tokio::spawn(accept(
            listener,
            target.to_owned(),
            faults,
            accepted.clone(),
        ));
        Ok(Self {
            address,
            fault,
            accepted,
            server,
        })
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// When connections came.
    pub fn accepted(&self) -> Vec<Instant> {
        let accepted = self.accepted.lock();
        accepted.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    faults: watch::Receiver<Fault>,
    accepted: Arc<Mutex<Vec<Instant>>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let mut noted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < MAX_NOTED {
            noted.push(Instant::now());
        }
        drop(noted);
        // Ends with one of its sides, or with the proxy, whose end closes `faults`.
        tokio::spawn(carry(client, target.clone(), faults.clone()));
    }
}

/// Carries one connection until a side ends it, or it is to be reset.
async fn carry(client: TcpStream, target: String, mut faults: watch::Receiver<Fault>) {
    let end_hard = |stream: &TcpStream| {
        let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    };
    if *faults.borrow() == Fault::Reset {
        return end_hard(&client);
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return end_hard(&client);
    };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let hard = {
        let up = Direction::new(&faults, false).carry(from_client, &to_server);
        let down = Direction::new(&faults, true).carry(from_server, &to_client);
        tokio::select! {
            result = up => result.is_err(),
            result = down => result.is_err(),
            // Closed with the proxy.
            _ = faults.wait_for(|fault| *fault == Fault::Reset) => true,
        }
    };
    if hard {
        for half in [to_client, to_server] {
            end_hard(half.as_ref());
            // Dropped, it would end in good order first.
            half.forget();
        }
    }
}

struct Direction {
    faults: watch::Receiver<Fault>,
    /// From the target to the client.
    is_down: bool,
    carried: u64,
}

/// The connection is to be reset.
struct Broken;

impl Direction {
    fn new(faults: &watch::Receiver<Fault>, is_down: bool) -> Self {
        Self {
            faults: faults.clone(),
            is_down,
            carried: 0,
        }
    }

    /// Until the end of what is read.
    async fn carry(self, from: OwnedReadHalf, to: &OwnedWriteHalf) -> Result<(), Broken> {
        let (queue, chunks) = mpsc::channel(CHUNKS);
        let read = read(from, queue, self.faults.clone());
        tokio::try_join!(read, self.write(chunks, to))?;
        Ok(())
    }

    async fn write(
        mut self,
        mut chunks: mpsc::Receiver<(tokio::time::Instant, Bytes)>,
        to: &OwnedWriteHalf,
    ) -> Result<(), Broken> {
        while let Some((due, mut chunk)) = chunks.recv().await {
            sleep_until(due).await;
            while !chunk.is_empty() {
                let fault = *self.faults.borrow_and_update();
                let room = match fault {
                    Fault::StallAfter(bytes) | Fault::CutAfter(bytes) if self.is_down => {
                        bytes.saturating_sub(self.carried)
                    }
                    Fault::Stall => 0,
                    Fault::Rate(rate) => (rate / 50).max(1),
                    _ => u64::MAX,
                };
                if room == 0 {
                    if matches!(fault, Fault::CutAfter(_)) {
                        return Err(Broken);
                    }
                    self.faults.changed().await.map_err(|_| Broken)?;
                    continue;
                }
                let len = chunk.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                let piece = chunk.split_to(len);
                send(to, &piece).await.map_err(|_| Broken)?;
                self.carried += len as u64;
                if let Fault::Rate(rate) = fault {
                    sleep(Duration::from_secs_f64(len as f64 / rate as f64)).await;
                }
            }
        }
        Ok(())
    }
}

/// Until the end of what is read. What is queued then still arrives.
async fn read(
    mut from: OwnedReadHalf,
    queue: mpsc::Sender<(tokio::time::Instant, Bytes)>,
    faults: watch::Receiver<Fault>,
) -> Result<(), Broken> {
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        match from.read_buf(&mut chunk).await {
            Ok(1..) => {}
            Ok(0) => return Ok(()),
            Err(_) => return Err(Broken),
        }
        let delay = match *faults.borrow() {
            Fault::Delay(delay) => delay,
            _ => Duration::ZERO,
        };
        let due = tokio::time::Instant::now() + delay;
        if queue.send((due, chunk.freeze())).await.is_err() {
            return Err(Broken);
        }
    }
}

/// Writes all of `piece`.
async fn send(to: &OwnedWriteHalf, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        to.writable().await?;
        match to.try_write(piece) {
            Ok(len) => piece = &piece[len..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// A server that sends back what it gets, behind a proxy, and a connection to it.
    async fn echo() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(&listener.local_addr().unwrap().to_string())
            .await
            .unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let stream = TcpStream::connect(proxy.address()).await.unwrap();
        (proxy, stream)
    }

    async fn echoed(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(bytes).await?;
        let mut back = vec![0; bytes.len()];
        stream.read_exact(&mut back).await?;
        Ok(back)
    }

    #[tokio::test]
    async fn what_is_stalled_arrives_later_and_whole() {
        let (proxy, mut stream) = echo().await;
        assert_eq!(echoed(&mut stream, b"one").await.unwrap(), b"one");
        proxy.set(Fault::Stall);
        let data = vec![7; 100_000];
        let waiting = tokio::time::timeout(Duration::from_millis(200), echoed(&mut stream, &data));
        assert!(waiting.await.is_err());
        proxy.set(Fault::None);
        let mut back = vec![0; 100_000];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(back, data);
    }

    #[tokio::test]
    async fn a_message_is_cut_where_it_should_be() {
        let (proxy, mut stream) = echo().await;
        proxy.set(Fault::CutAfter(5));
        stream.write_all(b"0123456789").await.unwrap();
        let mut back = Vec::new();
        let error = stream.read_to_end(&mut back).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(back.len() <= 5, "{back:?}");
        assert_eq!(proxy.accepted().len(), 1);
    }

    #[tokio::test]
    async fn a_rate_and_a_delay_hold() {
        let (proxy, mut stream) = echo().await;
        let start = Instant::now();
        proxy.set(Fault::Delay(Duration::from_millis(50)));
        echoed(&mut stream, b"there and back").await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(100));
        let start = Instant::now();
        proxy.set(Fault::Rate(100_000));
        echoed(&mut stream, &[1; 30_000]).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(250));
    }

    #[tokio::test]
    async fn a_reset_ends_all_connections() {
        let (proxy, mut stream) = echo().await;
        assert_eq!(echoed(&mut stream, b"one").await.unwrap(), b"one");
        proxy.set(Fault::Reset);
        assert!(echoed(&mut stream, b"two").await.is_err());
        let mut next = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(echoed(&mut next, b"three").await.is_err());
    }
}
