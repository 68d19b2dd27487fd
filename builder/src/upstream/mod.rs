//! *Upstream* is where a distribution publishes its disks: lists of files with their checksums, in
//! one of seven formats. An [`UpstreamSource`] selects a list and files in it; the newest of these
//! files is returned as an [`UpstreamDisk`], for one platform at a time. Lists are read as bytes;
//! fetching them and checking their signatures is done by arguments.

mod candidate;
mod candidates;
mod checksums;
mod choice;
mod coreos;
mod debian;
mod directory;
mod error;
pub(crate) mod fedora;
mod json;
mod link;
mod listing;
mod simplestreams;
mod template;
#[cfg(test)]
mod tests;
pub(crate) mod version;
pub(crate) mod versions;
mod virt_builder;
mod web;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::UpstreamError;
pub use error::{FetchError, FetchErrorKind};
pub use link::{DiskLink, LinkAnswer, LinkProblem, check_links};
use schemars::JsonSchema;
pub use template::{TemplateError, UpstreamTemplate};
use url::Url;
pub use version::compare_versions;
pub use web::{UpstreamWeb, UrlRewrite};

use self::candidate::Candidate;
pub use self::candidates::CandidateList;
use self::choice::choose_newest;
use self::listing::Listings;
use crate::compression::CompressionFormat;
use crate::net::http::shown_url;
use crate::oci::image::platform::Platform;
use crate::recipe::{Checksum, ReadList, ReleaseOrigin};

/// The list that a distribution publishes, and the file in it that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSource {
    /// Format of the list.
    pub kind: UpstreamKind,
    /// URL of the list; `{arch}` and `{arch.uname}` stand for the platform's architecture.
    pub url: UpstreamTemplate,
    /// Regular expression that the whole name of the file matches; the newest file is chosen by its
    /// group `version`.
    pub file: Option<UpstreamTemplate>,
    /// Name of the wanted release, as the list spells it, where it has several.
    pub version: Option<String>,
    /// URL of the checksums of a directory's files, relative to the directory; `{file}` is the
    /// file's name.
    pub checksums: Option<String>,
    /// Mirrors: URLs that have the same files, each in place of the list's directory.
    pub mirrors: Vec<UpstreamTemplate>,
    /// Required signature of the list.
    pub signature: Option<ListSignature>,
}

/// Format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "ReleaseKind", rename_all = "kebab-case")]
pub enum UpstreamKind {
    /// Checksums in the same directory as the files: `SHA256SUMS`, `CHECKSUM`, `NAME.sha256`; in
    /// the format of BSD or GNU, or only a digest.
    Checksums,
    /// Fedora's `releases.json`.
    FedoraReleases,
    /// The JSON file of each of Debian's cloud images.
    DebianCloud,
    /// Simplestreams, an index or its products (<https://simplestreams.readthedocs.io/>).
    Simplestreams,
    /// A stream of Fedora CoreOS
    /// (<https://docs.fedoraproject.org/en-US/fedora-coreos/stream-metadata/>).
    CoreosStream,
    /// The listing of a directory by a web server.
    Directory,
    /// The index of virt-builder (<https://libguestfs.org/virt-builder.1.html>).
    VirtBuilder,
}

impl UpstreamKind {
    /// Returns whether lists of this kind name more than disks for virtual machines.
    pub fn needs_file(self) -> bool {
        !matches!(self, Self::DebianCloud | Self::VirtBuilder)
    }
}

/// The signature that a list must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSignature {
    /// Keys that are accepted.
    pub keyring: ListKeyring,
    /// URL of the signature, relative to the list, if it is a separate file with an unusual name.
    pub url: Option<UpstreamTemplate>,
}

/// The keys that a list may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListKeyring {
    /// Path of a file of OpenPGP keys, armoured or not, relative to the catalogue.
    pub path: String,
    /// Fingerprints of the accepted keys in upper-case hexadecimal; empty accepts all keys of the
    /// file.
    pub fingerprints: Vec<String>,
}

/// A text whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    /// The text, without its signature.
    pub text: Vec<u8>,
    /// Fingerprint of the key that has signed it, in upper-case hexadecimal.
    pub key: String,
}

