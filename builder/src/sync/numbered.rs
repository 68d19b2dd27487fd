//! Progress of concurrent builds: each build numbers its layers and blobs from 0, and the receiver of
//! all their events needs unique numbers.

use crate::oci::progress::{Progress, ProgressEvent};

/// More than the layers and blobs of any image.
const NUMBERS_PER_IMAGE: usize = 1 << 20;

/// Forwards the events of one of several builds, with unique numbers.
pub(super) struct NumberedProgress<'a> {
    inner: &'a dyn Progress,
    first: usize,
    /// Prefix of the names of layers.
    image: &'a str,
}

impl<'a> NumberedProgress<'a> {
    pub(super) fn new(inner: &'a dyn Progress, number: usize, image: &'a str) -> Self {
        Self { inner, first: number.saturating_mul(NUMBERS_PER_IMAGE), image }
    }
}

impl Progress for NumberedProgress<'_> {
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
            ProgressEvent::Publishing | ProgressEvent::Images(_) | ProgressEvent::Note(_) => {}
        }
        self.inner.report(event);
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }
}
