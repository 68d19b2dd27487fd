//! Progress of several builds at once: each counts its layers and blobs from 0, and whoever listens to
//! all of them needs to tell them apart.

use crate::oci::progress::{Progress, ProgressEvent};

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
    fn report(&self, event: ProgressEvent<'_>) {
        let title: String;
        let mut event = event;
        match &mut event {
            ProgressEvent::Surveying { layer, name, .. }
            | ProgressEvent::Started { layer, name, .. }
            | ProgressEvent::Finished { layer, name, .. } => {
                title = format!("{}: {name}", self.image);
                *name = &title;
                *layer += self.first;
            }
            ProgressEvent::Advanced { layer: number, .. }
            | ProgressEvent::Copying { blob: number, .. }
            | ProgressEvent::Copied { blob: number, .. }
            | ProgressEvent::Reading { blob: number, .. }
            | ProgressEvent::Read { blob: number, .. } => *number += self.first,
            ProgressEvent::Note(_) => {}
        }
        self.inner.report(event);
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }
}
