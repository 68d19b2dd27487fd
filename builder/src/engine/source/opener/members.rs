//! *Members* of archives are opened: a disk that is chosen in one, and files of which it is known where they are.

use std::sync::Arc;

use super::{SourceOpener, open_download};
use crate::compression::CompressionFormat;
use crate::disk::convert::Guest;
use crate::engine::source::archived::{DiskMember, MemberPart, find_disk_member};
use crate::engine::source::blob::ImageBlob;
use crate::engine::source::converted::ConvertedDisk;
use crate::engine::source::file::OpenedFile;
use crate::engine::source::judge::DiskJudge;
use crate::engine::source::member::{ArchiveBytes, MemberSource, OpenArchive};
use crate::engine::source::neighbors::NeighborFiles;
use crate::engine::source::stream::StreamChecks;
use crate::engine::source::{SequentialSource, SourceErrorKind, SourceKind};
use crate::recipe::{ArchivedDisk, InputFile, SourceLocation, SourceRecipe, TarMember, TarOrigin};

impl<'a> SourceOpener<'a> {
    /// Opens a disk in an archive. One that is not compressed is examined before anything is built, and
    /// can be read in any order.
    pub(super) fn open_archived(
        &self,
        recipe: &'a SourceRecipe,
        input: &'a InputFile,
        choice: &ArchivedDisk,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        let (file, start) = OpenedFile::new(self.inputs, input, recipe.role)?;
        let checksum = recipe.checksum.clone();
        if let Some(compression) = CompressionFormat::detect(&start) {
            let bytes = ArchiveBytes::File { file, checksum };
            let open = |judge| find_member(bytes, choice, judge);
            return self.open_packed(recipe, compression, judge, open);
        }
        let tar: Guest = Arc::new(file.bytes()?);
        let member = find_disk_member(&tar, choice)?;
        if let Some(compression) = member.compression {
            let bytes = ArchiveBytes::File { file, checksum };
            let open = |judge| Ok(open_found(Arc::new(OpenArchive::new(bytes)), member, judge));
            return self.open_packed(recipe, compression, judge, open);
        }
        let disk: Guest = Arc::new(member.bytes(&tar));
        if recipe.changes_disk() {
            let neighbors = NeighborFiles::new(self.inputs, input);
            let disk = ConvertedDisk::new(file, &disk, neighbors, recipe, judge)?;
            return Ok(SourceKind::Converted(Box::new(disk)));
        }
        let disk = judge.map(|judge| judge.examine(&disk)).transpose()?;
        let archive = Arc::new(OpenArchive::new(ArchiveBytes::File { file, checksum }));
        Ok(SourceKind::Member(MemberSource { parts: member.parts, archive, judge, disk }))
    }

    /// Opens a disk that can be read only from front to back, since it is compressed.
    pub(super) fn open_packed(
        &self,
        recipe: &'a SourceRecipe,
        compression: CompressionFormat,
        judge: Option<DiskJudge<'a>>,
        open: impl FnOnce(Option<DiskJudge<'a>>) -> Result<SourceKind<'a>, SourceErrorKind>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        match (recipe.changes_disk(), self.spool) {
            (true, None) => {
                Err(SourceErrorKind::Sequential(SequentialSource::Compressed(compression)))
            }
            (true, Some(_)) => self.spool_stream(open(None)?, recipe, judge),
            (false, _) => open(judge),
        }
    }

    /// Opens a member of an archive, which is opened once for all of them.
    pub(super) fn open_member(
        &mut self,
        member: &'a TarMember,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<SourceKind<'a>, SourceErrorKind> {
        let known = self
            .archives
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, &member.archive) || **known == member.archive);
        let archive = if let Some((_, opened)) = known {
            Arc::clone(opened)
        } else {
            let opened = Arc::new(OpenArchive::new(self.archive_bytes(&member.archive)?));
            self.archives.push((&member.archive, Arc::clone(&opened)));
            opened
        };
        let parts = vec![MemberPart { offset: member.offset, size: member.size }];
        Ok(SourceKind::Member(MemberSource { parts, archive, judge, disk: None }))
    }

    fn archive_bytes(&self, archive: &'a TarOrigin) -> Result<ArchiveBytes<'a>, SourceErrorKind> {
        let recipe = match archive {
            TarOrigin::File(recipe) => recipe,
            TarOrigin::Layer { location, digest, size } => {
                let (images, digest, size) = (self.images, *digest, *size);
                return Ok(ArchiveBytes::Layer(ImageBlob { images, location, digest, size }));
            }
        };
        let checksum = recipe.checksum.clone();
        match &recipe.location {
            SourceLocation::File(file) => {
                let (file, _) = OpenedFile::new(self.inputs, file, recipe.role)?;
                Ok(ArchiveBytes::File { file, checksum })
            }
            SourceLocation::Url(url) => {
                let download =
                    open_download(self.client, Some(self.inputs), self.unverified, recipe, url)?;
                Ok(ArchiveBytes::Download { download, checksum })
            }
            SourceLocation::Inline(_) | SourceLocation::Member(_) | SourceLocation::Image(_) => {
                Err(SourceErrorKind::Plain)
            }
        }
    }
}

/// Finds a disk in an archive that is read as a stream.
pub(super) fn find_member<'a>(
    bytes: ArchiveBytes<'a>,
    choice: &ArchivedDisk,
    judge: Option<DiskJudge<'a>>,
) -> Result<SourceKind<'a>, SourceErrorKind> {
    let archive = Arc::new(OpenArchive::new(bytes));
    let member = archive.find_disk(choice)?;
    Ok(open_found(archive, member, judge))
}

/// Returns a disk that was found in an archive.
fn open_found<'a>(
    archive: Arc<OpenArchive<'a>>,
    member: DiskMember,
    judge: Option<DiskJudge<'a>>,
) -> SourceKind<'a> {
    let DiskMember { parts, compression, .. } = member;
    match compression {
        None => SourceKind::Member(MemberSource { parts, archive, judge, disk: None }),
        Some(compression) => {
            let member = MemberSource { parts, archive, judge: None, disk: None };
            let checks = StreamChecks { judge, ..StreamChecks::default() };
            SourceKind::Packed { member, compression, checks }
        }
    }
}
