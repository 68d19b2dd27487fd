//! *Watching* a machine until its console shows what is expected, it fails, or the time is over.
//! Then the machine is ended.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use diskette_builder::oci::progress::Progress as _;
use regex::bytes::Regex;

use super::console::{Console, parse_expect};
use crate::error::{CommandError, cannot};
use crate::ui::progress::ProgressView;

/// Interval between searches of the console.
const INTERVAL: Duration = Duration::from_millis(50);

/// Maximum length of the console's file in bytes: a machine can write without end.
const FILE_MAX: u64 = 64 << 20;

/// Maximum length of the kept part of QEMU's error output, in bytes.
const ERRORS_MAX: usize = 4096;

/// Number of console lines in messages.
const TAIL: usize = 12;

/// QEMU's message when KVM cannot run an instruction; QEMU does not exit then.
const KVM_ERROR: &str = "KVM internal error";

/// Messages after which a machine will not boot any more.
const FAILURES: &str = concat!(
    "Kernel panic - not syncing",
    "|^No bootable device\\.",
    "|^BdsDxe: No bootable option or device was found",
);

/// The expected output, and how long it may take.
#[derive(Clone, Copy)]
pub(super) struct ConsoleWait<'a> {
    pub(super) expect: &'a Regex,
    pub(super) limit: Duration,
    /// File that the console is written to.
    pub(super) console: Option<&'a Path>,
    /// Reports whether the user asks to stop.
    pub(super) progress: &'a ProgressView,
}

/// Result of watching a machine.
#[derive(Debug)]
pub(super) enum BootVerdict {
    /// The line with the expected output.
    Seen(String),
    /// The machine was not started; the reason.
    Refused(String),
    /// The line that reports the failure, and the lines before it.
    Failed(String, Vec<String>),
    /// The time limit was reached: the limit, and the last lines.
    Late(Duration, Vec<String>),
    /// The machine ended by itself: QEMU's message, and the last lines.
    Ended(String, Vec<String>),
}

impl BootVerdict {
    /// Returns the reason why a disk does not boot.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Seen(_) => String::new(),
            Self::Refused(why) | Self::Failed(why, _) => why.clone(),
            Self::Late(limit, _) => {
                format!("what is expected was not seen within {} s", limit.as_secs())
            }
            Self::Ended(said, _) if said.is_empty() => "the machine was switched off".into(),
            Self::Ended(said, _) => said.clone(),
        }
    }

    /// Returns whether QEMU failed, and not the disk.
    pub(super) fn is_qemu_failure(&self) -> bool {
        matches!(self, Self::Ended(said, _) if !said.is_empty())
    }

    /// Returns the last lines of the console.
    pub(super) fn tail(&self) -> impl Iterator<Item = &str> {
        let tail = match self {
            Self::Seen(_) | Self::Refused(_) => &[],
            Self::Failed(_, tail) | Self::Late(_, tail) | Self::Ended(_, tail) => &tail[..],
        };
        tail.iter().map(String::as_str)
    }
}

/// A running machine; it is killed when dropped.
struct RunningMachine(Child);

impl Drop for RunningMachine {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl ConsoleWait<'_> {
    /// Starts the machine and waits for the console; returns the verdict and how long that took.
    pub(super) fn watch(
        self,
        mut command: Command,
    ) -> Result<(BootVerdict, Duration), CommandError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let create = |path: &Path| {
            let file = cap_std::fs::File::create_ambient(path, ambient_authority());
            file.map(cap_std::fs::File::into_std).map_err(cannot("write", path.display()))
        };
        let mut file = self.console.map(create).transpose()?;
        // Standard input stays open, as on a serial line without a keyboard.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = RunningMachine(command.spawn().map_err(cannot("run", &program))?);
        let console = read_console(child.0.stdout.take());
        let errors = QemuErrors::default();
        let reader = child.0.stderr.take().map(|output| {
            let errors = errors.clone();
            thread::spawn(move || errors.read(output))
        });
        let verdict = self.follow(&console, &errors, file.as_mut(), started)?;
        let time = started.elapsed();
        // Writers to the closed pipes are not blocked.
        drop((console, child));
        drop(reader.map(JoinHandle::join));
        Ok(match verdict {
            BootVerdict::Ended(_, tail) => (BootVerdict::Ended(errors.first_line(), tail), time),
            verdict => (verdict, time),
        })
    }

    fn follow(
        &self,
        chunks: &Receiver<Vec<u8>>,
        errors: &QemuErrors,
        mut file: Option<&mut File>,
        started: Instant,
    ) -> Result<BootVerdict, CommandError> {
        let failures = parse_expect(FAILURES).ok();
        let (mut console, mut written) = (Console::default(), 0);
        let mut looked = started;
        loop {
            if self.progress.is_cancelled() {
                return Err(CommandError::Interrupted);
            }
            let received = chunks.recv_timeout(INTERVAL);
            if let Ok(bytes) = &received {
                console.push(bytes);
                if let (Some(file), Some(path)) = (&mut file, self.console)
                    && written < FILE_MAX
                {
                    file.write_all(bytes).map_err(cannot("write", path.display()))?;
                    written += bytes.len() as u64;
                }
            }
            let now = Instant::now();
            if received.is_ok() && now.duration_since(looked) < INTERVAL {
                continue;
            }
            looked = now;
            if let Some(line) = console.find(self.expect) {
                return Ok(BootVerdict::Seen(line));
            }
            if let Some(line) = failures.as_ref().and_then(|failures| console.find(failures)) {
                return Ok(BootVerdict::Failed(line, console.tail(TAIL)));
            }
            if received == Err(RecvTimeoutError::Disconnected) || errors.contains(KVM_ERROR) {
                return Ok(BootVerdict::Ended(String::new(), console.tail(TAIL)));
            }
            if now.duration_since(started) >= self.limit {
                return Ok(BootVerdict::Late(self.limit, console.tail(TAIL)));
            }
        }
    }
}

/// Reads the console on its own thread; a machine that writes faster than it is read waits.
fn read_console(output: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(16);
    if let Some(output) = output {
        thread::spawn(move || send_console(output, &sender));
    }
    receiver
}

fn send_console(mut output: impl Read, sender: &SyncSender<Vec<u8>>) {
    let mut space = vec![0; 16 << 10];
    while let Ok(len @ 1..) = output.read(&mut space) {
        let Some(bytes) = space.get(..len) else { return };
        if sender.send(bytes.to_vec()).is_err() {
            return;
        }
    }
}

/// The beginning of QEMU's error output.
#[derive(Debug, Clone, Default)]
struct QemuErrors(Arc<Mutex<Vec<u8>>>);

impl QemuErrors {
    /// Reads the output to its end.
    fn read(&self, mut output: impl Read) {
        let mut space = [0; 1024];
        while let Ok(len @ 1..) = output.read(&mut space) {
            let mut said = self.lock();
            if said.len() < ERRORS_MAX {
                said.extend(space.iter().take(len));
            }
        }
    }

    fn contains(&self, text: &str) -> bool {
        self.lock().windows(text.len()).any(|window| window == text.as_bytes())
    }

    fn first_line(&self) -> String {
        let said = self.lock();
        let text = String::from_utf8_lossy(&said);
        text.trim().lines().next().unwrap_or_default().to_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
