//! Progress as plain lines, for logs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::layer::FinishedLayer;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::progress::{ImageProgress, LayerOutcome, ProgressEvent};
use diskette_builder::oci::sink::TransferOutcome;
use indicatif::HumanBytes;

use super::{ProgressCounter, ProgressDisplay, blob_name};
use crate::ui::message::{print_message, print_note};

/// Time between two lines about one layer: CI systems end jobs that print nothing.
const INTERVAL: Duration = Duration::from_secs(10);

/// Prints lines at intervals.
#[derive(Debug, Default)]
pub(super) struct ProgressLines {
    layers: Mutex<BTreeMap<usize, (String, ProgressCounter)>>,
    images: Mutex<Option<ProgressCounter>>,
}

impl ProgressDisplay for ProgressLines {
    fn event(&self, event: ProgressEvent<'_>) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ProgressEvent::Surveying { layer, platform, name, len } => {
                let name = format!("{platform} {name}: survey");
                layers.insert(layer, (name, ProgressCounter::start(len)));
            }
            ProgressEvent::Started { layer, platform, name, len } => {
                layers.insert(layer, (format!("{platform} {name}"), ProgressCounter::start(len)));
            }
            ProgressEvent::Copying { blob, digest, len }
            | ProgressEvent::Reading { blob, digest, len } => {
                layers.insert(blob, (blob_name(digest), ProgressCounter::start(len)));
            }
            ProgressEvent::Advanced { layer, len } => {
                if let Some((name, counter)) = layers.get_mut(&layer)
                    && counter.advance(len, INTERVAL)
                {
                    let (done, len) = (HumanBytes(counter.done), HumanBytes(counter.len));
                    print_message(&format!("{name}: {done} of {len}, {} %", counter.percent()));
                }
            }
            ProgressEvent::Finished { platform, name, result, how, .. } => {
                print_message(&finished_line(platform, name, result, how));
            }
            ProgressEvent::Copied { digest, len, how, .. } => {
                print_message(&moved_line(digest, len, how));
            }
            ProgressEvent::Read { digest, len, .. } => {
                print_message(&moved_line(digest, len, TransferOutcome::Copied));
            }
            ProgressEvent::Publishing => {}
            ProgressEvent::Images(images) => {
                let start = || ProgressCounter::start(images.total as u64);
                let mut counter = self.images.lock().unwrap_or_else(PoisonError::into_inner);
                if counter.get_or_insert_with(start).advance(1, INTERVAL) {
                    print_message(&images_line(images));
                }
            }
            ProgressEvent::Note(text) => print_note(text),
        }
    }
}

/// Returns the line about the images of a run.
pub(super) fn images_line(images: ImageProgress) -> String {
    let ImageProgress { done, total, published, failed } = images;
    format!("images: {done} of {total}, {published} published, {failed} with failures")
}

/// Returns the line about a finished layer.
pub(super) fn finished_line(
    platform: &Platform,
    name: &str,
    layer: &FinishedLayer,
    how: LayerOutcome,
) -> String {
    let size = HumanBytes(layer.size);
    let how = match how {
        LayerOutcome::Built { copied: 0 } => String::new(),
        LayerOutcome::Built { copied } => {
            format!(", {} of it from older layers", HumanBytes(copied))
        }
        LayerOutcome::Reused => ", unchanged".to_owned(),
    };
    format!("{platform} {name}: {size} {}{how}", layer.digest)
}

/// Returns the line about a blob that was copied or existed.
pub(super) fn moved_line(digest: Digest, len: u64, how: TransferOutcome) -> String {
    let (name, len) = (blob_name(digest), HumanBytes(len));
    match how {
        TransferOutcome::Copied => format!("{name}: {len}"),
        TransferOutcome::Mounted => format!("{name}: {len}, mounted"),
        TransferOutcome::Existed => format!("{name}: {len}, already exists"),
    }
}
