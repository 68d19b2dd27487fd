//! A *copy* transfers an image from one location to another, byte for byte: blobs first, then the
//! documents that name them, then its names.

use std::ops::ControlFlow;

use crate::oci::attachments::{AttachmentSelector, find_attachments, put_attachments};
pub use crate::oci::copy_error::CopyError;
use crate::oci::error::StorageError;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::progress::{Progress, ProgressEvent};
use crate::oci::reuse::ReusingImages;
use crate::oci::sink::{NamedImage, Sink};
use crate::oci::transfer::{self, BlobTransfer};
use crate::oci::walk::{DocumentLimits, DocumentWalk, WalkError};

/// Arguments of a copy of one image.
pub struct CopyContext<'a> {
    /// Location that the image is read from.
    pub images: &'a dyn Images,
    /// Sink that the image is copied to.
    pub sink: &'a dyn Sink,
    /// Images at the destination: chunks that their layers have are not read from `images`.
    pub local: Option<&'a dyn Images>,
    /// Names that the copy gets.
    pub names: &'a [Reference],
    /// Tag that the copy gets in a layout if it has no names.
    pub tag: Option<&'a RefName>,
    /// Which attachments are copied with the image.
    pub attachments: &'a AttachmentSelector,
    /// How many blobs are copied at a time.
    pub jobs: usize,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
}

/// Returns the manifest of the image that is nearest to `platform`, or `root` if no platform is
/// given. `name` is the name of the image in messages.
pub fn choose_platform(
    images: &dyn Images,
    root: Document,
    platform: Option<&Platform>,
    name: &str,
) -> Result<Document, CopyError> {
    let Some(wanted) = platform else { return Ok(root) };
    let mut walk = DocumentWalk::new(&images, DocumentLimits::default());
    let chosen = walk.choose_platform(&root, wanted, name)??;
    Ok((*chosen).clone())
}

/// Copies an image and publishes its names.
pub fn copy_image(root: &Document, context: &CopyContext<'_>) -> Result<(), CopyError> {
    copy_unnamed(root, context)?;
    publish_names(root, context)
}

/// Blobs that a copy of an image would transfer, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyPlan {
    /// Bytes of blobs that do not exist in all destinations.
    pub missing: u64,
    /// Bytes of blobs that exist.
    pub existing: u64,
}

impl CopyPlan {
    /// Adds the blobs of an image and of its attachments: those that a sink has under all of these names exist. Without
    /// a sink, none exists.
    pub fn add(
        &mut self,
        root: &Document,
        images: &dyn Images,
        attachments: &AttachmentSelector,
        sink: Option<&dyn Sink>,
        names: &[Reference],
    ) -> Result<(), CopyError> {
        let closure = DocumentWalk::new(&images, DocumentLimits::default()).read_closure(root)?;
        let attached = find_attachments(images, &closure.documents, attachments, 1)?;
        let mut blobs = attached.closure.blobs;
        blobs.extend(closure.blobs);
        for (digest, size) in &blobs {
            // Each name is asked for alone: a sink may copy a blob from one repository to another.
            let has = |sink: &dyn Sink, name: &Reference| {
                sink.has_blob(*digest, *size, std::slice::from_ref(name), &|_| {
                    ControlFlow::Continue(())
                })
            };
            let mut exists = sink.is_some();
            for name in sink.iter().flat_map(|_| names) {
                exists &= sink.map_or(Ok(false), |sink| has(sink, name))?;
            }
            *if exists { &mut self.existing } else { &mut self.missing } += size;
        }
        Ok(())
    }
}

/// Copies the blobs and documents of an image, and its attachments, without publishing a name of the image.
pub(crate) fn copy_unnamed(root: &Document, context: &CopyContext<'_>) -> Result<(), CopyError> {
    let closure =
        DocumentWalk::new(&context.images, DocumentLimits::default()).read_closure(root)?;
    let attachments =
        find_attachments(context.images, &closure.documents, context.attachments, context.jobs)?;
    let reusing = context
        .local
        .and_then(|local| ReusingImages::new(context.images, local, &closure.documents));
    let images = reusing.as_ref().map_or(context.images, |reusing| reusing);
    let mut blobs = attachments.closure.blobs.clone();
    blobs.extend(closure.blobs);
    let transfers = blobs.iter().map(|(digest, size)| BlobTransfer {
        digest: *digest,
        size: *size,
        images,
        names: context.names,
    });
    transfer::transfer_blobs(transfers.collect(), context.sink, context.jobs, context.progress)?;
    for document in &closure.documents {
        context.sink.put_document(document, context.names)?;
    }
    Ok(put_attachments(&attachments, context.images, context.sink, context.names)?)
}

/// Publishes the names of an image that was copied.
pub(crate) fn publish_names(root: &Document, context: &CopyContext<'_>) -> Result<(), CopyError> {
    let image = root.descriptor();
    let image = image.map_err(|error| WalkError::Unusable(root.digest, error.to_string()))?;
    let unnamed = context.names.is_empty().then_some(None);
    let names = context.names.iter().cloned().map(Some).chain(unnamed);
    let images: Vec<NamedImage> = names
        .map(|name| NamedImage { image: image.clone(), name, tag: context.tag.cloned() })
        .collect();
    if context.progress.is_cancelled() {
        return Err(StorageError::Cancelled.into());
    }
    context.progress.report(ProgressEvent::Publishing);
    context.sink.publish(&images)?;
    Ok(())
}

impl std::fmt::Debug for CopyContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyContext").field("names", &self.names).finish_non_exhaustive()
    }
}
