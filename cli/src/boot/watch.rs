//! *Watching* a machine until it has shown what is expected, has failed, or the time is over. The
//! machine ends with it.

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

/// How often the console is looked through.
const INTERVAL: Duration = Duration::from_millis(50);

/// What of a console is kept in its file, in bytes: a machine can write without end.
const FILE_MAX: u64 = 64 << 20;

/// What of QEMU's complaints is kept, in bytes.
const ERRORS_MAX: usize = 4096;

/// Lines that are shown of a console.
const TAIL: usize = 12;

/// What QEMU says when KVM cannot run what the machine wants to run; it does not end then.
const KVM_ERROR: &str = "KVM internal error";

/// What a machine says when there is nothing left to wait for.
const FAILURES: &str = concat!(
    "Kernel panic - not syncing",
    "|^No bootable device\\.",
    "|^BdsDxe: No bootable option or device was found",
);

/// What is waited for, and how long.
#[derive(Clone, Copy)]
pub(super) struct Wait<'a> {
    pub(super) expect: &'a Regex,
    pub(super) limit: Duration,
    /// Where the console goes.
    pub(super) console: Option<&'a Path>,
    /// Knows whether the user wants it to end.
    pub(super) progress: &'a ProgressView,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The line with what was expected.
    Seen(String),
    /// Why the disk was not given to a machine.
    Refused(String),
    /// The line that says that it failed, and what came before.
    Failed(String, Vec<String>),
    /// The time was over; how long it was, and what came last.
    Late(Duration, Vec<String>),
    /// The machine ended by itself: what QEMU said, and what came last.
    Ended(String, Vec<String>),
}

impl Verdict {
    /// Returns why a disk does not boot.
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

    /// Tells whether it was QEMU that failed, and not the disk.
    pub(super) fn is_qemus(&self) -> bool {
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

/// A machine that runs; it is killed when nobody needs it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Wait<'_> {
    /// Starts the machine and waits; returns how long that took.
    pub(super) fn watch(self, mut command: Command) -> Result<(Verdict, Duration), CommandError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let create = |path: &Path| {
            let file = cap_std::fs::File::create_ambient(path, ambient_authority());
            file.map(cap_std::fs::File::into_std).map_err(cannot("write", path.display()))
        };
        let mut file = self.console.map(create).transpose()?;
        // The input stays open, as that of a line that nobody types on.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = Running(command.spawn().map_err(cannot("run", &program))?);
        let console = listen(child.0.stdout.take());
        let errors = Errors::default();
        let reader = child.0.stderr.take().map(|output| {
            let errors = errors.clone();
            thread::spawn(move || errors.read(output))
        });
        let verdict = self.follow(&console, &errors, file.as_mut(), started)?;
        let time = started.elapsed();
        // Whoever still writes is not to wait for a reader.
        drop((console, child));
        drop(reader.map(JoinHandle::join));
        Ok(match verdict {
            Verdict::Ended(_, tail) => (Verdict::Ended(errors.first_line(), tail), time),
            verdict => (verdict, time),
        })
    }

    fn follow(
        &self,
        chunks: &Receiver<Vec<u8>>,
        errors: &Errors,
        mut file: Option<&mut File>,
        started: Instant,
    ) -> Result<Verdict, CommandError> {
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
                return Ok(Verdict::Seen(line));
            }
            if let Some(line) = failures.as_ref().and_then(|failures| console.find(failures)) {
                return Ok(Verdict::Failed(line, console.tail(TAIL)));
            }
            if received == Err(RecvTimeoutError::Disconnected) || errors.said(KVM_ERROR) {
                return Ok(Verdict::Ended(String::new(), console.tail(TAIL)));
            }
            if now.duration_since(started) >= self.limit {
                return Ok(Verdict::Late(self.limit, console.tail(TAIL)));
            }
        }
    }
}

/// Reads the console on a thread of its own; a machine that writes faster than it is read waits.
fn listen(output: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(16);
    if let Some(output) = output {
        thread::spawn(move || pass_on(output, &sender));
    }
    receiver
}

fn pass_on(mut output: impl Read, sender: &SyncSender<Vec<u8>>) {
    let mut space = vec![0; 16 << 10];
    while let Ok(len @ 1..) = output.read(&mut space) {
        let Some(bytes) = space.get(..len) else { return };
        if sender.send(bytes.to_vec()).is_err() {
            return;
        }
    }
}

/// The beginning of what QEMU complains of.
#[derive(Debug, Clone, Default)]
struct Errors(Arc<Mutex<Vec<u8>>>);

impl Errors {
    /// Reads to the end.
    fn read(&self, mut output: impl Read) {
        let mut space = [0; 1024];
        while let Ok(len @ 1..) = output.read(&mut space) {
            let mut said = self.lock();
            if said.len() < ERRORS_MAX {
                said.extend(space.iter().take(len));
            }
        }
    }

    fn said(&self, text: &str) -> bool {
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
