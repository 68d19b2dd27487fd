//! Any manifest or index is taken byte for byte, or refused with a message.

#![no_main]

use diskette_builder::oci::image::json::Document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for told in ["", "application/vnd.oci.image.index.v1+json"] {
        match Document::parse(told, bytes.to_vec()) {
            Ok(document) => assert_eq!(document.bytes, bytes),
            Err(problem) => assert!(!problem.is_empty()),
        }
    }
});
