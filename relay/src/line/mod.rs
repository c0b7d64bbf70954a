//! The way of frames to viewers' sockets: what happens for every frame and every viewer is here and nowhere else.
//!
//! A viewer's connection is a [`Line`]: what it shows, what waits for its socket, and how far that is. Whoever has
//! news for it calls [`Advance::advance`], which sends right there as much as the socket takes; no task is woken
//! for it. A new frame is offered by the stream's pump to the viewers of a [`Lane`] one after the other, while
//! the frame is warm in the processor's cache. The viewer's own task sleeps: it is there for what is late, which is a socket
//! without room, a picture that waits for its turn, and a viewer that left.

mod lane;
mod outbox;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpStream, sync::Notify};

pub(crate) use lane::{Lane, Rider};
use outbox::Flushed;
pub(crate) use outbox::Outbox;

use crate::clock::Clock;

/// What a viewer is shown. It is called under its line's lock: it never waits.
pub(crate) trait Show: Send + 'static {
    /// Says where news goes: `line` is to be advanced when there is some.
    fn attach(&mut self, line: Weak<dyn Advance>);

    /// Puts what comes next into `out`, which is empty: whole parts or messages.
    fn next(&mut self, out: &mut Outbox, now: Duration) -> Next;

    /// Puts what goes last into `out`, which may hold what was begun.
    fn finish(&mut self, _out: &mut Outbox) {}
}

/// What a viewer gets next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// What was put out, if anything; there may be more.
    More,
    /// What was put out, and as [`Next::Wait`] after that.
    Only(Option<Duration>),
    /// Nothing, unless there is news, or until this time.
    Wait(Option<Duration>),
    /// What was put out, and then nothing more ever.
    End,
}

/// A line whoever it shows what.
pub(crate) trait Advance: fmt::Debug + Send + Sync {
    /// Sends what there is, as far as the viewer takes it. Never waits; from any thread.
    fn advance(&self);
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything was handed to the kernel.
    Done,
    /// The viewer took nothing for too long.
    Stalled,
    /// The connection broke.
    Broken,
}

/// One viewer's connection.
#[derive(Debug)]
pub(crate) struct Line<S> {
    socket: TcpStream,
    clock: Clock,
    state: Mutex<State<S>>,
    /// There is news that whoever holds the state has not seen.
    news: AtomicBool,
    /// The line's task has to look.
    attention: Notify,
}

#[derive(Debug)]
struct State<S> {
    show: S,
    out: Outbox,
    status: Status,
    /// What is in `out` is the last.
    ending: bool,
    /// When the line's task looks by itself, and for what.
    awaited: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// For news, or until this time.
    Waiting(Option<Duration>),
    /// For the socket, which took the last byte at `since`.
    Blocked {
        since: Duration,
    },
    Ended,
    Broken,
}

