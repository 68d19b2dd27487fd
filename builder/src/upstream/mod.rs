//! *Upstream* is where a distribution publishes its disks: lists of files with their checksums, in one
//! of seven forms. A [`UpstreamSource`] says which list and which of its files are meant; the newest of those
//! comes out as a [`UpstreamDisk`], for each platform by itself. Lists are read as bytes; who fetches them, and
//! who checks their signatures, is an argument.

mod candidate;
mod checksums;
mod coreos;
mod debian;
mod directory;
mod error;
mod fedora;
mod json;
mod listing;
mod simplestreams;
mod template;
#[cfg(test)]
mod tests;
pub(crate) mod version;
mod virt_builder;
mod web;

use std::collections::BTreeMap;

pub use error::UpstreamError;
pub use error::{FetchError, FetchErrorKind};
use schemars::JsonSchema;
pub use template::{TemplateError, UpstreamTemplate};
pub use web::{UpstreamWeb, UrlRewrite};

use url::Url;

use self::candidate::choose;
use self::listing::Listings;
use crate::compression::CompressionFormat;
use crate::net::http::redacted;
use crate::oci::image::platform::Platform;
use crate::recipe::Checksum;

/// Where a distribution publishes, and which of its files is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSource {
    /// What form the list has.
    pub kind: UpstreamKind,
    /// The list; `{arch}` and `{arch.uname}` stand for the platform's architecture.
    pub url: UpstreamTemplate,
    /// A regular expression that the whole name of the file matches; its group `version` is what the
    /// newest is chosen by.
    pub file: Option<UpstreamTemplate>,
    /// The release that is wanted, as the list calls it, where it has several.
    pub version: Option<String>,
    /// Where the checksums of a directory's files are, relative to it; `{file}` is the file's name.
    pub checksums: Option<String>,
    /// Places that have the same files, each in place of the list's directory.
    pub mirrors: Vec<UpstreamTemplate>,
    /// Who has to have signed the list.
    pub signed: Option<ListSignature>,
}

/// What form a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "ReleaseKind", rename_all = "kebab-case")]
pub enum UpstreamKind {
    /// Checksums, with the files beside: `SHA256SUMS`, `CHECKSUM`, `NAME.sha256`; in BSD's form, GNU's,
    /// or a digest alone.
    Checksums,
    /// Fedora's `releases.json`.
    FedoraReleases,
    /// Debian's JSON beside each cloud image.
    DebianCloud,
    /// Simplestreams, an index or its products (<https://simplestreams.readthedocs.io/>).
    Simplestreams,
    /// Streams of Fedora CoreOS
    /// (<https://docs.fedoraproject.org/en-US/fedora-coreos/stream-metadata/>).
    CoreosStream,
    /// What a web server shows of a directory.
    Directory,
    /// The index of virt-builder (<https://libguestfs.org/virt-builder.1.html>).
    VirtBuilder,
}

impl UpstreamKind {
    /// Tells whether lists of this kind name more than disks for virtual machines.
    pub fn needs_file(self) -> bool {
        !matches!(self, Self::DebianCloud | Self::VirtBuilder)
    }
}

/// Who has to have signed a list, and where the signature is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSignature {
    /// The keys that count.
    pub keyring: ListKeyring,
    /// The signature, if it is a file of its own with an unusual name.
    pub signature: Option<UpstreamTemplate>,
}

/// The keys that a list may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListKeyring {
    /// A file of OpenPGP keys, armoured or not, relative to the catalogue.
    pub path: String,
    /// Fingerprints in upper-case hexadecimal: only these keys count. Empty means all of the file's.
    pub fingerprints: Vec<String>,
}

/// The disk that a distribution has for one platform now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamDisk {
    /// Where it is.
    pub url: String,
    /// Where else it is, byte for byte the same.
    pub mirrors: Vec<String>,
    /// Of the file as it lies there.
    pub checksum: Checksum,
    /// Of the disk when the file has been unpacked, where the list tells it.
    pub unpacked: Option<Checksum>,
    /// Of the file as it lies there, in bytes, where the list tells it.
    pub size: Option<u64>,
    /// How the file is packed, by its name.
    pub packing: Option<CompressionFormat>,
    /// What upstream calls the release, e.g. `9.8-20260526`; empty where it has no name for it.
    pub version: String,
    /// What the named groups of `file` matched.
    pub groups: BTreeMap<String, String>,
}

impl UpstreamDisk {
    /// Returns where it is, without what nobody else should see: a password, the values of a query.
    pub fn shown_url(&self) -> String {
        Url::parse(&self.url).map_or_else(|_| String::new(), |url| redacted(&url))
    }
}

/// Fetches lists. They are small: what is longer than `max` bytes is an error.
pub trait FetchList: Sync {
    /// Returns what is at a URL now.
    fn fetch(&self, url: &str, max: u64) -> Result<std::sync::Arc<[u8]>, FetchError>;
}

/// Checks signatures: the library runs no program.
pub trait VerifySignature: Sync {
    /// Returns the text that a key of the keyring has signed: what stands between the lines of the
    /// cleartext signature in `signed`, or all of it where the signature is `detached`.
    fn verify(
        &self,
        keyring: &ListKeyring,
        signed: &[u8],
        detached: Option<&[u8]>,
    ) -> Result<Vec<u8>, String>;
}

/// Returns the newest disk that upstream has for a platform.
pub fn newest(
    source: &UpstreamSource,
    platform: &Platform,
    fetch: &dyn FetchList,
    verify: &dyn VerifySignature,
) -> Result<UpstreamDisk, UpstreamError> {
    let listings = Listings { source, platform, fetch, verify };
    let url = listings.url()?;
    let candidates = match source.kind {
        UpstreamKind::Checksums => checksums::read(&listings, &url)?,
        UpstreamKind::FedoraReleases => fedora::read(&listings, &url)?,
        UpstreamKind::DebianCloud => debian::read(&listings, &url)?,
        UpstreamKind::Simplestreams => simplestreams::read(&listings, &url)?,
        UpstreamKind::CoreosStream => coreos::read(&listings, &url)?,
        UpstreamKind::Directory => directory::read(&listings, &url)?,
        UpstreamKind::VirtBuilder => virt_builder::read(&listings, &url)?,
    };
    let chosen = choose(&listings, &url, candidates)?;
    if source.kind == UpstreamKind::Directory {
        return directory::complete(&listings, &url, chosen);
    }
    chosen.disk(&listings, &url)
}
