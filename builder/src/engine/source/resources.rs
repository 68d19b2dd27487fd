//! The *resources* that a source consists of, with their digests: what the provenance of an image names.

use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::file::{OpenedFile, check_unchanged};
use super::image_disk::ImageRoots;
use super::raw::RawStream;
use super::{Source, SourceError, SourceErrorKind, SourceKind};
use crate::attestation::resource::ResourceDescriptor;
use crate::net::http::shown_url;
use crate::oci::image::digest::encode_hex;
use crate::oci::image::location::ImageLocation;
use crate::recipe::{
    Checksum, DownloadDetails, InputFile, SourceLocation, SourceRecipe, TarOrigin,
};

/// How the provenance of an image names files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileNaming {
    /// By their paths beside the spec or in the context; absolute ones by their last parts.
    Paths,
    /// By the last parts of their paths: those on a command line depend on the working directory.
    LastParts,
}

/// How many bytes of a file are read at a time.
const STEP: usize = 1 << 20;

impl<'a> Source<'a> {
    /// Returns what the source consists of. Files without a checksum are read to hash them; `poll` is called meanwhile, and
    /// can cancel.
    pub(crate) fn find_resources(
        &self,
        recipe: &SourceRecipe,
        roots: &ImageRoots,
        naming: FileNaming,
        poll: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<ResourceDescriptor>, SourceError> {
        let found = match &recipe.location {
            SourceLocation::Member(member) => match &*member.archive {
                TarOrigin::File(archive) => self.resources_of(archive, roots, naming, poll),
                TarOrigin::Layer { location, .. } => Ok(image_resource(location, roots)),
            },
            _ => self.resources_of(recipe, roots, naming, poll),
        };
        found.map_err(|kind| self.error(kind))
    }

    fn resources_of(
        &self,
        recipe: &SourceRecipe,
        roots: &ImageRoots,
        naming: FileNaming,
        poll: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<ResourceDescriptor>, SourceErrorKind> {
        match &recipe.location {
            SourceLocation::Url(url) => {
                let details = recipe.download.as_deref();
                Ok(download_resources(url, recipe.checksum.as_ref(), details))
            }
            SourceLocation::Image(image) => Ok(image_resource(&image.location, roots)),
            // Their bytes are in the spec or the Dockerfile.
            SourceLocation::Inline(_) | SourceLocation::Member(_) => Ok(Vec::new()),
            SourceLocation::File(_) => {
                let describe = |file: &OpenedFile<'_>| {
                    let checksum = match &recipe.checksum {
                        Some(checksum) => checksum.clone(),
                        None => hash_file(file, poll)?,
                    };
                    Ok(ResourceDescriptor::file(shown_name(file.input(), naming), &checksum))
                };
                self.files().into_iter().map(describe).collect()
            }
        }
    }

    /// Returns the files of this machine that the source consists of.
    fn files(&self) -> Vec<&OpenedFile<'a>> {
        match &self.kind {
            SourceKind::File(plain) => vec![&plain.file],
            SourceKind::Compressed { file, .. } => vec![file],
            SourceKind::Converted(disk) => disk.files().collect(),
            SourceKind::Spooled(spooled) => spooled.stream().files(),
            SourceKind::Member(member) | SourceKind::Packed { member, .. } => {
                member.file().into_iter().collect()
            }
            SourceKind::Download { .. }
            | SourceKind::Inline(_)
            | SourceKind::Contained(_)
            | SourceKind::Blob { .. } => Vec::new(),
        }
    }
}

/// Returns the name of a file in a provenance. An absolute path is one of this machine: only its last part is shown.
fn shown_name(file: &InputFile, naming: FileNaming) -> String {
    let path: &Path = if file.path.is_absolute() || naming == FileNaming::LastParts {
        file.path.file_name().map_or(Path::new(""), Path::new)
    } else {
        &file.path
    };
    let path = path.to_string_lossy();
    if file.directory.is_empty() { path.into_owned() } else { format!("{}:{path}", file.directory) }
}

fn hash_file(
    file: &OpenedFile<'_>,
    poll: &mut dyn FnMut() -> bool,
) -> Result<Checksum, SourceErrorKind> {
    let mut stream = RawStream::from_file(file)?;
    let (mut hash, mut space) = (Sha256::new(), vec![0; STEP]);
    loop {
        if !poll() {
            return Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into());
        }
        match stream.read(&mut space)? {
            0 => break,
            count => hash.update(&space[..count]),
        }
    }
    check_unchanged(&*file.open_unchanged()?, &file.identity)?;
    Ok(Checksum::Sha256(encode_hex(&hash.finalize())))
}

/// Returns a download, and the lists of the release that it is of.
fn download_resources(
    url: &str,
    checksum: Option<&Checksum>,
    details: Option<&DownloadDetails>,
) -> Vec<ResourceDescriptor> {
    let release = details.and_then(|details| details.release.as_ref());
    let uri = release.map_or_else(|| shown_url(url), |release| release.url.clone());
    let mut resource = ResourceDescriptor::download(&uri, checksum);
    if let Some(decompressed) = details.and_then(|details| details.decompressed.as_ref()) {
        resource = resource.with("decompressed", decompressed.to_string());
    }
    let Some(release) = release else { return vec![resource] };
    let disk = resource.with("version", release.version.as_str());
    release.lists.iter().map(ResourceDescriptor::list).chain([disk]).collect()
}

/// Returns an image that was found in this build, or that is named by its digest.
fn image_resource(location: &ImageLocation, roots: &ImageRoots) -> Vec<ResourceDescriptor> {
    let pinned = || match location {
        ImageLocation::Registry(name) => name.digest().and_then(|digest| digest.parse().ok()),
        ImageLocation::Local(local) => local.name.as_deref()?.parse().ok(),
    };
    let digest = roots.digest(location).or_else(pinned);
    digest.map(|digest| ResourceDescriptor::image(location, digest)).into_iter().collect()
}
