//! What is said of a published image in *attestations*.

use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::plan::PlatformPlan;
use super::{SyncError, SyncJob, SyncTools};
use crate::attestation::attach::AttestationWriter;
use crate::attestation::provenance::{BuildFacts, BuildParameters, compose_provenance};
use crate::attestation::resource::{ResourceDescriptor, sort_resources};
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::{DocumentError, IndexEntry};
use crate::oci::image::json::Document;
use crate::oci::image::location::ImageLocation;
use crate::oci::sink::Sink;
use crate::recipe::AttestationKind;
use crate::sbom::changes::GuestPackages;

/// The image of a platform that was built.
pub(super) struct BuiltEntry {
    /// Its entry in the index.
    pub(super) entry: IndexEntry,
    /// Sum of its layers' sizes in bytes.
    pub(super) size: u64,
    /// What it was built from, if that is stated.
    pub(super) resources: Vec<ResourceDescriptor>,
    /// The packages in its disk, if they are listed.
    pub(super) packages: Option<GuestPackages>,
}

/// Returns what is said of an image.
pub(super) fn kinds(job: &SyncJob<'_>, sync: &SyncTools<'_>) -> BTreeSet<AttestationKind> {
    job.entry.attest.union(sync.attest).copied().collect()
}

/// Returns what was asked for: the entry of the catalogue, by the digest of its inputs.
pub(super) fn parameters(job: &SyncJob<'_>, recipe: &Digest) -> BuildParameters {
    let entry = json!({
        "name": job.entry.short_name(),
        "digest": { "sha256": recipe.to_hex() },
    });
    BuildParameters { external: Map::from_iter([("release".to_owned(), entry)]) }
}

/// Attaches the attestations of an index that was written. It has images that were built, and images that were kept.
pub(super) fn attest_index<'b>(
    index: &Document,
    recipe: &Digest,
    (job, sync): (&SyncJob<'_>, &SyncTools<'_>),
    entries: impl Iterator<Item = (&'b PlatformPlan, Option<&'b BuiltEntry>)>,
    sink: &dyn Sink,
) -> Result<(), SyncError> {
    if !kinds(job, sync).contains(&AttestationKind::Provenance) {
        return Ok(());
    }
    let mut resources = Vec::new();
    for (plan, built) in entries {
        match plan {
            PlatformPlan::Build(..) => {
                resources.extend(built.iter().flat_map(|built| built.resources.clone()));
            }
            PlatformPlan::Keep(entry, _) => {
                let location = ImageLocation::Registry(job.target.with_digest(entry.digest));
                resources.push(ResourceDescriptor::image(&location, entry.digest));
            }
            PlatformPlan::Fail(_) => {}
        }
    }
    sort_resources(&mut resources);
    let provenance = compose_provenance(&BuildFacts {
        parameters: &parameters(job, recipe),
        platform: None,
        internal: json!({ "created": sync.created.seconds(), "layerFormat": FORMAT_VERSION }),
        resources: &resources,
        times: sync.clock.map(|clock| clock.times()),
    });
    let key = sync.signer.map(|signer| (signer.key, signer.format));
    let writer = AttestationWriter { sink, names: std::slice::from_ref(&job.target), key };
    let attached = writer.attach(index, &[provenance.map_err(DocumentError::from)?]);
    Ok(attached.map_err(StorageError::from)?)
}
