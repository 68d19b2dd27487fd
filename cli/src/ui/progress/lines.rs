//! Progress as plain lines, for logs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diskette_builder::image::platform::Platform;
use diskette_builder::layer::Layer;
use diskette_builder::progress::{Event, Made};
use indicatif::HumanBytes;

use super::{Counter, View};
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
            Event::Started { layer, platform, name, len } => {
                layers.insert(layer, (format!("{platform} {name}"), Counter::start(len)));
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
