//! A file is read as an OCI archive: with blobs that have right names, and with any other members before and
//! after them. What is found by a name is what has its digest.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};

use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image_documents::read_documents;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::store::ArchiveImages;

use crate::documents::Documents;
use crate::tars;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    read_archive(bytes);
    let Some((at, rest)) = bytes.split_first() else { return };
    let (members, documents) = rest.split_at(usize::from(*at).min(rest.len()));
    let documents = Documents::new(documents);
    let mut tar = Vec::new();
    for (digest, bytes) in documents.images.blobs() {
        tar.extend(tars::member(
            b'0',
            format!("blobs/sha256/{}", digest.to_hex()).as_bytes(),
            b"",
            bytes,
        ));
    }
    let entry = |(number, (digest, len, kind)): (usize, &(Digest, usize, &str))| {
        let name = format!(r#"{{"org.opencontainers.image.ref.name":"{number}"}}"#);
        format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{len},"annotations":{name}}}"#)
    };
    let entries: Vec<String> = documents.all.iter().enumerate().map(entry).collect();
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
    tar.extend(tars::member(b'0', b"index.json", b"", index.as_bytes()));
    tar.extend(tars::tar(members));
    tar.extend([0; 1024]);
    read_archive(&tar);
}

/// Opens a file as an archive, and reads all images that it names.
fn read_archive(bytes: &[u8]) {
    let mut file: File = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("space for a file");
    let images = match ArchiveImages::open(file, "a.tar") {
        Ok(images) => images,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let tags = images.tags().unwrap_or_default();
    let tags = tags.iter().take(20).map(|tag| images.find_image(tag.as_str()));
    for found in tags.chain([images.only_image()]) {
        let Ok(Some(root)) = found else { continue };
        assert_eq!(Digest::of_bytes(&root.bytes), root.digest);
        let Ok(found) = read_documents(&images, root) else { continue };
        for layer in found.images.iter().flat_map(|image| &image.layers) {
            let Ok(blob) = images.open_blob(layer.digest, layer.size, 0) else { continue };
            let mut content = Vec::new();
            if blob.take(1 << 20).read_to_end(&mut content).is_ok() {
                assert!(content.len() as u64 <= layer.size);
            }
        }
    }
}
