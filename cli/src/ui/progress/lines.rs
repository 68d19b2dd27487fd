//! Progress as plain lines, for logs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::layer::FinishedLayer;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::progress::{LayerOutcome, ProgressEvent};
use diskette_builder::oci::sink::TransferOutcome;
use indicatif::HumanBytes;

use super::{Counter, View, blob_name};
use crate::ui::message;

/// Time between two lines about one layer: CI systems take silence for a hang.
const INTERVAL: Duration = Duration::from_secs(10);

/// A line now and then.
#[derive(Debug, Default)]
pub(super) struct Lines {
    layers: Mutex<BTreeMap<usize, (String, Counter)>>,
}

impl View for Lines {
    fn event(&self, event: ProgressEvent<'_>) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ProgressEvent::Surveying { layer, platform, name, len } => {
                let name = format!("{platform} {name}: survey");
                layers.insert(layer, (name, Counter::start(len)));
            }
            ProgressEvent::Started { layer, platform, name, len } => {
                layers.insert(layer, (format!("{platform} {name}"), Counter::start(len)));
            }
            ProgressEvent::Copying { blob, digest, len }
            | ProgressEvent::Reading { blob, digest, len } => {
                layers.insert(blob, (blob_name(digest), Counter::start(len)));
            }
            ProgressEvent::Advanced { layer, len } => {
                if let Some((name, counter)) = layers.get_mut(&layer)
                    && counter.advance(len, INTERVAL)
                {
                    let (done, len) = (HumanBytes(counter.done), HumanBytes(counter.len));
                    message(&format!("{name}: {done} of {len}, {} %", counter.percent()));
                }
            }
            ProgressEvent::Finished { platform, name, result, how, .. } => {
                message(&finished(platform, name, result, how));
            }
            ProgressEvent::Copied { digest, len, how, .. } => message(&moved(digest, len, how)),
            ProgressEvent::Read { digest, len, .. } => {
                message(&moved(digest, len, TransferOutcome::Copied))
            }
            ProgressEvent::Note(text) => message(&format!("note: {text}")),
        }
    }
}

/// Returns what is said of a finished layer.
pub(super) fn finished(
    platform: &Platform,
    name: &str,
    layer: &FinishedLayer,
    how: LayerOutcome,
) -> String {
    let size = HumanBytes(layer.size);
    let how = match how {
        LayerOutcome::Built => "",
        LayerOutcome::Reused => ", unchanged",
    };
    format!("{platform} {name}: {size} {}{how}", layer.digest)
}

/// Returns what is said of a blob that is where it should be.
pub(super) fn moved(digest: Digest, len: u64, how: TransferOutcome) -> String {
    let (name, len) = (blob_name(digest), HumanBytes(len));
    match how {
        TransferOutcome::Copied => format!("{name}: {len}"),
        TransferOutcome::Mounted => format!("{name}: {len}, mounted"),
        TransferOutcome::Existed => format!("{name}: {len}, already there"),
    }
}
