//! Progress as bars on a terminal: bytes, speed and time left.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use diskette_builder::oci::progress::ProgressEvent;
use diskette_builder::oci::sink::TransferOutcome;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines::{finished_line, moved_line};
use super::{ProgressDisplay, blob_name};

/// A bar for each layer that is being made.
#[derive(Debug, Default)]
pub(super) struct ProgressBars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<usize, ProgressBar>>,
}

impl ProgressDisplay for ProgressBars {
    fn event(&self, event: ProgressEvent<'_>) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ProgressEvent::Surveying { layer, platform, name, len } => {
                self.start(&mut bars, layer, format!("{platform} {name}: survey"), len);
            }
            ProgressEvent::Started { layer, platform, name, len } => {
                self.start(&mut bars, layer, format!("{platform} {name}"), len);
            }
            ProgressEvent::Copying { blob, digest, len }
            | ProgressEvent::Reading { blob, digest, len } => {
                self.start(&mut bars, blob, blob_name(digest), len);
            }
            ProgressEvent::Advanced { layer, len } => {
                if let Some(bar) = bars.get(&layer) {
                    bar.inc(len);
                }
            }
            ProgressEvent::Finished { layer, platform, name, result, how } => {
                if let Some(bar) = bars.remove(&layer) {
                    self.all.remove(&bar);
                }
                self.line(&finished_line(platform, name, result, how));
            }
            ProgressEvent::Copied { blob, digest, len, how } => {
                if let Some(bar) = bars.remove(&blob) {
                    self.all.remove(&bar);
                }
                self.line(&moved_line(digest, len, how));
            }
            ProgressEvent::Read { blob, digest, len } => {
                if let Some(bar) = bars.remove(&blob) {
                    self.all.remove(&bar);
                }
                self.line(&moved_line(digest, len, TransferOutcome::Copied));
            }
            ProgressEvent::Note(text) => self.line(&format!("note: {text}")),
        }
    }
}

impl ProgressBars {
    fn start(
        &self,
        bars: &mut BTreeMap<usize, ProgressBar>,
        number: usize,
        name: String,
        len: u64,
    ) {
        let bar = ProgressBar::new(len).with_style(style());
        let bar = self.all.add(bar.with_prefix(name));
        // A layer that is started again begins at zero.
        if let Some(old) = bars.insert(number, bar) {
            self.all.remove(&old);
        }
    }

    /// Prints a line above the bars. A failure to do so is ignored.
    fn line(&self, line: &str) {
        drop(self.all.println(line));
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        // A build that failed must not leave bars behind.
        drop(self.all.clear());
    }
}

fn style() -> ProgressStyle {
    let template = "{prefix} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
