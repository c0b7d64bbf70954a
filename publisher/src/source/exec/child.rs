//! A child process in a group of its own, which never outlives us.

use std::{
    ffi::OsString,
    fmt, io,
    os::{fd::OwnedFd, unix::process::CommandExt as _, unix::process::ExitStatusExt as _},
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{net::unix::pipe, sync::oneshot, time::timeout};

/// How long a command may take to end after SIGTERM; then its whole group is killed.
const GRACE: Duration = Duration::from_millis(300);

/// What the environment of a command must not hold: our own settings, credentials among them.
const OWN_SETTINGS: &str = "SIGHTLINE_";

/// A running command. Dropping it kills its group at once.
pub(super) struct Child {
    leash: Leash,
    pid: Pid,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    exited: Option<Exit>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Exit(io::Result<ExitStatus>);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(0), _) => write!(f, "the command ended"),
                (Some(code), _) => write!(f, "the command ended with status {code}"),
                (None, Some(signal)) => write!(f, "the command was ended by signal {signal}"),
                (None, None) => write!(f, "the command ended ({status})"),
            },
            Err(error) => write!(f, "the command cannot be waited for ({error})"),
        }
    }
}

/// The process group, until its leader is reaped: from then on the number may mean another one.
#[derive(Clone)]
struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // Fails only when all of it has ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Kills the group when it is dropped, also on its way from the thread that started it: the one who
/// waited for it may be gone by then.
struct Leash(Group);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.signal(Signal::KILL);
    }
}

impl Child {
    /// Starts a command; gives it, its standard output and its standard error.
    pub(super) async fn start(
        program: &OsString,
        arguments: &[OsString],
    ) -> io::Result<(Self, pipe::Receiver, pipe::Receiver)> {
        let command = command(program, arguments);
        let (started, starting) = oneshot::channel();
        let (exited, exit) = oneshot::channel();
        // The kernel ends a child when the thread that started it ends, not the process. So it gets a
        // thread that lives as long as it does.
        std::thread::Builder::new()
            .name("exec".into())
            .spawn(move || start_and_wait(command, started, exited))?;
        let (pid, leash, stdout, stderr) = starting
            .await
            .map_err(|_| io::Error::other("the thread that starts it panicked"))??;
        let child = Self {
            leash,
            pid,
            exit,
            exited: None,
        };
        Ok((
            child,
            pipe::Receiver::from_owned_fd(stdout)?,
            pipe::Receiver::from_owned_fd(stderr)?,
        ))
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until the command has ended and is reaped. Cancel safe.
    pub(super) async fn exited(&mut self) {
        if self.exited.is_none() {
            let exit = (&mut self.exit).await;
            let panicked = |_| Err(io::Error::other("the thread that waits for it panicked"));
            self.exited = Some(Exit(exit.unwrap_or_else(panicked)));
        }
    }

    /// Ends the command and everything in its group: asks, and after [`GRACE`] insists.
    pub(super) async fn end(mut self) -> Exit {
        self.leash.0.signal(Signal::TERM);
        if timeout(GRACE, self.exited()).await.is_err() {
            self.leash.0.signal(Signal::KILL);
            self.exited().await;
        }
        self.exited
            .take()
            .unwrap_or_else(|| Exit(Err(io::Error::other("it is unknown how"))))
    }
}

type Started = (Pid, Leash, OwnedFd, OwnedFd);

/// Runs on a thread of its own, which ends once the child is reaped.
fn start_and_wait(
    mut command: Command,
    started: oneshot::Sender<io::Result<Started>>,
    exited: oneshot::Sender<io::Result<ExitStatus>>,
) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let pid = Pid::from_child(&child);
    let group = Group(Arc::new(Mutex::new(Some(pid))));
    let stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");
    // If nobody waits for it any more, the leash ends it.
    let _ = started.send(Ok((
        pid,
        Leash(group.clone()),
        stdout.into(),
        stderr.into(),
    )));
    // Sees the end and leaves the process number taken, so that nobody else's group is killed.
    while let Err(error) = waitid(
        WaitId::Pid(pid),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    ) {
        if error != rustix::io::Errno::INTR {
            break;
        }
    }
    group.signal(Signal::KILL);
    group
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let _ = exited.send(child.wait());
}

fn own_settings(names: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    names.filter(|name| name.as_encoded_bytes().starts_with(OWN_SETTINGS.as_bytes()))
}

fn command(program: &OsString, arguments: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for name in own_settings(std::env::vars_os().map(|(name, _)| name)) {
        command.env_remove(name);
    }
    #[cfg(target_os = "linux")]
    die_with_us(&mut command);
    command
}

/// Makes the kernel kill the child when we end without a chance to do it, by SIGKILL for example.
/// Processes that it started itself then lose the reader of their output.
#[cfg(target_os = "linux")]
fn die_with_us(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let us = getpid();
    let ask = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // We may have ended before the kernel was asked.
        if getppid() == Some(us) {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    };
    #[allow(
        unsafe_code,
        reason = "only the child itself can ask for this, between fork and exec; the closure \
                  makes two plain system calls, allocates nothing and takes no lock"
    )]
    unsafe {
        command.pre_exec(ask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_settings_are_kept_from_commands() {
        let names = ["PATH", "SIGHTLINE_NATS_PASSWORD", "MY_SIGHTLINE_X"].map(OsString::from);
        let removed: Vec<_> = own_settings(names.into_iter()).collect();
        assert_eq!(removed, ["SIGHTLINE_NATS_PASSWORD"]);
    }
}
