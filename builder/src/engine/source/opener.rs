//! *Opens* sources, and each archive once for all of its members.

mod members;

use std::sync::Arc;

use cap_std::fs::Dir;

use self::members::find_member;
use super::claim::ExpectedContent;
use super::converted::ConvertedDisk;
use super::file::OpenedFile;
use super::http::DownloadSource;
use super::image_disk::{ImageRoots, open_image_disk};
use super::inline::InlineSource;
use super::judge::DiskJudge;
use super::member::{ArchiveBytes, OpenArchive};
use super::neighbors::NeighborFiles;
use super::plain::PlainFile;
use super::ranges::RangedDownload;
use super::request_files::{SecretHeaders, read_headers, trusting_client};
use super::spooled::{Spool, SpooledDisk};
use super::stream::StreamChecks;
use super::{
    CdiOnlyPolicy, InputFiles, SequentialSource, Source, SourceErrorKind, SourceKind,
    UnverifiedPolicy,
};
use crate::compression::CompressionFormat;
use crate::disk::convert::Guest;
use crate::net::http::HttpClient;
use crate::oci::images::ImageOpener;
use crate::recipe::{InputFile, SourceLocation, SourceRecipe, SourceRole, TarOrigin};

/// Opens sources. Each archive is opened once for all of its members, so use one opener for each
/// layer: its files are read one after the other, those of two layers at the same time.
pub(crate) struct SourceOpener<'a> {
    inputs: &'a dyn InputFiles,
    client: &'a HttpClient,
    unverified: UnverifiedPolicy,
    images: &'a dyn ImageOpener,
    cdi_only: CdiOnlyPolicy,
    spool: Option<&'a Dir>,
    roots: Arc<ImageRoots>,
    /// Archives that were opened; those of one layer are few.
    archives: Vec<(&'a Arc<TarOrigin>, Arc<OpenArchive<'a>>)>,
}

impl<'a> SourceOpener<'a> {
    /// Returns an opener that has opened no archive yet.
    pub(crate) fn new(
        inputs: &'a dyn InputFiles,
        client: &'a HttpClient,
        unverified: UnverifiedPolicy,
        images: &'a dyn ImageOpener,
    ) -> Self {
        let (cdi_only, archives, spool) = (CdiOnlyPolicy::Refuse, Vec::new(), None);
        let roots = Arc::default();
        Self { inputs, client, unverified, images, cdi_only, spool, roots, archives }
    }

    /// Shares the images that were found with other openers of the same build.
    #[must_use]
    pub(crate) fn with_roots(self, roots: &Arc<ImageRoots>) -> Self {
        Self { roots: Arc::clone(roots), ..self }
    }

    /// Sets the directory for files that streams are written to if their disks are converted; without
    /// it such disks are refused.
    #[must_use]
    pub(crate) fn with_spool(self, spool: Option<&'a Dir>) -> Self {
        Self { spool, ..self }
    }

    /// Sets what to do with disks that CDI takes and KubeVirt does not; the default is to refuse
    /// them.
    #[must_use]
    pub(crate) fn with_cdi_only(self, cdi_only: CdiOnlyPolicy) -> Self {
        Self { cdi_only, ..self }
    }

    /// Opens a source, and refuses what can be refused without reading it.
    pub(super) fn open(
        &mut self,
        recipe: &'a SourceRecipe,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        let judge = DiskJudge::new(recipe, self.cdi_only);
        match SequentialSource::find(recipe).filter(|_| recipe.changes_disk()) {
            Some(why) if self.spool.is_none() => self.open_ranges(recipe, why, judge),
            // The stream is judged when it is a file.
            Some(_) => {
                let stream = self.open_location(recipe, None)?;
                self.spool_stream(stream, recipe, judge)
            }
            None => self.open_location(recipe, judge),
        }
    }

