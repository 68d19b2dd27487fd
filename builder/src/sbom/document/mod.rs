//! *Documents* that list the software of a guest, in formats that other tools read. The same guest and the
//! same names give the same bytes: lists are sorted, identifiers are made of the content, and there is no
//! time that was not given.
//!
//! - `spdx`: SPDX 2.3
//! - `cyclonedx`: CycloneDX 1.6
//! - `identifier`: identifiers made of the content
//! - `read`: the packages in a document, read again

mod cyclonedx;
mod identifier;
pub(crate) mod read;
mod spdx;
#[cfg(test)]
mod tests;

use super::inventory::Inventory;
use crate::oci::image::time::Timestamp;

/// Name of the program in documents.
const TOOL: &str = "diskette";
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).
    Spdx,
    /// CycloneDX 1.6 as JSON (<https://cyclonedx.org/docs/1.6/json/>).
    CycloneDx,
}

impl DocumentFormat {
    /// Returns the type of a document in an in-toto statement
    /// (<https://github.com/in-toto/attestation/tree/main/spec/predicates>).
    pub fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx => "https://spdx.dev/Document",
            Self::CycloneDx => "https://cyclonedx.org/bom",
        }
    }

    /// Returns the registered media type of a document.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }
}

/// What a document is about.
#[derive(Debug, Clone, Copy)]
pub struct DocumentSubject<'a> {
    /// Name of the disk or of its image.
    pub name: &'a str,
    /// Name of the disk, if it is one of an artifact: a document is about one disk.
    pub disk: Option<&'a str>,
    /// What tells it from others of the same name, such as the digest of the image.
    pub version: Option<&'a str>,
    /// Time of the document. Without one SPDX, which requires a time, gets 1970, and CycloneDX none.
    pub created: Option<Timestamp>,
}

impl DocumentSubject<'_> {
    /// Returns the name of the disk: that of its image, and its own after a `#`.
    fn full_name(&self) -> String {
        match self.disk {
            Some(disk) => format!("{}#{disk}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// Writes a document, which ends in a line feed.
pub fn write_document(
    inventory: &Inventory,
    format: DocumentFormat,
    subject: &DocumentSubject<'_>,
) -> serde_json::Result<Vec<u8>> {
    let mut text = match format {
        DocumentFormat::Spdx => serde_json::to_vec_pretty(&spdx::document(inventory, subject))?,
        DocumentFormat::CycloneDx => {
            serde_json::to_vec_pretty(&cyclonedx::document(inventory, subject))?
        }
    };
    text.push(b'\n');
    Ok(text)
}
