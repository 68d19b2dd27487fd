//! The documents of an image are read: indexes in one another, manifests and configs that are listed many
//! times, with sizes and media types that are wrong. What is read stays within the limits, and an image that
//! is found has documents that exist.

use diskette_builder::oci::attachments::AttachmentSelector;
use diskette_builder::oci::copy::{CopyContext, choose_platform, copy_image};
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image_documents::read_documents;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::progress::NoProgress;

use crate::documents::Documents;
use crate::sinks::CountingSink;

/// More than any walk may read: the limits on documents and entries, and a config for each.
const READS_MAX: usize = 4000;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let documents = Documents::new(bytes);
    let images = &documents.images;
    let Some((root, ..)) = documents.all.last() else { return };
    let Ok(Some(root)) = Images::read_document(&images, *root) else { return };
    let before = images.reads();
    match read_documents(&images, root.clone()) {
        Ok(found) => {
            for image in &found.images {
                assert_eq!(Digest::of_bytes(&image.manifest.bytes), image.manifest.digest);
                assert!(images.blobs().contains_key(&image.manifest.digest));
            }
            assert!(found.images.len() <= 1000);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    assert!(images.reads() - before <= READS_MAX, "{} reads", images.reads() - before);
    choose_and_copy(&documents, &root);
}

fn choose_and_copy(documents: &Documents, root: &Document) {
    let images = &documents.images;
    for platform in ["linux/amd64", "linux/arm64", "windows/amd64"] {
        let platform: Platform = platform.parse().expect("a platform");
        match choose_platform(&images, root.clone(), Some(&platform), "image") {
            Ok(manifest) => assert!(images.blobs().contains_key(&manifest.digest)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let sink = CountingSink::default();
    let context = CopyContext {
        attachments: &AttachmentSelector::All,
        images: &images,
        sink: &sink,
        local: None,
        names: &[],
        tag: None,
        jobs: 1,
        progress: &NoProgress,
    };
    let copied = copy_image(root, &context);
    assert_eq!(copied.is_ok(), sink.is_published(), "{copied:?}");
}
