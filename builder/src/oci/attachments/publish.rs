//! Writes attachments to a sink. They are found there before their image gets its names.

use std::io::Read as _;
use std::sync::Arc;

use super::search::Attachments;
use super::union::{Union, unite};
use crate::oci::error::StorageError;
use crate::oci::image::json::{DOCUMENT_LEN_MAX, Document};
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::sink::{AttachedImage, Sink};
use crate::oci::walk::WalkError;

/// Writes the documents of attachments whose blobs were copied, and makes them belong to their images. `names` are the names of
/// the image at the destination.
pub(crate) fn put_attachments(
    attachments: &Attachments,
    images: &dyn Images,
    sink: &dyn Sink,
    names: &[Reference],
) -> Result<(), WalkError> {
    for document in &attachments.closure.documents {
        sink.put_document(document, names)?;
    }
    let referrers = attachments.referrers.iter();
    let mut attached: Vec<AttachedImage> = referrers
        .map(|document| AttachedImage { document: Arc::clone(document), tag: None, name: None })
        .collect();
    for (tag, document) in &attachments.tagged {
        let mut targets: Vec<Option<Reference>> =
            names.iter().map(|name| Some(name.with_tag(tag.clone()))).collect();
        targets.dedup();
        if targets.is_empty() {
            targets.push(None);
        }
        for name in targets {
            let put = TagUpdate { images, sink, tag, name };
            attached.extend(put.run(document)?);
        }
    }
    Ok(sink.attach(&attached)?)
}

/// A tag of cosign at the destination.
struct TagUpdate<'a> {
    images: &'a dyn Images,
    sink: &'a dyn Sink,
    tag: &'a Tag,
    /// The tag in a repository, if the image has a full reference.
    name: Option<Reference>,
}

impl TagUpdate<'_> {
    /// Writes what the tag has to refer to, and returns it; none if the tag stays as it is.
    fn run(self, document: &Arc<Document>) -> Result<Option<AttachedImage>, WalkError> {
        let old = self.sink.find_attachment(self.name.as_ref(), self.tag)?;
        let Some(old) = old.filter(|old| old.digest != document.digest) else {
            return Ok(Some(self.attach(document)));
        };
        let config = || read_config(self.images, document);
        match unite(&old, document, config).map_err(|why| self.conflict(&why))? {
            Union::Old => Ok(None),
            Union::New => Ok(Some(self.attach(document))),
            Union::Both { config, manifest } => {
                let names: Vec<Reference> = self.name.iter().cloned().collect();
                for document in config.iter().chain([&manifest]) {
                    self.sink.put_document(document, &names)?;
                }
                Ok(Some(self.attach(&Arc::new(manifest))))
            }
        }
    }

    fn attach(self, document: &Arc<Document>) -> AttachedImage {
        let document = Arc::clone(document);
        AttachedImage { document, tag: Some(self.tag.clone()), name: self.name }
    }

    fn conflict(&self, why: &str) -> StorageError {
        let path = self.name.as_ref().map_or_else(|| self.tag.to_string(), ToString::to_string);
        let problem = format!("cannot be added to what it has at the destination: {why}");
        StorageError::Unexpected { path, problem }
    }
}

/// Returns the config of a manifest, if it is short and can be read.
fn read_config(images: &dyn Images, document: &Document) -> Option<Vec<u8>> {
    let config = ImageManifest::parse(document).ok()?.config?;
    let size = Some(config.size).filter(|size| *size <= DOCUMENT_LEN_MAX)?;
    let mut bytes = Vec::new();
    images.open_blob(config.digest, size, 0).ok()?.take(size).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
