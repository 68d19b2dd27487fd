//! Progress as bars on a terminal: bytes, speed and time left.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use diskette_builder::oci::progress::{ImageProgress, ProgressEvent};
use diskette_builder::oci::sink::TransferOutcome;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines::{finished_line, images_line, moved_line};
use super::{ProgressDisplay, blob_name};
use crate::ui::visible::visible_text;

/// A bar for each layer that is being made, as far as the terminal has lines, and a line about all images.
#[derive(Debug, Default)]
pub(super) struct ProgressBars {
    all: MultiProgress,
    state: Mutex<BarState>,
}

#[derive(Debug, Default)]
struct BarState {
    /// Bars that are shown, and bars without a line, by the number of their layer or blob.
    shown: BTreeMap<usize, ProgressBar>,
    hidden: BTreeMap<usize, ProgressBar>,
    images: Option<ImageProgress>,
    /// The line below the bars.
    summary: Option<ProgressBar>,
}

impl ProgressDisplay for ProgressBars {
    fn event(&self, event: ProgressEvent<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ProgressEvent::Surveying { layer, platform, name, len } => {
                self.start(&mut state, layer, format!("{platform} {name}: survey"), len);
            }
            ProgressEvent::Started { layer, platform, name, len } => {
                self.start(&mut state, layer, format!("{platform} {name}"), len);
            }
            ProgressEvent::Copying { blob, digest, len }
            | ProgressEvent::Reading { blob, digest, len } => {
                self.start(&mut state, blob, blob_name(digest), len);
            }
            ProgressEvent::Advanced { layer, len } => {
                if let Some(bar) = state.shown.get(&layer).or_else(|| state.hidden.get(&layer)) {
                    bar.inc(len);
                }
            }
            ProgressEvent::Finished { layer, platform, name, result, how } => {
                self.finish(&mut state, layer, &finished_line(platform, name, result, how));
            }
            ProgressEvent::Copied { blob, digest, len, how } => {
                self.finish(&mut state, blob, &moved_line(digest, len, how));
            }
            ProgressEvent::Read { blob, digest, len } => {
                let line = moved_line(digest, len, TransferOutcome::Copied);
                self.finish(&mut state, blob, &line);
            }
            ProgressEvent::Publishing => {}
            ProgressEvent::Images(images) => {
                state.images = Some(images);
                self.show_summary(&mut state);
            }
            ProgressEvent::Note(text) => self.line(&format!("note: {text}")),
        }
    }
}

impl ProgressBars {
    fn start(&self, state: &mut BarState, number: usize, name: String, len: u64) {
        // A layer that is started again begins at zero.
        self.remove(state, number);
        let bar = ProgressBar::hidden().with_style(style(terminal_size().0)).with_message(name);
        bar.set_length(len);
        if state.shown.len() < bars_max(terminal_size().1) {
            self.show(state, number, bar);
        } else {
            state.hidden.insert(number, bar);
        }
        self.show_summary(state);
    }

    fn show(&self, state: &mut BarState, number: usize, bar: ProgressBar) {
        let bar = match &state.summary {
            Some(summary) => self.all.insert_before(summary, bar),
            None => self.all.add(bar),
        };
        state.shown.insert(number, bar);
    }

    fn finish(&self, state: &mut BarState, number: usize, line: &str) {
        self.remove(state, number);
        self.line(line);
    }

    /// Removes a bar; the hidden one that is waiting longest gets its line.
    fn remove(&self, state: &mut BarState, number: usize) {
        state.hidden.remove(&number);
        if let Some(bar) = state.shown.remove(&number) {
            self.all.remove(&bar);
            if let Some((number, bar)) = state.hidden.pop_first() {
                self.show(state, number, bar);
            }
        }
        self.show_summary(state);
    }

    /// Shows how many images are done, and how many bars have no line.
    fn show_summary(&self, state: &mut BarState) {
        let images = state.images.map(images_line);
        let hidden = Some(state.hidden.len()).filter(|count| *count > 0);
        let hidden = hidden.map(|count| format!("and {count} more in progress"));
        let parts: Vec<String> = images.into_iter().chain(hidden).collect();
        if parts.is_empty() && state.summary.is_none() {
            return;
        }
        let summary = state.summary.get_or_insert_with(|| {
            let template = ProgressStyle::with_template("{wide_msg}");
            let bar = self.all.add(ProgressBar::no_length());
            bar.with_style(template.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        summary.set_message(parts.join(", "));
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

/// Returns the columns and the lines of the terminal.
fn terminal_size() -> (u16, u16) {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .map_or((80, 24), |size| (size.ws_col, size.ws_row))
}

/// Returns how many bars are shown at once: what people can follow, and lines above them stay visible.
fn bars_max(lines: u16) -> usize {
    usize::from(lines / 2).clamp(1, 12)
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
    use diskette_builder::oci::image::digest::Digest;
    use diskette_builder::oci::image::platform::Platform;

    use super::*;

    #[test]
    fn templates_are_valid() {
        for width in [1, 40, 80, 200] {
            assert!(ProgressStyle::with_template(template(width)).is_ok(), "{width}");
        }
    }

    /// Layers without a line get that of one that is finished, in the order in which they were started.
    #[test]
    fn bars_fit_on_the_terminal() {
        let bars = ProgressBars::default();
        let platform = Platform::host();
        let start =
            |layer| ProgressEvent::Started { layer, platform: &platform, name: "x", len: 9 };
        let finish = |blob| {
            let digest = Digest::of_bytes(b"");
            ProgressEvent::Read { blob, digest, len: 9 }
        };
        let shown = || bars.state.lock().unwrap().shown.keys().copied().collect::<Vec<_>>();
        let summary = || {
            let state = bars.state.lock().unwrap();
            state.summary.as_ref().map(ProgressBar::message).unwrap_or_default()
        };
        (0..40).for_each(|layer| bars.event(start(layer)));
        let count = shown().len();
        assert_eq!(shown(), (0..count).collect::<Vec<_>>());
        assert_eq!(summary(), format!("and {} more in progress", 40 - count));
        bars.event(ProgressEvent::Images(ImageProgress { total: 40, ..Default::default() }));
        bars.event(finish(0));
        bars.event(finish(39));
        assert_eq!(shown(), (1..=count).collect::<Vec<_>>());
        let text = "images: 0 of 40, 0 published, 0 with failures";
        assert_eq!(summary(), format!("{text}, and {} more in progress", 38 - count));
        (1..39).for_each(|layer| bars.event(finish(layer)));
        assert_eq!((shown(), summary().as_str()), (Vec::new(), text));
    }
}
