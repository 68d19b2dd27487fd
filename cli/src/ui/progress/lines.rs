//! Progress as plain lines, for logs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::layer::Layer;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::progress::{Event, Made};
use diskette_builder::oci::sink::Moved;
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
    fn event(&self, event: Event<'_>) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Surveying { layer, platform, name, len } => {
                let name = format!("{platform} {name}: survey");
                layers.insert(layer, (name, Counter::start(len)));
            }
            Event::Started { layer, platform, name, len } => {
                layers.insert(layer, (format!("{platform} {name}"), Counter::start(len)));
            }
            Event::Moving { blob, digest, len } | Event::Reading { blob, digest, len } => {
                layers.insert(blob, (blob_name(digest), Counter::start(len)));
            }
            Event::Advanced { layer, len } => {
                if let Some((name, counter)) = layers.get_mut(&layer)
                    && counter.advance(len, INTERVAL)
                {
                    let (done, len) = (HumanBytes(counter.done), HumanBytes(counter.len));
                    message(&format!("{name}: {done} of {len}, {} %", counter.percent()));
                }
            }
            Event::Finished { platform, name, result, how, .. } => {
                message(&finished(platform, name, result, how));
            }
            Event::Moved { digest, len, how, .. } => message(&moved(digest, len, how)),
            Event::Read { digest, len, .. } => message(&moved(digest, len, Moved::Sent)),
            Event::Note(text) => message(&format!("note: {text}")),
        }
    }
}

/// Returns what is said of a finished layer.
pub(super) fn finished(platform: &Platform, name: &str, layer: &Layer, how: Made) -> String {
    let size = HumanBytes(layer.size);
    let how = match how {
        Made::Built => "",
        Made::Reused => ", unchanged",
    };
    format!("{platform} {name}: {size} {}{how}", layer.digest)
}

/// Returns what is said of a blob that is where it should be.
pub(super) fn moved(digest: Digest, len: u64, how: Moved) -> String {
    let (name, len) = (blob_name(digest), HumanBytes(len));
    match how {
        Moved::Sent => format!("{name}: {len}"),
        Moved::Mounted => format!("{name}: {len}, mounted"),
        Moved::There => format!("{name}: {len}, already there"),
    }
}
