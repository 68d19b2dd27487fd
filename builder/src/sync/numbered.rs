//! Progress of several builds at once: each counts its layers and blobs from 0, and whoever listens to
//! all of them needs to tell them apart.

use crate::oci::progress::{Event, Progress};

/// No image has as many layers and blobs.
const ROOM: usize = 1 << 20;

/// Passes on what one of several builds tells.
pub(super) struct Numbered<'a> {
    inner: &'a dyn Progress,
    first: usize,
    /// Put in front of the names of layers.
    image: &'a str,
}

impl<'a> Numbered<'a> {
    pub(super) fn new(inner: &'a dyn Progress, number: usize, image: &'a str) -> Self {
        Self { inner, first: number.saturating_mul(ROOM), image }
    }
}

impl Progress for Numbered<'_> {
    fn event(&self, event: Event<'_>) {
        let title: String;
        let mut event = event;
        match &mut event {
            Event::Surveying { layer, name, .. }
            | Event::Started { layer, name, .. }
            | Event::Finished { layer, name, .. } => {
                title = format!("{}: {name}", self.image);
                *name = &title;
                *layer += self.first;
            }
            Event::Advanced { layer: number, .. }
            | Event::Moving { blob: number, .. }
            | Event::Moved { blob: number, .. }
            | Event::Reading { blob: number, .. }
            | Event::Read { blob: number, .. } => *number += self.first,
            Event::Note(_) => {}
        }
        self.inner.event(event);
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }
}
