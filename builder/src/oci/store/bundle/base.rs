//! What an *earlier bundle* has: the other side has it too.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::copy_error::CopyError;
use crate::oci::image::digest::Digest;
use crate::oci::image::ref_name::LayoutName;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::store::ArchiveImages;
use crate::oci::walk::{DocumentLimits, DocumentWalk};

/// The blobs of the images of an earlier bundle, by repository. It has them itself, or it was made of one that has. Those of
/// signatures and other attachments are not among them: an attachment belongs to each image with its digest, in whatever
/// repository.
#[derive(Debug)]
pub struct BundleBase {
    digest: Digest,
    blobs: BTreeMap<String, BTreeSet<Digest>>,
}

impl BundleBase {
    /// Reads the names of all blobs of a bundle.
    pub fn read(bundle: &ArchiveImages) -> Result<Self, CopyError> {
        let mut blobs: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
        for name in bundle.tags()? {
            let Ok(LayoutName::Full(reference)) = name.as_str().parse() else { continue };
            let Some(root) = bundle.find_image(name.as_str())? else { continue };
            let source = bundle as &dyn Images;
            let closure =
                DocumentWalk::new(&source, DocumentLimits::default()).read_closure(&root)?;
            blobs.entry(reference.full_repository()).or_default().extend(closure.blobs.keys());
        }
        Ok(Self { digest: bundle.index_digest(), blobs })
    }

    /// Returns the digest of the index of the bundle.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns whether the repository of a name has a blob.
    pub(super) fn has(&self, name: &Reference, digest: Digest) -> bool {
        let blobs = self.blobs.get(&name.full_repository());
        blobs.is_some_and(|blobs| blobs.contains(&digest))
    }
}