    fn open_location(
        &mut self,
        recipe: &'a SourceRecipe,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        match (&recipe.location, recipe.archived_disk()) {
            (SourceLocation::File(file), Some(choice)) => {
                self.open_archived(recipe, file, choice, judge)
            }
            (SourceLocation::Url(url), Some(choice)) => {
                let download =
                    open_download(self.client, Some(self.inputs), self.unverified, recipe, url)?;
                let checksum = recipe.checksum.clone();
                find_member(ArchiveBytes::Download { download, checksum }, choice, judge)
            }
            (SourceLocation::File(file), None) => self.open_file(recipe, file, judge),
            (SourceLocation::Url(url), None) => {
                let download =
                    open_download(self.client, Some(self.inputs), self.unverified, recipe, url)?;
                let decompressed = recipe.download.as_ref().and_then(|it| it.decompressed.clone());
                let checksum = recipe.checksum.clone();
                let checks =
                    StreamChecks { checksum, decompressed, judge, ..StreamChecks::default() };
                Ok(SourceKind::Download { download, compression: recipe.compression, checks })
            }
            (SourceLocation::Inline(bytes), _) => {
                check_taken_as_is(recipe, bytes.len() as u64)?;
                Ok(SourceKind::Inline(InlineSource::new(bytes, judge)?))
            }
            (SourceLocation::Member(member), _) => {
                check_taken_as_is(recipe, member.size)?;
                self.open_member(member, judge)
            }
            (SourceLocation::Image(image), _) => {
                check_taken_as_is(recipe, 1)?;
                open_image_disk(self.images, &self.roots, image, judge)
            }
        }
    }

    /// Returns the disk of a stream that is written to a file first.
    fn spool_stream(
        &self,
        stream: SourceKind<'a>,
        recipe: &'a SourceRecipe,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        let why = SequentialSource::find(recipe).unwrap_or(SequentialSource::Part);
        let dir = self.spool.map(Spool::Dir).ok_or(SourceErrorKind::Sequential(why))?;
        let stream = Source { location: recipe.location.to_string(), kind: stream };
        let spooled = SpooledDisk::new(stream, dir, self.inputs, recipe, judge);
        Ok(SourceKind::Spooled(Box::new(spooled)))
    }

    /// Opens a disk that is read on its server in any order, if that sends ranges.
    fn open_ranges(
        &mut self,
        recipe: &'a SourceRecipe,
        why: SequentialSource,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        let refused = SourceErrorKind::Sequential(why);
        let (SourceLocation::Url(url), None) = (&recipe.location, recipe.archived_disk()) else {
            return Err(refused);
        };
        if why != SequentialSource::Download {
            return Err(refused);
        }
        let open = || open_download(self.client, Some(self.inputs), self.unverified, recipe, url);
        let Some(ranges) = RangedDownload::find(open()?, recipe.checksum.clone())? else {
            return Err(refused);
        };
        let checks = StreamChecks { checksum: recipe.checksum.clone(), ..StreamChecks::default() };
        let stream = SourceKind::Download { download: open()?, compression: None, checks };
        let stream = Source { location: recipe.location.to_string(), kind: stream };
        let spool = Spool::Server(Box::new(ranges));
        let spooled = SpooledDisk::new(stream, spool, self.inputs, recipe, judge);
        Ok(SourceKind::Spooled(Box::new(spooled)))
    }

    fn open_file(
        &self,
        recipe: &'a SourceRecipe,
        input: &'a InputFile,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        let (file, start) = OpenedFile::new(self.inputs, input, recipe.role)?;
        if recipe.role == SourceRole::Disk && file.len() == 0 {
            return Err(SourceErrorKind::Empty);
        }
        let (found, checksum) = (CompressionFormat::detect(&start), recipe.checksum.clone());
        if let Some(compression) = recipe.compression {
            if found != Some(compression) {
                return Err(SourceErrorKind::NotCompressed(compression));
            }
            let checks = StreamChecks { checksum, judge, ..StreamChecks::default() };
            return Ok(SourceKind::Compressed { file, compression, checks });
        }
        match (found.filter(|_| recipe.role == SourceRole::Disk), recipe.changes_disk()) {
            (Some(compression), true) => {
                Err(SourceErrorKind::Sequential(SequentialSource::Compressed(compression)))
            }
            (Some(compression), false) => Err(SourceErrorKind::Compressed(compression)),
            (None, true) => {
                let neighbors = NeighborFiles::new(self.inputs, input);
                let bytes: Guest = Arc::new(file.bytes()?);
                let disk = ConvertedDisk::new(file, &bytes, neighbors, recipe, judge)?;
                Ok(SourceKind::Converted(Box::new(disk)))
            }
            (None, false) => {
                let disk = judge.map(|judge| judge.examine(&file.bytes()?)).transpose()?;
                Ok(SourceKind::File(PlainFile { file, checksum, disk }))
            }
        }
    }
}

/// Opens a file on a server; one without a checksum only if the policy allows it. The files that its
/// request needs are read from `inputs`.
pub(super) fn open_download<'a>(
    client: &HttpClient,
    inputs: Option<&dyn InputFiles>,
    unverified: UnverifiedPolicy,
    recipe: &'a SourceRecipe,
    url: &'a str,
) -> Result<DownloadSource<'a>, SourceErrorKind> {
    let details = recipe.download.as_deref();
    let decompressed = details.and_then(|details| details.decompressed.as_ref());
    let has_checksum = recipe.checksum.is_some() || decompressed.is_some();
    if !has_checksum && unverified == UnverifiedPolicy::Refuse {
        return Err(SourceErrorKind::Unverified);
    }
    let (role, compression) = (recipe.role, recipe.compression);
    let expected = ExpectedContent { role, compression, has_checksum };
    let (client, headers) = match inputs {
        Some(inputs) => {
            (trusting_client(inputs, client, details, url)?, read_headers(inputs, details, url)?)
        }
        None => (client.clone(), SecretHeaders::default()),
    };
    Ok(DownloadSource { url, client, details, expected, headers })
}

/// Fails if a recipe asks to decompress or check a source that can only be taken as it is, and if
/// the source is an empty disk.
fn check_taken_as_is(recipe: &SourceRecipe, size: u64) -> Result<(), SourceErrorKind> {
    if recipe.compression.is_some() || recipe.checksum.is_some() {
        return Err(SourceErrorKind::Plain);
    }
    if recipe.role == SourceRole::Disk && size == 0 {
        return Err(SourceErrorKind::Empty);
    }
    Ok(())
}

impl std::fmt::Debug for SourceOpener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceOpener").field("unverified", &self.unverified).finish_non_exhaustive()
    }
}