/// The disk that a distribution currently publishes for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamDisk {
    /// URL of the file.
    pub url: String,
    /// Other URLs of the same file, byte for byte.
    pub mirrors: Vec<String>,
    /// Checksum of the file as it is published.
    pub checksum: Checksum,
    /// Checksum of the decompressed disk, if the list has it.
    pub uncompressed_checksum: Option<Checksum>,
    /// Size in bytes of the file as it is published, if the list has it.
    pub size: Option<u64>,
    /// Compression of the file, by its name.
    pub compression: Option<CompressionFormat>,
    /// Upstream's name of the release, e.g. `9.8-20260526`; empty if it has none.
    pub version: String,
    /// Text that each named group of `file` matched.
    pub groups: BTreeMap<String, String>,
    /// The lists that it was found in, in the order in which they were read.
    pub lists: Vec<ReadList>,
}

impl UpstreamDisk {
    /// Returns the release that the disk is of.
    pub(crate) fn release(&self) -> ReleaseOrigin {
        let (url, version) = (self.shown_url(), self.version.clone());
        ReleaseOrigin { url, version, lists: self.lists.clone() }
    }

    /// Returns the URL without its secrets: a password, the values of a query.
    pub fn shown_url(&self) -> String {
        shown_url(&self.url)
    }

    /// Returns the other URLs without their secrets.
    pub fn shown_mirrors(&self) -> Vec<String> {
        self.mirrors.iter().map(|mirror| shown_url(mirror)).collect()
    }
}

/// Fetches lists. They are small: a list longer than `max` bytes is an error.
pub trait FetchList: Sync {
    /// Returns the current content of a URL.
    fn fetch(&self, url: &str, max: u64) -> Result<Arc<[u8]>, FetchError>;

    /// Fails if a URL that a list names leads to an address that is nearer to this machine than the
    /// list itself.
    fn check_reach(&self, list: &str, named: &str) -> Result<(), FetchError>;

    /// Returns the files of a list, which may have been parsed before under the same key.
    fn parse_list(
        &self,
        _key: &str,
        parse: &dyn Fn() -> Result<CandidateList, UpstreamError>,
    ) -> Result<Arc<CandidateList>, UpstreamError> {
        parse().map(Arc::new)
    }
}

/// Checks signatures. The library itself runs no program to do so.
pub trait VerifySignature: Sync {
    /// Returns the text that a key of the keyring has signed: the text inside the cleartext
    /// signature in `signed`, or all of `signed` where the signature is `detached`. The error says
    /// what is wrong with the signature.
    fn verify(
        &self,
        keyring: &ListKeyring,
        signed: &[u8],
        detached: Option<&[u8]>,
    ) -> Result<SignedText, String>;

    /// Returns a phrase about the program without which no signature can be checked, if it is missing.
    fn missing_program(&self) -> Option<String> {
        None
    }
}

fn read_candidates(listings: &Listings<'_>, url: &Url) -> Result<Vec<Candidate>, UpstreamError> {
    match listings.source.kind {
        UpstreamKind::Checksums => checksums::read_candidates(listings, url),
        UpstreamKind::FedoraReleases => fedora::read_candidates(listings, url),
        UpstreamKind::DebianCloud => debian::read_candidates(listings, url),
        UpstreamKind::Simplestreams => simplestreams::read_candidates(listings, url),
        UpstreamKind::CoreosStream => coreos::read_candidates(listings, url),
        UpstreamKind::Directory => directory::read_candidates(listings, url),
        UpstreamKind::VirtBuilder => virt_builder::read_candidates(listings, url),
    }
}

/// Returns a text that is the same for lists with the same files; none for a list whose signature is checked for each
/// image, by the keys of its catalogue.
fn list_key(listings: &Listings<'_>, url: &Url) -> Option<String> {
    let UpstreamSource { kind, version, signature: None, .. } = listings.source else {
        return None;
    };
    let has_file = listings.source.file.is_some();
    Some(format!("{kind:?} {} {version:?} {has_file} {url}", listings.platform))
}

/// Returns the newest disk that upstream publishes for a platform.
pub fn find_newest_disk(
    source: &UpstreamSource,
    platform: &Platform,
    fetch: &dyn FetchList,
    verify: &dyn VerifySignature,
) -> Result<UpstreamDisk, UpstreamError> {
    let listings = Listings { source, platform, fetch, verify, read: RefCell::default() };
    let url = listings.list_url()?;
    let parse = || {
        let files = read_candidates(&listings, &url)?;
        Ok(CandidateList::new(files, listings.read.take()))
    };
    let candidates = match list_key(&listings, &url) {
        Some(key) => fetch.parse_list(&key, &parse)?,
        None => Arc::new(parse()?),
    };
    listings.read.replace(candidates.lists.clone());
    let chosen = choose_newest(&listings, &url, &candidates)?;
    if source.kind == UpstreamKind::Directory {
        return directory::add_checksum(&listings, &url, chosen);
    }
    chosen.into_disk(&listings, &url)
}
