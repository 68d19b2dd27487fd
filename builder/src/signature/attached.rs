//! Reads the signatures that are *attached* to an image. They are untrusted: their number and length are bounded.

use std::io::Read as _;

use super::bundle::BUNDLE_MEDIA_TYPE;
use super::error::SignatureError;
use super::manifest::{SIGNATURES_MAX, SignatureEntry, read_entries};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::tag::CosignTag;
use crate::oci::images::Images;
use crate::oci::referrers::{Subject, list_referrers};

/// The longest payload in bytes. Those of cosign and podman have some hundred.
const PAYLOAD_LEN_MAX: u64 = 1 << 20;

/// Most bytes of all payloads of an image.
const PAYLOADS_LEN_MAX: u64 = 16 << 20;

/// Reads the manifest with the signatures of an image, if it exists.
pub(crate) fn find_manifest(
    images: &dyn Images,
    subject: Digest,
) -> Result<Option<Document>, StorageError> {
    images.find_attachment(&CosignTag::Signatures.of_image(subject))
}

/// Lists the bundles of an image: signatures, and attestations that are signed.
pub(crate) fn find_bundles(
    images: &dyn Images,
    subject: &Subject,
) -> Result<Vec<Descriptor>, StorageError> {
    let mut bundles = Vec::new();
    for referrer in list_referrers(images, subject)? {
        if referrer.artifact_type() != BUNDLE_MEDIA_TYPE || bundles.len() >= SIGNATURES_MAX {
            continue;
        }
        let Some(manifest) = images.read_document(referrer.descriptor.digest)? else { continue };
        let layers = ImageManifest::parse(&manifest).map(|it| it.layers).unwrap_or_default();
        bundles.extend(layers.into_iter().filter(|it| it.media_type == BUNDLE_MEDIA_TYPE));
    }
    bundles.truncate(SIGNATURES_MAX);
    Ok(bundles)
}

/// Reads payloads within the limit of all of them.
pub(crate) struct PayloadReader<'a> {
    images: &'a dyn Images,
    /// Bytes that may still be read.
    left: u64,
}

impl<'a> PayloadReader<'a> {
    /// Returns a reader of the payloads of one image.
    pub(crate) fn new(images: &'a dyn Images) -> Self {
        Self { images, left: PAYLOADS_LEN_MAX }
    }

    /// Reads the payload of a signature; the inner error says why it is not accepted.
    pub(crate) fn read(
        &mut self,
        entry: &SignatureEntry,
    ) -> Result<Result<Vec<u8>, String>, StorageError> {
        self.read_blob(&entry.payload)
    }

    /// Reads a payload or a bundle; the inner error says why it is not accepted.
    pub(crate) fn read_blob(
        &mut self,
        blob: &Descriptor,
    ) -> Result<Result<Vec<u8>, String>, StorageError> {
        let &Descriptor { digest, size, .. } = blob;
        if size > PAYLOAD_LEN_MAX {
            return Ok(Err(format!("its payload is longer than {} MiB", PAYLOAD_LEN_MAX >> 20)));
        }
        let Some(left) = self.left.checked_sub(size) else {
            let limit = PAYLOADS_LEN_MAX >> 20;
            return Ok(Err(format!("the payloads before it are longer than {limit} MiB together")));
        };
        self.left = left;
        let mut bytes = Vec::new();
        let read = self.images.open_blob(digest, size, 0).and_then(|blob| {
            let read = blob.take(size + 1).read_to_end(&mut bytes);
            read.map_err(StorageError::io("read", digest.to_string()))
        });
        match read {
            Err(error @ StorageError::Cancelled) => return Err(error),
            Err(error) if error.is_temporary() => return Err(error),
            // One that is gone does not count; the others do.
            Err(error) => return Ok(Err(error.full_message())),
            Ok(_) => {}
        }
        if bytes.len() as u64 != size || Digest::of_bytes(&bytes) != digest {
            return Ok(Err("its payload is damaged: its bytes have another digest".into()));
        }
        Ok(Ok(bytes))
    }
}

/// Returns the signatures of a manifest.
pub(crate) fn parse_entries(
    manifest: &Document,
    subject: Digest,
) -> Result<Vec<SignatureEntry>, SignatureError> {
    let unusable =
        |why| SignatureError::Manifest { tag: CosignTag::Signatures.of_image(subject), why };
    read_entries(manifest).map_err(unusable)
}
