//! Progress as JSON lines, for programs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::layer::FinishedLayer;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::progress::{ImageProgress, LayerOutcome, ProgressEvent};
use diskette_builder::oci::sink::TransferOutcome;
use serde_json::{Value, json};

use super::{ProgressCounter, ProgressDisplay};
use crate::ui::message::print_json;

/// Time between two objects about one layer.
const INTERVAL: Duration = Duration::from_millis(500);

/// Prints an object for each event, `advanced` no more often than [`INTERVAL`].
#[derive(Debug, Default)]
pub(super) struct JsonProgress {
    layers: Mutex<BTreeMap<usize, ProgressCounter>>,
}

impl ProgressDisplay for JsonProgress {
    fn event(&self, event: ProgressEvent<'_>) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let object = match event {
            ProgressEvent::Surveying { layer, platform, name, len } => {
                layers.insert(layer, ProgressCounter::start(len));
                started_event("surveying", layer, platform, name, len)
            }
            ProgressEvent::Started { layer, platform, name, len } => {
                layers.insert(layer, ProgressCounter::start(len));
                started_event("started", layer, platform, name, len)
            }
            ProgressEvent::Advanced { layer, len } => {
                let Some(counter) = layers.get_mut(&layer) else { return };
                if !counter.advance(len, INTERVAL) {
                    return;
                }
                let (done, total) = (counter.done, counter.len);
                json!({ "event": "advanced", "layer": layer, "done": done, "total": total })
            }
            ProgressEvent::Finished { layer, platform, name, result, how } => {
                let counter = layers.get(&layer);
                let seconds = counter.map(|counter| counter.started.elapsed().as_secs_f64());
                finished_event(layer, platform, name, result, how, seconds)
            }
            ProgressEvent::Copying { blob, digest, len } => {
                layers.insert(blob, ProgressCounter::start(len));
                started_blob_event("moving", blob, digest, len)
            }
            ProgressEvent::Reading { blob, digest, len } => {
                layers.insert(blob, ProgressCounter::start(len));
                started_blob_event("reading", blob, digest, len)
            }
            ProgressEvent::Read { blob, digest, len } => {
                json!({ "event": "read", "blob": blob, "digest": digest.to_string(), "size": len })
            }
            ProgressEvent::Copied { blob, digest, len, how } => {
                let (digest, how) = (digest.to_string(), moved_word(how));
                json!({ "event": "moved", "blob": blob, "digest": digest, "size": len, "how": how })
            }
            ProgressEvent::Publishing => return,
            ProgressEvent::Images(images) => {
                let ImageProgress { done, total, published, failed } = images;
                json!({ "event": "images", "done": done, "total": total, "published": published, "failed": failed })
            }
            ProgressEvent::Note(text) => json!({ "event": "note", "text": text }),
        };
        print_json(&object);
    }
}

/// Returns the event of a layer that is started.
fn started_event(event: &str, layer: usize, platform: &Platform, name: &str, len: u64) -> Value {
    json!({ "event": event, "layer": layer, "platform": platform.to_string(), "name": name, "total": len, })
}

/// Returns the event of a finished layer.
fn finished_event(
    layer: usize,
    platform: &Platform,
    name: &str,
    result: &FinishedLayer,
    how: LayerOutcome,
    seconds: Option<f64>,
) -> Value {
    let copied = match how {
        LayerOutcome::Built { copied } => copied,
        LayerOutcome::Reused => 0,
    };
    json!({ "event": "finished", "layer": layer, "platform": platform.to_string(), "name": name, "digest": result.digest.to_string(), "size": result.size, "diff_id": result.diff_id.to_string(), "reused": how == LayerOutcome::Reused, "copied": copied, "seconds": seconds, })
}

/// Returns the event of a blob that is started.
fn started_blob_event(event: &str, blob: usize, digest: Digest, len: u64) -> Value {
    json!({ "event": event, "blob": blob, "digest": digest.to_string(), "total": len })
}

fn moved_word(how: TransferOutcome) -> &'static str {
    match how {
        TransferOutcome::Existed => "there",
        TransferOutcome::Mounted => "mounted",
        TransferOutcome::Copied => "sent",
    }
}
