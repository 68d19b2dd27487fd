//! Any bytes are read as a tar, and as the layers of a base. They are refused with a message, or
//! become a tree in which every path is plain and every parent a directory.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run tar_index -- -dict=tar_index.dict`.

#![no_main]

use std::collections::BTreeMap;
use std::io::Read;

use diskette_builder::oci::tar::{self, TarLimits};
use diskette_builder::frontend::dockerfile::base::{BaseLoader, BaseResolver};
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::images::{Images, ImageOpener};
use diskette_builder::oci::progress::NoProgress;
use diskette_builder::oci::error::StorageError;
use diskette_builder::frontend::dockerfile::tree::{TreeNodeKind, Tree};
use libfuzzer_sys::fuzz_target;

const LIMITS: TarLimits =
    TarLimits { entries: 1000, path: 4096, names: 1 << 20, pax: 1 << 16, decompressed: 1 << 24 };

/// One image.
struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Memory {
    fn put(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of_bytes(&bytes);
        self.0.insert(digest, bytes);
        digest
    }
}

impl Images for &Memory {
    fn find_image(&self, _name: &str) -> Result<Option<Document>, StorageError> {
        Ok(None)
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        Ok(self.0.get(&digest).and_then(|bytes| Document::parse("", bytes.clone()).ok()))
    }

    fn open_blob(&self, digest: Digest, _: u64, _: u64) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        Ok(Box::new(&self.0[&digest][..]))
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        _: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        Ok(Box::new(&self.0[&digest][..]))
    }

    fn tags(&self) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }
}

impl ImageOpener for Memory {
    fn open_images(&self, _location: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError> {
        Ok(Box::new(self))
    }
}

/// Makes a tar whose headers have right checksums, which no fuzzer finds: of each member its type,
/// the lengths of name, link and content, and these.
fn tar(mut bytes: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    while let [flag, name, link, content, rest @ ..] = bytes {
        bytes = rest;
        let mut take = |len: usize| {
            let (taken, rest) = bytes.split_at(len.min(bytes.len()));
            bytes = rest;
            taken
        };
        let (name, link) = (take(usize::from(*name) % 100), take(usize::from(*link) % 100));
        let content = take(usize::from(*content));
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..107].copy_from_slice(b"0000755");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = *flag;
        header[157..157 + link.len()].copy_from_slice(link);
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(header);
        if matches!(flag, 0 | b'0' | b'7' | b'x' | b'g' | b'L' | b'K') {
            tar.extend(content);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
    }
    tar
}

/// Puts an image of these layers, and returns its name.
fn put(memory: &mut Memory, layers: Vec<Vec<u8>>) -> String {
    let (mut diff_ids, mut blobs) = (Vec::new(), Vec::new());
    for layer in layers {
        let len = layer.len();
        let digest = memory.put(layer);
        diff_ids.push(format!("\"{digest}\""));
        let kind = "application/vnd.oci.image.layer.v1.tar";
        blobs.push(format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{len}}}"#));
    }
    let config = format!(r#"{{"rootfs":{{"diff_ids":[{}]}}}}"#, diff_ids.join(","));
    let len = config.len();
    let digest = memory.put(config.into_bytes());
    let kind = "application/vnd.oci.image.config.v1+json";
    let config = format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{len}}}"#);
    let manifest = format!(r#"{{"config":{config},"layers":[{}]}}"#, blobs.join(","));
    format!("q.io/a@{}", memory.put(manifest.into_bytes()))
}

fn check(tree: &Tree) {
    for (path, _) in tree.below("") {
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = tree.get(parent).expect("a parent");
        assert_eq!(parent.kind, TreeNodeKind::Directory, "{path:?}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    for member in tar::read_entries(bytes, LIMITS).into_iter().flatten() {
        match member {
            Ok(found) => assert!(found.path.len() <= LIMITS.path),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let Some((at, rest)) = bytes.split_first() else { return };
    let (lower, upper) = rest.split_at(usize::from(*at).min(rest.len()));
    let mut memory = Memory(BTreeMap::new());
    let name = put(&mut memory, vec![tar(lower), tar(upper)]);
    let (resolver, cache) = (BaseResolver::default(), None);
    let bases =
        BaseLoader { opener: &memory, cache, resolver: &resolver, limits: LIMITS, progress: &NoProgress };
    let place = name.parse().expect("a place");
    match bases.load(&place, &"linux/amd64".parse().expect("a platform")) {
        Ok(loaded) => check(&loaded.tree),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
