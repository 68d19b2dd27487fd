//! Writes attachments to a sink. They are found there before their image gets its names.

use std::io::Read as _;
use std::sync::Arc;

use super::search::Attachments;
use super::tag_update::{TagUpdate, update_tags};
use crate::oci::error::StorageError;
use crate::oci::image::json::{DOCUMENT_LEN_MAX, Document};
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::sink::{AttachedImage, Sink};

/// Writes the documents of attachments whose blobs were copied, and makes them belong to their images. `names` are the names of
/// the image at the destination.
pub(crate) fn put_attachments(
    attachments: &Attachments,
    images: &dyn Images,
    sink: &dyn Sink,
    names: &[Reference],
) -> Result<(), StorageError> {
    for document in &attachments.closure.documents {
        sink.put_document(document, names)?;
    }
    let referrers = attachments.referrers.iter();
    let referrers: Vec<AttachedImage> = referrers
        .map(|document| AttachedImage { document: Arc::clone(document), tag: None, name: None })
        .collect();
    sink.attach(&referrers)?;
    let mut updates = Vec::new();
    for (tag, document) in &attachments.tagged {
        let config = read_config(images, document);
        updates.extend(TagUpdate::of_image(tag, document, config.as_deref(), names));
    }
    update_tags(&updates, sink)
}

/// Returns the config of a manifest, if it is short and can be read.
fn read_config(images: &dyn Images, document: &Document) -> Option<Vec<u8>> {
    let config = ImageManifest::parse(document).ok()?.config?;
    let size = Some(config.size).filter(|size| *size <= DOCUMENT_LEN_MAX)?;
    let mut bytes = Vec::new();
    images.open_blob(config.digest, size, 0).ok()?.take(size).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
