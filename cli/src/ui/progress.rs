//! How a build's progress is shown: bars on a terminal, lines elsewhere, JSON for programs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use diskette_builder::layer::Layer;
use diskette_builder::progress::{Event, Made, Progress};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::message;
use crate::environment::Terminal;

/// What can be given to `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// Bars on a terminal, lines elsewhere
    Auto,
    /// A line when something starts, now and then, and when it ends
    Plain,
    /// A JSON object on each line
    Json,
    /// Nothing
    None,
}

/// How much of what happens is told where nothing moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Results too.
    All,
    /// Notes are left out as well.
    Nothing,
}

/// Time between two lines, or JSON objects, about one layer.
const INTERVAL: Duration = Duration::from_secs(5);

/// Shows what a build does.
pub(crate) struct ProgressView {
    view: View,
    interrupted: Arc<AtomicBool>,
}

enum View {
    Bars { all: MultiProgress, bars: Mutex<BTreeMap<usize, ProgressBar>> },
    Lines(Mutex<BTreeMap<usize, Line>>, fn(&Line, Told<'_>) -> String),
    None,
}

/// What is known of a layer that lines are written about.
struct Line {
    name: String,
    len: u64,
    done: u64,
    started: Instant,
    told: Instant,
}

/// What a line is about.
enum Told<'a> {
    Started,
    Advanced,
    Finished(&'a Layer, Made),
}
