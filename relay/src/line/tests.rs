use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Shows a byte for each count of a counter, in pieces of `piece` bytes.
#[derive(Debug)]
struct Counted {
    counter: Arc<AtomicU64>,
    shown: u64,
    piece: usize,
    ends_at: u64,
}

impl Counted {
    fn new(piece: usize) -> (Self, Arc<AtomicU64>) {
        let counter = Arc::<AtomicU64>::default();
        let show = Self {
            counter: counter.clone(),
            shown: 0,
            piece,
            ends_at: u64::MAX,
        };
        (show, counter)
    }
}

impl Show for Counted {
    fn attach(&mut self, _: Weak<dyn Advance>) {}

    fn next(&mut self, out: &mut Outbox, _: Duration) -> Next {
        if self.shown == self.ends_at {
            return Next::End;
        }
        if self.shown == self.counter.load(Ordering::SeqCst) {
            return Next::Wait(None);
        }
        self.shown += 1;
        out.push(Bytes::from(vec![self.shown as u8; self.piece]));
        Next::More
    }

    fn finish(&mut self, out: &mut Outbox) {
        out.push(Bytes::from_static(b"end"));
    }
}

/// A line, and its viewer, which holds little of what it does not read.
async fn connected(show: Counted) -> (Arc<Line<Counted>>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let viewer = TcpSocket::new_v4().unwrap();
    viewer.set_recv_buffer_size(8 << 10).unwrap();
    let (viewer, accepted) = tokio::join!(
        viewer.connect(listener.local_addr().unwrap()),
        listener.accept()
    );
    let (socket, _) = accepted.unwrap();
    let line = Line::start(socket, Clock::start(), show);
    (line, viewer.unwrap())
}

#[tokio::test]
async fn what_is_new_is_sent_by_whoever_says_so() {
    let (show, counter) = Counted::new(1);
    let (line, mut viewer) = connected(show).await;
    for count in 1..=3 {
        counter.store(count, Ordering::SeqCst);
        line.advance();
        assert_eq!(viewer.read_u8().await.unwrap(), count as u8);
    }
}

#[tokio::test]
async fn a_viewer_without_room_gets_the_rest_by_the_lines_task() {
    let (show, counter) = Counted::new(1 << 20);
    let (line, mut viewer) = connected(show).await;
    counter.store(8, Ordering::SeqCst);
    line.advance();
    assert!(matches!(line.lock().status, Status::Blocked { .. }));
    let mut bytes = vec![0; 8 << 20];
    tokio::select! {
        ended = line.attend(PATIENCE) => panic!("{ended:?}"),
        read = viewer.read_exact(&mut bytes) => read.unwrap(),
    };
    assert!(
        bytes
            .iter()
            .zip(0..)
            .all(|(byte, at)| usize::from(*byte) == 1 + (at >> 20))
    );
}

#[tokio::test]
async fn news_from_many_threads_is_neither_lost_nor_told_twice() {
    const NEWS: u64 = 20_000;
    let (show, counter) = Counted::new(1);
    let (line, mut viewer) = connected(show).await;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (line, counter) = (line.clone(), counter.clone());
            std::thread::spawn(move || {
                for _ in 0..NEWS {
                    counter.fetch_add(1, Ordering::SeqCst);
                    line.advance();
                }
            })
        })
        .collect();
    let mut bytes = vec![0; 4 * NEWS as usize];
    // The task looks meanwhile, and must not keep the others' news to itself.
    tokio::select! {
        ended = line.attend(PATIENCE) => panic!("{ended:?}"),
        read = viewer.read_exact(&mut bytes) => read.unwrap(),
    };
    assert!(bytes.iter().zip(1u64..).all(|(byte, at)| *byte == at as u8));
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_takes_nothing_is_left() {
    let (show, counter) = Counted::new(64 << 20);
    let (line, _viewer) = connected(show).await;
    counter.store(1, Ordering::SeqCst);
    line.advance();
    assert_eq!(line.attend(PATIENCE).await, Ended::Stalled);
}

#[tokio::test]
async fn a_line_that_is_finished_says_its_last_words_and_shows_nothing_new() {
    let (show, counter) = Counted::new(1);
    let (line, mut viewer) = connected(show).await;
    counter.store(1, Ordering::SeqCst);
    line.advance();
    line.finish();
    counter.store(2, Ordering::SeqCst);
    line.finish();
    assert_eq!(line.attend(PATIENCE).await, Ended::Done);
    drop(line);
    let mut bytes = Vec::new();
    viewer.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"\x01end");
}

#[tokio::test]
async fn what_is_shown_may_end_by_itself() {
    let (mut show, counter) = Counted::new(1);
    show.ends_at = 2;
    let (line, _viewer) = connected(show).await;
    counter.store(2, Ordering::SeqCst);
    line.advance();
    assert_eq!(line.attend(PATIENCE).await, Ended::Done);
}

#[tokio::test]
async fn a_viewer_that_is_gone_ends_the_line() {
    let (show, counter) = Counted::new(1);
    let (line, mut viewer) = connected(show).await;
    viewer.shutdown().await.unwrap();
    drop(viewer);
    let ended = async {
        // The first bytes are answered by a reset.
        loop {
            counter.fetch_add(1, Ordering::SeqCst);
            line.advance();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = line.attend(PATIENCE) => assert_eq!(ended, Ended::Broken),
        () = ended => {}
    }
}

#[tokio::test]
async fn a_show_that_panics_ends_its_own_line_alone() {
    #[derive(Debug)]
    struct Faulty;
    impl Show for Faulty {
        fn attach(&mut self, _: Weak<dyn Advance>) {}
        fn next(&mut self, _: &mut Outbox, _: Duration) -> Next {
            panic!("meant by the test")
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_viewer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let line = Line::start(accepted.unwrap().0, Clock::start(), Faulty);
    line.advance();
    line.advance();
    assert_eq!(line.attend(PATIENCE).await, Ended::Broken);
}
