//! *Archives on servers*, which are listed before their members are sources.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;
use sha2::{Digest as _, Sha256};

use super::member::{ArchiveBytes, OpenArchive};
use super::opener::open_download;
use super::raw::{RawStream, download_error};
use super::{SourceError, SourceErrorKind, UnverifiedPolicy};
use crate::net::http::HttpClient;
use crate::oci::image::digest::encode_hex;
use crate::oci::tar::{TarEntry, TarLimits};
use crate::recipe::{Checksum, SourceLocation, SourceRecipe};

/// How much of a download is hashed at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Entries of an archive; none for a file that is not a tar.
type ArchiveListing = Option<Arc<[TarEntry]>>;

/// Lists archives on servers, each once for all platforms of a build.
#[derive(Debug)]
pub struct ArchiveDownloads<'a> {
    client: &'a HttpClient,
    unverified: UnverifiedPolicy,
    /// Listings by URL and checksum.
    listings: Mutex<BTreeMap<String, ArchiveListing>>,
}

impl<'a> ArchiveDownloads<'a> {
    /// Returns an object that has listed nothing.
    pub fn new(client: &'a HttpClient, unverified: UnverifiedPolicy) -> Self {
        Self { client, unverified, listings: Mutex::default() }
    }

    /// Downloads an archive and returns its entries, none if it is not a tar. Its checksum is
    /// checked.
    pub(crate) fn list(&self, recipe: &SourceRecipe) -> Result<ArchiveListing, SourceError> {
        let key = format!("{} {:?}", recipe.location, recipe.checksum);
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listing) = listings.get(&key) {
            return Ok(listing.clone());
        }
        let location = recipe.location.to_string();
        let listing = self.download(recipe).map_err(|kind| SourceError { location, kind })?;
        listings.insert(key, listing.clone());
        Ok(listing)
    }

    fn download(&self, recipe: &SourceRecipe) -> Result<ArchiveListing, SourceErrorKind> {
        Ok(self.open(recipe)?.list(TarLimits::default())?.map(Arc::from))
    }

    /// Downloads an archive and unpacks it into a directory. Its checksum is checked.
    pub(crate) fn unpack(&self, recipe: &SourceRecipe, dir: &Dir) -> Result<(), SourceError> {
        let location = recipe.location.to_string();
        let unpacked = self.open(recipe).and_then(|archive| archive.unpack(dir));
        unpacked.map_err(|kind| SourceError { location, kind })
    }

    /// Downloads a file and returns the digest of its bytes.
    pub(crate) fn digest(&self, recipe: &SourceRecipe) -> Result<Checksum, SourceError> {
        let location = recipe.location.to_string();
        let hashed = || {
            let SourceLocation::Url(url) = &recipe.location else {
                return Err(SourceErrorKind::Plain);
            };
            let download = open_download(self.client, None, UnverifiedPolicy::Allow, recipe, url)?;
            let mut stream = RawStream::from_download(download.start()?);
            let (mut hash, mut space) = (Sha256::new(), vec![0; PIECE]);
            loop {
                match stream.read(&mut space).map_err(download_error)? {
                    0 => return Ok(Checksum::Sha256(encode_hex(&hash.finalize()))),
                    count => hash.update(&space[..count]),
                }
            }
        };
        hashed().map_err(|kind| SourceError { location, kind })
    }

    fn open<'r>(&self, recipe: &'r SourceRecipe) -> Result<OpenArchive<'r>, SourceErrorKind> {
        let SourceLocation::Url(url) = &recipe.location else {
            return Err(SourceErrorKind::Plain);
        };
        let download = open_download(self.client, None, self.unverified, recipe, url)?;
        let checksum = recipe.checksum.clone();
        Ok(OpenArchive::new(ArchiveBytes::Download { download, checksum }))
    }
}
