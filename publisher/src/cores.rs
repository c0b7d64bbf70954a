//! The processor cores, as far as pictures are worked on.

use std::{sync::Arc, thread};

use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinError, JoinHandle},
};

/// Runs what takes milliseconds on threads of its own: one for each core, in the order in which it came. More at once
/// would only take turns. A runtime's own blocking threads are for those who wait for a disk or a name server; they
/// grow with every crowd, and encoders would keep them. All clones share the same cores.
#[derive(Clone, Debug)]
pub(crate) struct Cores(Arc<Threads>);

#[derive(Debug)]
struct Threads(Option<Runtime>);

/// Those that this process may use.
impl Default for Cores {
    fn default() -> Self {
        Self::of(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Cores {
    fn of(cores: usize) -> Self {
        let threads = Builder::new_current_thread()
            .max_blocking_threads(cores)
            .thread_name("pictures")
            .build()
            .expect("a runtime without input and output asks nothing of the system");
        Self(Arc::new(Threads(Some(threads))))
    }

    /// The result of `work`, which must not wait for anything. Fails if it panics. Work that has begun goes on when
    /// nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let Threads(threads) = &*self.0;
        let threads = threads.as_ref().expect("there until it is dropped");
        in_time(threads.spawn_blocking(work)).await
    }
}

/// The last camera may end on a thread that must not wait for others.
impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(not(test))]
fn in_time<T>(working: JoinHandle<T>) -> JoinHandle<T> {
    working
}

/// A paused clock stands still only while the test's own blocking threads are busy.
#[cfg(test)]
async fn in_time<T: Send + 'static>(working: JoinHandle<T>) -> Result<T, JoinError> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(working)).await?
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Barrier, Mutex},
        thread::ThreadId,
    };

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn there_is_one_thread_for_each_core() {
        let cores = Cores::of(3);
        // Nothing ends before all three are in use.
        let all = Arc::new(Barrier::new(3));
        let seen: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
        let mut tasks = JoinSet::new();
        for number in 0..30 {
            let (cores, all, seen) = (cores.clone(), all.clone(), seen.clone());
            tasks.spawn(async move {
                let work = move || {
                    all.wait();
                    seen.lock().unwrap().push(thread::current().id());
                    number
                };
                cores.run(work).await.unwrap()
            });
        }
        let mut done = tasks.join_all().await;
        done.sort_unstable();
        assert_eq!(done, (0..30).collect::<Vec<_>>());
        let mut threads: Vec<_> = seen.lock().unwrap().clone();
        threads.sort_unstable_by_key(|id| format!("{id:?}"));
        threads.dedup();
        assert_eq!(threads.len(), 3);
    }

    #[tokio::test]
    async fn work_that_panics_leaves_its_core_to_others() {
        let cores = Cores::of(1);
        for _ in 0..3 {
            let failed: Result<(), _> = cores.run(|| panic!("broken")).await;
            assert!(failed.unwrap_err().is_panic());
        }
        assert_eq!(cores.run(|| 7).await.unwrap(), 7);
    }
}
