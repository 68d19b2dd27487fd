//! The *packages* in a disk, as what an attestation says: a document in SPDX or CycloneDX.

use crate::sbom::document::{DocumentFormat, DocumentSubject, write_document};
use crate::sbom::inventory::Inventory;
use crate::signature::statement::Predicate;

/// Returns the list of the packages in a disk.
pub fn compose_package_list(
    inventory: &Inventory,
    format: DocumentFormat,
    subject: &DocumentSubject<'_>,
) -> serde_json::Result<Predicate> {
    let value = serde_json::from_slice(&write_document(inventory, format, subject)?)?;
    Ok(Predicate { kind: format.predicate_type().to_owned(), value })
}
