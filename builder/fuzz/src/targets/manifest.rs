//! Any manifest or index is taken byte for byte, or refused with a message.

use diskette_builder::oci::image::json::Document;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    for told in ["", "application/vnd.oci.image.index.v1+json"] {
        match Document::parse(told, bytes.to_vec()) {
            Ok(document) => assert_eq!(document.bytes, bytes),
            Err(problem) => assert!(!problem.is_empty()),
        }
    }
}
