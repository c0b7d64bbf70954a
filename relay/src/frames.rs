//! The thread that frames come in on and go out from.

use std::{future::Future, io, thread::JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// A thread with a runtime of its own, for the bus and the pumps of streams. Until it is dropped.
///
/// A frame is then read, judged, and sent to up to 256 viewers of its stream by one core, without a wake-up in
/// between; a thread pool would hand it from core to core. What viewers say, and pages, are the business
/// of others: whatever they do, frames do not wait for it.
#[derive(Debug)]
pub(crate) struct FrameThread {
    handle: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl FrameThread {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let stop = CancellationToken::new();
        let thread = std::thread::Builder::new().name("frames".into()).spawn({
            let stop = stop.clone();
            move || runtime.block_on(stop.cancelled())
        })?;
        Ok(Self {
            handle,
            stop,
            thread: Some(thread),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `task` on the thread; nothing if it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.handle.spawn(task).await.ok()
    }
}

impl Drop for FrameThread {
    /// What still runs on it is dropped.
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_run_on_it_until_it_is_dropped() {
        let frames = FrameThread::start().unwrap();
        let name = frames
            .run(async { std::thread::current().name().map(str::to_owned) })
            .await;
        assert_eq!(name.flatten().as_deref(), Some("frames"));
        let left = frames.handle().spawn(std::future::pending::<()>());
        drop(frames);
        assert!(left.await.unwrap_err().is_cancelled());
    }
}
