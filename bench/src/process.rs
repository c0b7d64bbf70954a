//! Processes of the benchmark, killed when they are dropped.

use std::{
    io::{BufRead as _, BufReader, Lines},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

/// The processor cores of servers that are measured, and those of everything else.
struct Apart {
    measured: CpuSet,
    others: CpuSet,
}

static APART: OnceLock<Apart> = OnceLock::new();

/// Gives servers that are measured the first core for themselves. On the same cores, viewers and the broker interrupt a
/// server several times a frame, and what lies in its caches is theirs when it goes on: that is a cost of the
/// benchmark, and which server has it changes from run to run.
///
/// For this thread, and what it starts from now on. Changes nothing where there is only one core.
pub(crate) fn keep_apart() -> anyhow::Result<()> {
    let all = sched_getaffinity(THIS_THREAD)?;
    let cores: Vec<usize> = (0..CpuSet::count())
        .filter(|core| all.is_set(*core).unwrap_or(false))
        .collect();
    let (&first, rest) = cores.split_first().context("no processor core")?;
    if rest.is_empty() {
        return Ok(());
    }
    let mut apart = Apart {
        measured: CpuSet::new(),
        others: CpuSet::new(),
    };
    apart.measured.set(first)?;
    for core in rest {
        apart.others.set(*core)?;
    }
    let apart = APART.get_or_init(|| apart);
    Ok(sched_setaffinity(THIS_THREAD, &apart.others)?)
}

const THIS_THREAD: Pid = Pid::from_raw(0);

pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        // What goes wrong in a part of the benchmark is said; what servers log is not of interest.
        let is_part = std::env::current_exe().is_ok_and(|path| path == command.get_program());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if is_part {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            lines: BufReader::new(stdout).lines(),
        })
    }

    /// The same of a server that is measured: after [`keep_apart`], on a core of its own.
    pub(crate) fn start_measured(command: &mut Command) -> anyhow::Result<Self> {
        let Some(apart) = APART.get() else {
            return Self::start(command);
        };
        // A process begins on the cores of the thread that starts it.
        sched_setaffinity(THIS_THREAD, &apart.measured)?;
        let process = Self::start(command);
        sched_setaffinity(THIS_THREAD, &apart.others)?;
        process
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        self.lines
            .next()
            .context("a part of the benchmark ended early")?
            .context("cannot read its output")
    }

    /// CPU time of all its threads so far, ended ones included, to the nanosecond.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.pid())
    }

    pub(crate) fn rss_kib(&self) -> anyhow::Result<u64> {
        rss_kib_of(self.pid())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

/// CPU time of a process: clock_getcpuclockid(3), which is finer than the ticks in /proc.
pub(crate) fn cpu_of(process: Pid) -> anyhow::Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(process)?;
    Ok(clock_gettime(clock)?.into())
}

/// Memory of a process (proc(5): `VmRSS`), in KiB.
pub(crate) fn rss_kib_of(process: Pid) -> anyhow::Result<u64> {
    std::fs::read_to_string(format!("/proc/{process}/status"))?
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .context("cannot read /proc/*/status")
}

/// Memory of the kernel for all TCP connections of this machine, in KiB (proc(5): `sockstat`, in pages).
pub(crate) fn tcp_kib() -> anyhow::Result<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/net/sockstat")?
        .lines()
        .find_map(|line| line.strip_prefix("TCP:")?.split_once(" mem "))
        .and_then(|(_, pages)| pages.trim().parse().ok())
        .context("cannot read /proc/net/sockstat")?;
    Ok(pages * PAGE_KIB)
}

const PAGE_KIB: u64 = 4;

/// Waits for events. A signal, or a machine that was stopped for a while, makes them none.
pub(crate) fn wait(
    poll: &mut mio::Poll,
    events: &mut mio::Events,
    longest: Duration,
) -> std::io::Result<()> {
    match poll.poll(events, Some(longest)) {
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}

/// Allows as many connections as the system lets this program, and those that it starts, have.
pub(crate) fn allow_connections() -> anyhow::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program, to play another part.
pub(crate) fn this_program(part: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(part);
    Ok(command)
}

/// A program that was built beside this one.
pub(crate) fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        Path::exists(&path),
        "{} is not built: run `make bench`",
        path.display()
    );
    Ok(path)
}

/// An address of this machine that nothing listens on right now.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody listens.
pub(crate) fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_err() {
        anyhow::ensure!(Instant::now() < deadline, "nothing listens on {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
