//! Progress as bars on a terminal: bytes, speed and time left.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use diskette_builder::oci::progress::ProgressEvent;
use diskette_builder::oci::sink::TransferOutcome;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines::{finished_line, moved_line};
use super::{ProgressDisplay, blob_name};
use crate::ui::visible::visible_text;

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
            ProgressEvent::Publishing => {}
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
        let bar = ProgressBar::new(len).with_style(style(terminal_width()));
        let bar = self.all.add(bar.with_message(name));
        // A layer that is started again begins at zero.
        if let Some(old) = bars.insert(number, bar) {
            self.all.remove(&old);
        }
    }

    /// Prints a line above the bars. A failure to do so is ignored.
    fn line(&self, line: &str) {
        drop(self.all.println(visible_text(line)));
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        // A build that failed must not leave bars behind.
        drop(self.all.clear());
    }
}

/// Returns the width of the terminal in columns.
fn terminal_width() -> u16 {
    rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |size| size.ws_col)
}

/// Returns what fits into the width; the name is cut where it does not.
fn template(width: u16) -> &'static str {
    match width {
        ..60 => "{wide_msg} {percent:>3}% {eta:>3} left",
        60..110 => "{wide_msg} [{bar:12}] {percent:>3}% {bytes_per_sec}, {eta} left",
        _ => "{wide_msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
    }
}

fn style(width: u16) -> ProgressStyle {
    let style = ProgressStyle::with_template(template(width));
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() {
        for width in [1, 40, 80, 200] {
            assert!(ProgressStyle::with_template(template(width)).is_ok(), "{width}");
        }
    }
}
