//! How a build's progress is shown: bars on a terminal, lines elsewhere, JSON for programs.

mod bars;
mod json;
mod lines;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::progress::{Progress, ProgressEvent};

use self::bars::Bars;
use self::json::Json;
use self::lines::Lines;
use crate::environment::Terminal;

/// What can be given to `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// Bars on a terminal, lines elsewhere
    Auto,
    /// A line when a layer ends, and now and then before
    Plain,
    /// A JSON object on each line
    Json,
    /// Nothing
    None,
}

/// Shows what a build does, and knows whether the user wants it to end.
pub(crate) struct ProgressView {
    /// Until it is over.
    view: RwLock<Option<Box<dyn View>>>,
    interrupted: Arc<AtomicBool>,
}

/// One way to show progress.
trait View: Send + Sync {
    fn event(&self, event: ProgressEvent<'_>);
}

impl ProgressView {
    pub(crate) fn new(
        mode: ProgressMode,
        terminal: Terminal,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        let view: Option<Box<dyn View>> = match (mode, terminal) {
            (ProgressMode::None, _) => None,
            (ProgressMode::Json, _) => Some(Box::new(Json::default())),
            (ProgressMode::Auto, Terminal::Plain | Terminal::Color) => {
                Some(Box::new(Bars::default()))
            }
            (ProgressMode::Auto | ProgressMode::Plain, _) => Some(Box::new(Lines::default())),
        };
        Self { view: RwLock::new(view), interrupted }
    }

    /// Takes away whatever is drawn, before anything else is said.
    pub(crate) fn end(&self) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Progress for ProgressView {
    fn report(&self, event: ProgressEvent<'_>) {
        if let Some(view) = &*self.view.read().unwrap_or_else(PoisonError::into_inner) {
            view.event(event);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// How a blob is called that lies somewhere: as short as git's names.
fn blob_name(digest: Digest) -> String {
    format!("blob {}", &digest.to_hex()[..12])
}

/// How far a layer is, and when that was last told.
#[derive(Debug)]
struct Counter {
    len: u64,
    done: u64,
    started: Instant,
    told: Instant,
}

impl Counter {
    fn start(len: u64) -> Self {
        let now = Instant::now();
        Self { len, done: 0, started: now, told: now }
    }

    /// Counts bytes; tells whether it is time to say so.
    fn advance(&mut self, len: u64, interval: Duration) -> bool {
        self.done += len;
        let now = Instant::now();
        let due = now.duration_since(self.told) >= interval && self.done < self.len;
        if due {
            self.told = now;
        }
        due
    }

    fn percent(&self) -> u64 {
        (self.done * 100).checked_div(self.len).unwrap_or(100)
    }
}
