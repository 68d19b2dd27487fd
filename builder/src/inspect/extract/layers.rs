//! The *layers* of an image are read, lowest first, and the disk is written that is in one of them.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::choice::DiskChoice;
use super::copy::{NullOutput, ScanError, copy_disk};
use super::seed::{SeedTally, SeededLayer};
use super::{DiskOutput, ExtractContext, ExtractError, ExtractedDisk, UnusedSeed};
use crate::cluster::contract::{LAYERS_MAX, cdi_takes, is_relevant};
use crate::compression::CompressionFormat;
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image_documents::PlatformImage;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::ProgressEvent;
use crate::oci::tar::{TarEntry, TarEntryKind, TarReadError, TarReader};

/// The disk that is extracted of the layers so far.
pub(super) struct Extraction<'e> {
    output: &'e mut dyn DiskOutput,
    context: &'e ExtractContext<'e>,
    choice: DiskChoice,
    /// Whether the output has received anything.
    pub(super) has_begun: bool,
    /// The disk that was written.
    disk: Option<WrittenDisk>,
    /// Start of the digest of the disk, if it may be needed for a comparison.
    hash: Option<Sha256>,
    seeds: SeedTally,
}

struct WrittenDisk {
    path: String,
    size: u64,
    /// Digest of its bytes, if later layers may have to be compared with it.
    digest: Option<Digest>,
}

impl<'e> Extraction<'e> {
    /// Returns the extraction of an image, of which nothing has been read.
    pub(super) fn new(
        image: &PlatformImage,
        output: &'e mut dyn DiskOutput,
        context: &'e ExtractContext<'e>,
    ) -> Self {
        Self {
            output,
            context,
            choice: DiskChoice::default(),
            has_begun: false,
            disk: None,
            hash: (image.layers.len() > 1).then(Sha256::new),
            seeds: SeedTally::default(),
        }
    }

    /// Reads the layers. If one cannot be assembled, all have to be read again as a whole, and this is why.
    pub(super) fn read_layers(
        &mut self,
        image: &PlatformImage,
    ) -> Result<Option<UnusedSeed>, ExtractError> {
        let (diff_ids, platform) = (diff_ids(image)?, image.platform());
        let mut read = BTreeSet::new();
        for (number, (blob, diff_id)) in image.layers.iter().zip(diff_ids).enumerate() {
            // The same layer again contains the same disk.
            if !read.insert((blob.digest, diff_id)) {
                continue;
            }
            match SeededLayer::open((number, blob), platform.as_ref(), self.context) {
                Ok(layer) => {
                    let unused = self.assemble_layer(number, blob, diff_id, &layer)?;
                    if unused.is_some() {
                        return Ok(unused);
                    }
                }
                Err(unused) => {
                    self.read_layer(number, blob, diff_id)?;
                    self.seeds.add_whole(blob.size, unused);
                }
            }
        }
        Ok(None)
    }

    /// Ends the disk, if it is clear which one it is.
    pub(super) fn finish(self) -> Result<ExtractedDisk, ExtractError> {
        let Self { output, choice, disk, seeds, .. } = self;
        choice.check_agreement()?;
        let disk = disk.ok_or(ExtractError::NoDisk)?;
        output.finish().map_err(ExtractError::Output)?;
        Ok(ExtractedDisk {
            path: format!("/{}", disk.path),
            size: disk.size,
            seeds: seeds.finish(),
        })
    }

    fn read_layer(
        &mut self,
        number: usize,
        blob: &Descriptor,
        diff_id: &str,
    ) -> Result<(), ExtractError> {
        let (progress, digest, len) = (self.context.progress, blob.digest, blob.size);
        let wrong =
            |problem: LayerProblem| ExtractError::Layer { number: number + 1, digest, problem };
        let reader = self.context.images.open_blob(digest, len, 0)?;
        progress.report(ProgressEvent::Reading { blob: number, digest, len });
        let expected = ExpectedBlob { digest, size: len, progress, number: Some(number) };
        let found = thread::scope(|scope| {
            let tar = LayerTar::new_ahead(reader, expected, scope).map_err(BlobProblem::Read);
            let mut tar = tar.map_err(|problem| wrong(problem.into()))?;
            let compression = tar.compression();
            let scanned = self.scan_tar(number, &mut tar, compression);
            match scanned {
                Err(ScanError::Extract(error)) => return Err(error),
                Err(ScanError::Write(error)) => return Err(ExtractError::Output(error)),
                Ok(()) | Err(ScanError::Tar(_)) => {}
            }
            // A wrong digest or size is reported rather than the tar that cannot be read because of
            // it.
            let found = tar.finish().map_err(|problem| wrong(problem.into()))?;
            match scanned {
                Err(ScanError::Tar(error)) => Err(wrong(error.into())),
                _ => Ok(found.to_string()),
            }
        })?;
        if found != diff_id {
            return Err(wrong(LayerProblem::DiffId { expected: diff_id.to_owned(), found }));
        }
        progress.report(ProgressEvent::Read { blob: number, digest, len });
        Ok(())
    }

