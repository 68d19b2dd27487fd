//! The disk of a *containerDisk*: the only file in `/disk`. Layers are read up to it when the recipe is opened, and the
//! layer with the disk is read as a whole, and checked, when its content is.

use super::error::ImageDiskError;
use super::layer::{EntryRole, LayerBlob, LayerScan, role};
use crate::cluster::contract::DISK_DIRECTORY;
use crate::engine::source::blob::ImageBlob;
use crate::engine::source::content::SizeOrigin;
use crate::engine::source::judge::{DiskJudge, JudgedContent};
use crate::engine::source::{
    ContentError, SIZE_MAX, SourceContent, SourceError, SourceErrorKind, SourceIdentity,
};
use crate::oci::layer_tar::LayerTar;
use crate::oci::tar::{TarEntry, TarEntryKind, TarReader};
use crate::recipe::path;

/// The disk in a containerDisk.
#[derive(Debug)]
pub(in crate::engine::source) struct ContainerDisk<'a> {
    layer: LayerBlob<'a>,
    /// The disk as its tar describes it.
    entry: TarEntry,
    /// Name of the file, if the user gave one: others may be beside it.
    name: Option<&'a str>,
    judge: Option<DiskJudge<'a>>,
}

impl<'a> ContainerDisk<'a> {
    /// Finds the disk in these layers, each with the digest of its tar.
    pub(in crate::engine::source) fn find(
        layers: impl Iterator<Item = (ImageBlob<'a>, String)>,
        name: Option<&'a str>,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<Self, SourceErrorKind> {
        let mut found: Option<Self> = None;
        let mut others = Vec::new();
        for (blob, diff_id) in layers {
            let layer = LayerBlob { blob, diff_id };
            let LayerScan::Disk(entry) = layer.scan(name, &mut others)? else { continue };
            if let Some(before) = &found {
                let paths = [&before.entry.path, &entry.path].map(|path| path.escape_debug());
                let [first, second] = paths;
                let why = format!("two layers have something there, `{first}` and `{second}`");
                return Err(ImageDiskError::Unclear(why).into());
            }
            found = Some(Self { layer, entry, name, judge });
        }
        let disk = found.ok_or_else(|| match name {
            Some(name) if !others.is_empty() => {
                ImageDiskError::Unknown { wanted: name.to_owned(), names: others }
            }
            _ => ImageDiskError::NoDisk,
        })?;
        if !matches!(role(&disk.entry), EntryRole::Disk(_)) {
            let why =
                format!("`{}` is no file in `/{DISK_DIRECTORY}`", disk.entry.path.escape_debug());
            return Err(ImageDiskError::Unclear(why).into());
        }
        if disk.entry.kind != TarEntryKind::File {
            let (path, kind) = (disk.entry.path, disk.entry.kind.noun());
            return Err(ImageDiskError::NotAFile { path, kind }.into());
        }
        if disk.entry.size > SIZE_MAX { Err(SourceErrorKind::TooLong) } else { Ok(disk) }
    }

    /// Returns the size of the disk in bytes.
    pub(in crate::engine::source) fn size(&self) -> u64 {
        self.entry.size
    }

    pub(in crate::engine::source) fn identity(&self) -> SourceIdentity {
        let archive = Box::new(SourceIdentity::from_digest(self.layer.blob.digest));
        let parts = vec![(self.entry.offset, self.entry.size)];
        SourceIdentity::Member { archive, parts }
    }

    pub(in crate::engine::source) fn content<'s>(
        &'s self,
        location: &'s str,
    ) -> Box<dyn SourceContent + 's> {
        let content = Box::new(ContainerDiskContent { disk: self, location, tar: None });
        match self.judge {
            Some(judge) => {
                Box::new(JudgedContent::new(content, judge, location, SizeOrigin::Known))
            }
            None => content,
        }
    }
}

/// The content of a disk in a layer.
struct ContainerDiskContent<'s, 'a> {
    disk: &'s ContainerDisk<'a>,
    location: &'s str,
    /// The tar behind the header of the disk; none before the first read.
    tar: Option<TarReader<LayerTar<'a>>>,
}

impl<'a> ContainerDiskContent<'_, 'a> {
    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { location: self.location.into(), kind }
    }

    /// Takes the tar; at first it is read up to the disk.
    fn take_tar(&mut self) -> Result<TarReader<LayerTar<'a>>, SourceErrorKind> {
        if let Some(tar) = self.tar.take() {
            return Ok(tar);
        }
        let ContainerDisk { layer, entry: wanted, .. } = self.disk;
        let mut tar = layer.open()?;
        loop {
            match tar.next().transpose() {
                Ok(Some(entry)) if entry == *wanted => return Ok(tar),
                Ok(Some(_)) => {}
                Ok(None) => {
                    layer.finish(tar)?;
                    return Err(SourceErrorKind::Changed);
                }
                Err(error) => return Err(layer.tar_error(tar, error)),
            }
        }
    }

    fn fill(&mut self, space: &mut [u8]) -> Result<(), SourceErrorKind> {
        let mut tar = self.take_tar()?;
        let mut filled = 0;
        while filled < space.len() {
            match tar.read_content(&mut space[filled..]) {
                Ok(0) => return Err(SourceErrorKind::Changed),
                Ok(count) => filled += count,
                Err(error) => return Err(self.disk.layer.tar_error(tar, error)),
            }
        }
        self.tar = Some(tar);
        Ok(())
    }

    /// Reads the rest of the layer: there must be no other disk in it, and it must be the right one.
    fn check_rest(&mut self) -> Result<(), SourceErrorKind> {
        let (mut tar, disk) = (self.take_tar()?, self.disk);
        loop {
            let entry = match tar.next().transpose() {
                Ok(Some(entry)) => entry,
                Ok(None) => return disk.layer.finish(tar),
                Err(error) => return Err(disk.layer.tar_error(tar, error)),
            };
            match role(&entry) {
                EntryRole::Disk(file) if disk.name.is_some_and(|name| name != file) => {}
                EntryRole::Nothing => {}
                EntryRole::Disk(file) => {
                    let (_, first) = path::split(&disk.entry.path);
                    let names = vec![first.to_owned(), file.to_owned()];
                    return Err(ImageDiskError::Several(names).into());
                }
                EntryRole::Other => {
                    let why = format!("`{}` is in its layer, too", entry.path.escape_debug());
                    return Err(ImageDiskError::Unclear(why).into());
                }
            }
        }
    }
}

impl SourceContent for ContainerDiskContent<'_, '_> {
    fn size(&self) -> u64 {
        self.disk.entry.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        Ok(self.fill(space).map_err(|kind| self.error(kind))?)
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        Ok(0)
    }

    fn skip_hole(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), ContentError> {
        Ok(self.check_rest().map_err(|kind| self.error(kind))?)
    }
}
