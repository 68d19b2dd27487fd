//! The *packages* in the disk of an image that was built. A release is built while it is downloaded: its disk is read when the
//! image is in the registry, and everything that is read is checked against the digest of the image.

use super::{SyncError, SyncJob, SyncTools};
use crate::attestation::attach::AttestationWriter;
use crate::attestation::find::{Attestation, AttestedBy, find_attestations};
use crate::attestation::packages::compose_package_list;
use crate::inspect::extract::ExtractError;
use crate::inspect::guest::{DiskContext, PartReading};
use crate::inspect::packages::{PackagesError, read_image_packages};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::documents::{DocumentError, IndexEntry};
use crate::oci::image::json::Document;
use crate::oci::image_documents::read_documents;
use crate::oci::images::Images;
use crate::oci::progress::Progress;
use crate::oci::referrers::Subject;
use crate::oci::sink::Sink;
use crate::oci::tar::TarLimits;
use crate::registry::client::RegistryImages;
use crate::sbom::changes::GuestPackages;
use crate::sbom::document::read::read_spdx;
use crate::sbom::document::{DocumentFormat, DocumentSubject};
use crate::sbom::inventory::Inventory;
use crate::signature::error::SignatureError;
use crate::signature::key::PublicKey;
use crate::signature::signing_sink::Signer;

/// Lists the packages in the disk of an image that was written, and attaches the list to it. Returns what the list has.
pub(super) fn attach_packages(
    manifest: &Document,
    (job, sync): (&SyncJob<'_>, &SyncTools<'_>),
    sink: &dyn Sink,
    progress: &dyn Progress,
) -> Result<Option<GuestPackages>, SyncError> {
    let inventory = read_packages(manifest, (job, sync), progress)?;
    let (name, digest) = (job.target.to_string(), manifest.digest.to_string());
    let subject = DocumentSubject {
        name: &name,
        disk: None,
        version: Some(&digest),
        created: Some(sync.created),
    };
    let list = compose_package_list(&inventory, DocumentFormat::Spdx, &subject);
    let list = list.map_err(DocumentError::from)?;
    let key = sync.signer.map(|signer| (signer.key, signer.format));
    let writer = AttestationWriter { sink, names: std::slice::from_ref(&job.target), key };
    writer.attach(manifest, std::slice::from_ref(&list)).map_err(StorageError::from)?;
    Ok(read_spdx(&list.value))
}

/// Returns the packages in the disk of a published image, as they were listed when it was published; `None` if that is not
/// known. If a key signs the new list, it has to have signed the old one.
pub(super) fn find_packages(
    images: &dyn Images,
    root: &Document,
    published: &IndexEntry,
    signer: Option<Signer<'_>>,
) -> Result<Option<GuestPackages>, StorageError> {
    let keys: Vec<PublicKey> = signer
        .map(|signer| signer.key.public_key())
        .transpose()
        .map_err(SignatureError::from)?
        .into_iter()
        .collect();
    let kind = published.media_type.to_string();
    let image = Descriptor::new(kind, published.digest, published.size);
    let subject = Subject::of_descriptor(&image, Some(published.platform.clone()));
    let found = find_attestations(images, root, &[subject], &keys)?;
    let is_trusted =
        |it: &&Attestation| it.problem.is_none() && (keys.is_empty() || it.by == AttestedBy::Key);
    let lists = found
        .iter()
        .filter(is_trusted)
        .filter(|it| it.kind == DocumentFormat::Spdx.predicate_type());
    Ok(lists.map(|it| &it.predicate).find_map(read_spdx))
}

fn read_packages(
    manifest: &Document,
    (job, sync): (&SyncJob<'_>, &SyncTools<'_>),
    progress: &dyn Progress,
) -> Result<Inventory, SyncError> {
    // The repository itself, and not its mirrors.
    let repository = sync.registry.target_repository(&job.target).map_err(StorageError::from)?;
    let images = RegistryImages::new(vec![repository]);
    let unread = |error: &dyn std::fmt::Display| StorageError::remote(error.to_string());
    let documents = read_documents(&images, manifest.clone()).map_err(|error| unread(&error))?;
    let image = documents.images.first().ok_or_else(|| unread(&"the image is not there"))?;
    let context = DiskContext {
        images: &images,
        disk: None,
        spool: sync.spool.map(|make_file| make_file as _),
        parts: PartReading::Checked,
        limits: TarLimits::default(),
        progress,
    };
    let read = read_image_packages(image, &context)?;
    let missing = || PackagesError::from(ExtractError::NoDisk);
    Ok(read.map(|read| read.inventory).ok_or_else(missing)?)
}