    /// Reads a layer of which seeds have a part. It is as good as one that was read as a whole: its tar has the diff
    /// ID. If it cannot be assembled, this is why. What a tar without the diff ID says, such as the name of the disk, or
    /// what an output refuses, is no error: the layer may say something else.
    fn assemble_layer(
        &mut self,
        number: usize,
        blob: &Descriptor,
        diff_id: &str,
        layer: &SeededLayer<'_>,
    ) -> Result<Option<UnusedSeed>, ExtractError> {
        let context = self.context;
        let (progress, digest, len) = (context.progress, blob.digest, layer.requested_len());
        progress.report(ProgressEvent::Reading { blob: number, digest, len });
        let found = thread::scope(|scope| {
            let mut tar = layer.assemble(number, blob, context, scope);
            let written = match self.scan_tar(number, &mut tar, Some(CompressionFormat::Zstd)) {
                Err(ScanError::Write(error)) => {
                    io::copy(&mut tar, &mut io::sink()).map_err(TarReadError::Read)?;
                    Err(ExtractError::Output(error))
                }
                scanned => scanned.map(Ok)?,
            };
            Ok((tar.digest().to_string(), written))
        });
        let unused = match found {
            Ok((found, written)) if found == diff_id => {
                written?;
                progress.report(ProgressEvent::Read { blob: number, digest, len });
                self.seeds.add_assembled(layer.count(blob.size));
                return Ok(None);
            }
            Err(ScanError::Tar(TarReadError::Read(error) | TarReadError::Decompress(_, error))) => {
                error.to_string()
            }
            Err(ScanError::Tar(error)) => error.to_string(),
            // If it is an error of the layer, it comes again.
            Ok(_) | Err(ScanError::Extract(_) | ScanError::Write(_)) => {
                "its parts, or its table of contents, are not those of the layer".to_owned()
            }
        };
        Ok(Some(UnusedSeed::Damaged(unused)))
    }

    fn scan_tar(
        &mut self,
        layer: usize,
        tar: &mut impl Read,
        compression: Option<CompressionFormat>,
    ) -> Result<(), ScanError> {
        let mut tar = TarReader::new(tar, compression, self.context.limits).with_sparse_files();
        while let Some(found) = tar.next().transpose()? {
            if !is_relevant(&found.path) {
                continue;
            }
            if cdi_takes(&found) {
                self.copy_or_compare(&found, layer, &mut tar)?;
            }
            self.choice.keep(layer, found)?;
        }
        tar.drain()?;
        Ok(())
    }

    /// Writes the first disk, and compares others of the same name with it.
    fn copy_or_compare(
        &mut self,
        found: &TarEntry,
        layer: usize,
        tar: &mut TarReader<impl Read>,
    ) -> Result<(), ScanError> {
        match &self.disk {
            None if found.kind != TarEntryKind::File => {
                let path = found.path.clone();
                Err(ExtractError::NotAFile { path, kind: found.kind.noun() }.into())
            }
            None => {
                self.has_begun = true;
                self.output.begin(&found.path, found.size).map_err(ExtractError::Output)?;
                let digest = copy_disk(tar, self.output, self.hash.clone())?;
                self.disk =
                    Some(WrittenDisk { path: found.path.clone(), size: found.size, digest });
                Ok(())
            }
            Some(disk) if (&disk.path, disk.size) == (&found.path, found.size) => {
                let digest = copy_disk(tar, &mut NullOutput, self.hash.clone())?;
                if digest.is_some() && digest == disk.digest {
                    self.choice.mark_same(layer);
                }
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }
}

/// Returns the diff IDs that the config declares; it is an error if some are missing.
fn diff_ids(image: &PlatformImage) -> Result<Vec<&str>, ExtractError> {
    if image.config.is_empty() {
        return Err(ExtractError::Artifact(image.config_descriptor.media_type.clone()));
    }
    let all: Vec<&str> = image.diff_ids().collect();
    if all.len() != image.layers.len() {
        let (layers, diff_ids) = (image.layers.len(), all.len());
        return Err(ExtractError::LayerCount { layers, diff_ids });
    }
    if all.len() > LAYERS_MAX {
        return Err(ExtractError::TooManyLayers(all.len()));
    }
    Ok(all)
}
