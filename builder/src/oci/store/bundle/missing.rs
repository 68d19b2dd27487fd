//! What of an image is *missing*: in a bundle that has only what an earlier one lacks, and at its destination.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::oci::attachments::{AttachmentSelector, find_attachments};
use crate::oci::copy_error::CopyError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::sink::Sink;
use crate::oci::store::ArchiveImages;
use crate::oci::walk::{DocumentLimits, DocumentWalk};

/// Returns the blobs of an image and its attachments that neither a bundle has nor its destination, with their sizes in bytes.
pub fn find_missing(
    root: &Document,
    bundle: &ArchiveImages,
    attachments: &AttachmentSelector,
    sink: &dyn Sink,
    name: &Reference,
) -> Result<BTreeMap<Digest, u64>, CopyError> {
    let source = bundle as &dyn Images;
    let closure = DocumentWalk::new(&source, DocumentLimits::default()).read_closure(root)?;
    let attached = find_attachments(source, &closure.documents, attachments, 1)?;
    let mut blobs = closure.blobs;
    blobs.extend(attached.closure.blobs);
    let mut missing = BTreeMap::new();
    for (digest, size) in blobs {
        let names = std::slice::from_ref(name);
        let is_there = bundle.has_blob(digest)
            || sink.has_blob(digest, size, names, &|_| ControlFlow::Continue(()))?;
        if !is_there {
            missing.insert(digest, size);
        }
    }
    Ok(missing)
}
