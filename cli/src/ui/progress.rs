//! *Progress* of a build: bars on a terminal, lines elsewhere, JSON for programs.

mod bars;
mod json;
mod lines;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::progress::{Progress, ProgressEvent};

use self::bars::ProgressBars;
use self::json::JsonProgress;
use self::lines::ProgressLines;
use crate::environment::Terminal;

/// A value of `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// Bars on a terminal, else plain lines
    Auto,
    /// One line per finished layer, and one at intervals
    Plain,
    /// One JSON object per line
    Json,
    /// No progress output
    None,
}

/// Whether this run has begun to give names to images, for the message after an interrupt.
static HAS_PUBLISHED: AtomicBool = AtomicBool::new(false);

/// The message after an interrupt if something was changed, or may have been.
pub(crate) const INTERRUPTED_MIDWAY: &str = "interrupted; what was already written stays";

/// Returns the message after an interrupt.
pub(crate) fn interrupted_message() -> &'static str {
    let is_midway = HAS_PUBLISHED.load(Ordering::Relaxed);
    if is_midway { INTERRUPTED_MIDWAY } else { "interrupted; nothing was changed" }
}

/// Displays progress, and reports whether the user asks to stop.
pub(crate) struct ProgressView {
    /// `None` when the display has ended.
    view: RwLock<Option<Box<dyn ProgressDisplay>>>,
    interrupted: Arc<AtomicBool>,
}

/// One way to show progress.
trait ProgressDisplay: Send + Sync {
    fn event(&self, event: ProgressEvent<'_>);
}

impl ProgressView {
    pub(crate) fn new(
        mode: ProgressMode,
        terminal: Terminal,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        let view: Option<Box<dyn ProgressDisplay>> = match (mode, terminal) {
            (ProgressMode::None, _) => None,
            (ProgressMode::Json, _) => Some(Box::new(JsonProgress::default())),
            (ProgressMode::Auto, Terminal::Plain | Terminal::Color) => {
                Some(Box::new(ProgressBars::default()))
            }
            (ProgressMode::Auto | ProgressMode::Plain, _) => {
                Some(Box::new(ProgressLines::default()))
            }
        };
        Self { view: RwLock::new(view), interrupted }
    }

    /// Removes bars, before anything else is printed.
    pub(crate) fn end(&self) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Removes bars, unless a thread is just drawing them.
    pub(crate) fn try_end(&self) {
        if let Ok(mut view) = self.view.try_write() {
            *view = None;
        }
    }
}

impl Progress for ProgressView {
    fn report(&self, event: ProgressEvent<'_>) {
        if let ProgressEvent::Publishing = event {
            HAS_PUBLISHED.store(true, Ordering::Relaxed);
        }
        if let Some(view) = &*self.view.read().unwrap_or_else(PoisonError::into_inner) {
            view.event(event);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Returns a short name of a blob, as long as git's names of commits.
fn blob_name(digest: Digest) -> String {
    format!("blob {}", &digest.to_hex()[..12])
}

/// Progress of a layer, and when it was last reported.
#[derive(Debug)]
struct ProgressCounter {
    len: u64,
    done: u64,
    started: Instant,
    reported: Instant,
}

impl ProgressCounter {
    fn start(len: u64) -> Self {
        let now = Instant::now();
        Self { len, done: 0, started: now, reported: now }
    }

    /// Adds bytes, and returns whether it is time for a report.
    fn advance(&mut self, len: u64, interval: Duration) -> bool {
        self.done += len;
        let now = Instant::now();
        let due = now.duration_since(self.reported) >= interval && self.done < self.len;
        if due {
            self.reported = now;
        }
        due
    }

    fn percent(&self) -> u64 {
        (self.done * 100).checked_div(self.len).unwrap_or(100)
    }
}
