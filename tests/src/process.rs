//! Programs under test: logged, measured, frozen and killed.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;

/// Lines of output that are kept; older ones are forgotten.
const LOG_LINES: usize = 5_000;

/// A running program. It is killed when this is dropped, and when the test dies.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Log,
}

/// How a program is started, beside its own flags.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    environment: Vec<(String, String)>,
    /// Program and arguments that start the program and become it.
    under: Vec<String>,
}

impl Launch {
    /// With this variable in its environment.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Under a program that becomes the one that is started, such as `ip netns exec NAME`.
    #[must_use]
    pub fn under(mut self, words: &[&str]) -> Self {
        self.under.extend(words.iter().map(ToString::to_string));
        self
    }
}

/// What a program wrote to standard output and standard error, one line each.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<String>,
    forgotten: usize,
}

impl Process {
    /// Starts `program`. `name` stands before its lines if the test fails.
    pub fn start(name: &str, program: &Path, arguments: &[String]) -> Result<Self> {
        Self::start_with(name, program, arguments, &[])
    }

    /// Starts `program` with settings in its environment.
    pub fn start_with(
        name: &str,
        program: &Path,
        arguments: &[String],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let launch = environment
            .iter()
            .fold(Launch::default(), |launch, (key, value)| {
                launch.with(key, value)
            });
        Self::launch(name, program, arguments, &launch)
    }

    /// Starts `program` in the way that `launch` says.
    pub fn launch(
        name: &str,
        program: &Path,
        arguments: &[String],
        launch: &Launch,
    ) -> Result<Self> {
        let is_path = program.components().count() > 1;
        ensure!(
            !is_path || program.exists(),
            "there is no {}",
            program.display()
        );
        // setpriv becomes the program itself, and has the kernel kill it should the test be killed.
        let mut command = Command::new("setpriv");
        for (inherited, _) in std::env::vars_os() {
            if inherited.to_string_lossy().starts_with("SIGHTLINE_") {
                command.env_remove(inherited);
            }
        }
        let mut child = command
            .args(["--pdeathsig", "KILL", "--"])
            .args(&launch.under)
            .arg(program)
            .args(arguments)
            .envs(launch.environment.iter().map(|(k, v)| (k, v)))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}: setpriv {}", program.display()))?;
        let log = Log::default();
        log.follow(child.stdout.take().context("no standard output")?);
        log.follow(child.stderr.take().context("no standard error")?);
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// What it wrote so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lines().kept.iter().cloned().collect()
    }

    /// How many lines it wrote so far.
    pub fn log_len(&self) -> usize {
        let lines = self.log.lines();
        lines.forgotten + lines.kept.len()
    }

    /// What it wrote after its first `len` lines, as far as that is kept.
    pub fn log_after(&self, len: usize) -> Vec<String> {
        let lines = self.log.lines();
        let skipped = len.saturating_sub(lines.forgotten);
        lines.kept.iter().skip(skipped).cloned().collect()
    }

    /// Whether a line that it wrote contains `text`.
    pub fn logged(&self, text: &str) -> bool {
        self.log.lines().kept.iter().any(|line| line.contains(text))
    }

    /// Waits for a line that contains `text`, at most 10 s.
    pub async fn until_logged(&self, text: &str) {
        let what = format!("{} logs {text:?}", self.name);
        eventually(&what, Duration::from_secs(10), async || {
            ensure!(self.logged(text), "it did not");
            Ok(())
        })
        .await;
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid(), signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Ends it as a crash does, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end, at most `wait`.
    pub async fn until_ended(&mut self, wait: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        let child = &mut self.child;
        eventually(&what, wait, async || {
            child.try_wait()?.context("it still runs")
        })
        .await
    }

    /// Processor time that it used since its start, in all threads.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name in parentheses, which may hold spaces.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let (user, system) = (
            ticks.next().context("utime")??,
            ticks.next().context("stime")??,
        );
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_millis((user + system) * 1000 / per_second))
    }

    /// Memory that it holds now, in bytes.
    pub fn memory_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .and_then(|line| line.split_whitespace().next())
            .context("no VmRSS")?
            .parse()?;
        Ok(kib * 1024)
    }

    /// How many files, sockets and the like it has open.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// How many threads it has.
    pub fn threads(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?.count())
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            // The readers end with the pipes: what is missing now comes in a moment.
            thread::sleep(Duration::from_millis(50));
            eprintln!("--- {} wrote:", self.name);
            for line in &self.log.lines().kept {
                eprintln!("{}: {line}", self.name);
            }
        }
    }
}

impl Log {
    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, output: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut lines = log.lines();
                if lines.kept.len() == LOG_LINES {
                    lines.kept.pop_front();
                    lines.forgotten += 1;
                }
                lines.kept.push_back(line);
            }
        });
    }
}

/// Runs a program to its end, at most `wait`, and gives its exit code and all it wrote.
pub async fn run(program: &Path, arguments: &[&str], wait: Duration) -> (i32, String) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let start = Instant::now();
    let mut process = Process::start("program", program, &arguments).expect("setpriv is there");
    let status = process.until_ended(wait).await;
    eventually(
        "its output",
        wait.saturating_sub(start.elapsed()),
        async || {
            // One handle here, one in each reader until the pipe ends.
            ensure!(
                Arc::strong_count(&process.log.0) == 1,
                "not read to its end"
            );
            Ok(())
        },
    )
    .await;
    (status.code().unwrap_or(-1), process.log().join("\n"))
}

/// The path of one of our programs, built from the sources as they are now, or from the folder that
/// `TEST_PROGRAMS` names: to test a release, say.
///
/// # Panics
/// If it does not build.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| build().expect("our programs build"));
    folder.join(name)
}

fn build() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("TEST_PROGRAMS") {
        return Ok(folder.into());
    }
    let root = root();
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(&root)
        .args(["build", "--locked", "--bins"])
        .args([
            "-p",
            "sightline-publisher",
            "-p",
            "sightline-relay",
            "-p",
            "sightline",
        ])
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    // This very program is target/debug/deps/name-hash.
    let own = std::env::current_exe()?;
    Ok(own
        .ancestors()
        .nth(2)
        .context("not run by cargo")?
        .to_owned())
}

/// The top of the repository.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}
