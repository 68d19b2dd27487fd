//! *Identifiers* that are made of the content: the same content has the same.

use sha2::{Digest as _, Sha256};

use super::{DocumentSubject, TOOL_VERSION};
use crate::oci::image::digest::Digest;
use crate::sbom::inventory::Inventory;

/// Returns a UUID of version 8 (RFC 9562, section 5.8) for the document of an inventory.
pub(super) fn document_uuid(inventory: &Inventory, subject: &DocumentSubject<'_>) -> String {
    // All of it can be written as JSON.
    let content = serde_json::to_vec(inventory).unwrap_or_default();
    let created = subject.created.map_or_else(String::new, |time| time.to_string());
    let mut hash = Sha256::new();
    for part in [TOOL_VERSION, &subject.full_name(), subject.version.unwrap_or_default(), &created]
    {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(&content);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    let part = |shift: u32, bits: u32| number >> shift & ((1 << bits) - 1);
    let (first, last) = (part(96, 32), part(0, 48));
    format!(
        "{first:08x}-{:04x}-{:04x}-{:04x}-{last:012x}",
        part(80, 16),
        part(64, 16),
        part(48, 16)
    )
}

/// Returns an identifier of a part of a document: a word that people can read, and a part of a digest.
pub(super) fn part_identifier(word: &str, content: &str) -> String {
    const WORD_MAX: usize = 64;
    let word = word.chars().take(WORD_MAX);
    let word: String =
        word.map(|it| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' }).collect();
    let digest = Digest::of_bytes(content.as_bytes()).to_string();
    let hex = digest.rsplit(':').next().unwrap_or_default();
    format!("{word}-{}", hex.get(..16).unwrap_or_default())
}