impl<S: Show + fmt::Debug> Line<S> {
    /// Shows nothing before it is advanced for the first time.
    pub(crate) fn start(socket: TcpStream, clock: Clock, show: S) -> Arc<Self> {
        let line = Arc::new(Self {
            socket,
            clock,
            state: Mutex::new(State {
                show,
                out: Outbox::default(),
                status: Status::Waiting(None),
                ending: false,
                awaited: Status::Waiting(None),
            }),
            news: AtomicBool::new(false),
            attention: Notify::new(),
        });
        let weak = Arc::downgrade(&line);
        line.lock().show.attach(weak);
        line
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Changes what is shown, or says a few words in between, and sends what there is.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut S, &mut Outbox) -> T) -> T {
        let mut state = self.lock();
        let State { show, out, .. } = &mut *state;
        let result = change(show, out);
        drop(state);
        self.advance();
        result
    }

    /// Shows nothing new: the line ends once what was begun is sent.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        if !state.ending {
            state.ending = true;
            let State { show, out, .. } = &mut *state;
            show.finish(out);
        }
        drop(state);
        self.advance();
    }

    /// Keeps the line going until it ends. A viewer that takes no byte for `patience` is left. Cancel safe.
    pub(crate) async fn attend(&self, patience: Duration) -> Ended {
        loop {
            let status = self.watch_out();
            let now = self.clock.now();
            let (until, is_blocked) = match status {
                Status::Ended => return Ended::Done,
                Status::Broken => return Ended::Broken,
                Status::Waiting(until) => (until.unwrap_or(now + LONG), false),
                Status::Blocked { since } if now >= since + patience => return Ended::Stalled,
                Status::Blocked { since } => (since + patience, true),
            };
            tokio::select! {
                () = self.attention.notified() => {}
                // An error shows when something is sent.
                _ = self.socket.writable(), if is_blocked => self.advance(),
                () = tokio::time::sleep_until(self.clock.instant(until)) => self.advance(),
            }
        }
    }

    /// What the line's task now waits for.
    fn watch_out(&self) -> Status {
        loop {
            let mut state = self.lock();
            state.awaited = state.status;
            let status = state.status;
            drop(state);
            // Whoever had news meanwhile left it to us.
            if !self.news.load(Ordering::SeqCst) {
                return status;
            }
            self.advance();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that waits for nothing in particular looks up now and then.
const LONG: Duration = Duration::from_secs(3_600);

impl<S: Show + fmt::Debug> Advance for Line<S> {
    /// If the line is being advanced by someone else, that one goes on in our stead.
    fn advance(&self) {
        self.news.store(true, Ordering::SeqCst);
        while self.news.load(Ordering::SeqCst) {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Whoever holds it looks for news after it has let go.
                Err(TryLockError::WouldBlock) => return,
            };
            self.news.store(false, Ordering::SeqCst);
            // A panic ends this viewer alone: others are next in the lane. It has been logged by the hook.
            let advanced = catch_unwind(AssertUnwindSafe(|| {
                state.advance(&self.socket, self.clock);
            }));
            if advanced.is_err() {
                state.status = Status::Broken;
            }
            if state.is_overlooked() {
                self.attention.notify_one();
            }
        }
    }
}

impl<S: Show> State<S> {
    fn advance(&mut self, socket: &impl outbox::Send, clock: Clock) {
        // What comes after what is put out, as long as there is no news: not known once the viewer has to be waited for.
        let mut then = None;
        while !matches!(self.status, Status::Ended | Status::Broken) {
            self.status = match self.out.flush(socket) {
                Err(_) => Status::Broken,
                Ok(Flushed::Some { progress }) => {
                    let since = match self.status {
                        Status::Blocked { since } if !progress => since,
                        _ => clock.now(),
                    };
                    self.status = Status::Blocked { since };
                    return;
                }
                Ok(Flushed::All) if self.ending => Status::Ended,
                Ok(Flushed::All) if then.is_some() => {
                    self.status = Status::Waiting(then.flatten());
                    return;
                }
                Ok(Flushed::All) => match self.show.next(&mut self.out, clock.now()) {
                    Next::More => Status::Waiting(None),
                    Next::Only(until) => {
                        then = Some(until);
                        Status::Waiting(None)
                    }
                    Next::Wait(until) => {
                        self.status = Status::Waiting(until);
                        return;
                    }
                    Next::End => {
                        self.ending = true;
                        Status::Waiting(None)
                    }
                },
            };
        }
    }

    /// Whether the line's task waits for something else, or for too long.
    fn is_overlooked(&self) -> bool {
        match (self.status, self.awaited) {
            (Status::Waiting(None), _) => false,
            (Status::Waiting(Some(until)), Status::Waiting(Some(awaited))) => until < awaited,
            (Status::Waiting(Some(_)), Status::Waiting(None)) => true,
            // It looks as soon as the socket has room.
            (Status::Waiting(Some(_)), Status::Blocked { .. }) => false,
            (Status::Blocked { .. }, Status::Blocked { .. }) => false,
            _ => true,
        }
    }
}
