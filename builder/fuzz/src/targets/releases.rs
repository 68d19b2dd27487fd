//! Reads any bytes as a list of releases, in the form that the first byte chooses. It must not
//! panic, and a disk that comes of it has a checksum and a place.

use std::sync::Arc;

use diskette_builder::recipe::Checksum;
use diskette_builder::upstream::{
    FetchError, FetchList, ListKeyring, SignedText, UpstreamKind, UpstreamSource, UpstreamTemplate,
    VerifySignature, find_newest_disk,
};

const KINDS: [UpstreamKind; 7] = [
    UpstreamKind::Checksums,
    UpstreamKind::FedoraReleases,
    UpstreamKind::DebianCloud,
    UpstreamKind::Simplestreams,
    UpstreamKind::CoreosStream,
    UpstreamKind::Directory,
    UpstreamKind::VirtBuilder,
];

/// Whatever is asked for, it is this.
struct Everywhere<'a>(&'a [u8]);

impl FetchList for Everywhere<'_> {
    fn fetch(&self, _: &str, _: u64) -> Result<Arc<[u8]>, FetchError> {
        Ok(self.0.into())
    }

    fn check_reach(&self, _: &str, _: &str) -> Result<(), FetchError> {
        Ok(())
    }
}

impl VerifySignature for Everywhere<'_> {
    fn verify(&self, _: &ListKeyring, _: &[u8], _: Option<&[u8]>) -> Result<SignedText, String> {
        Err("nothing is signed here".into())
    }
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Some((first, list)) = bytes.split_first() else { return };
    let kind = KINDS[usize::from(*first) % KINDS.len()];
    let source = UpstreamSource {
        kind,
        url: UpstreamTemplate::new("https://a.example/d/list.json"),
        file: kind
            .needs_file()
            .then(|| UpstreamTemplate::new(r"d-(?<version>.*)\.(img|qcow2|raw)")),
        version: (first & 0x80 != 0).then(|| "40".to_owned()),
        checksums: None,
        mirrors: Vec::new(),
        signature: None,
    };
    let platform = "linux/amd64".parse().expect("a platform");
    let list = Everywhere(list);
    match find_newest_disk(&source, &platform, &list, &list) {
        Ok(disk) => {
            assert!(disk.url.starts_with("http"));
            match disk.checksum {
                Checksum::Sha256(digits) => assert_eq!(digits.len(), 64),
                Checksum::Sha512(digits) => assert_eq!(digits.len(), 128),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.help().is_empty()),
    }
}
