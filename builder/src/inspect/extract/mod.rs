//! To *extract* is to get the disk of a finished image out again, whoever made the image. Every
//! layer is read once, from front to back, and checked: what was written is the disk only if all of
//! them are what their digests say, and KubeVirt and CDI would take the same file.

mod choice;
mod error;
mod output;

use std::io::{self, Read};
use std::thread;

use sha2::{Digest as _, Sha256};

pub use error::ExtractError;
pub use output::{DiskOutput, PipeOutput, SparseFile};

use self::choice::Choice;
use crate::cluster::contract::{cdi_takes, matters};
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::{Event, Progress};
use crate::oci::tar::{TarEntry, TarEntryKind, TarLimits, TarReadError, TarReader};

/// How much of a disk is looked at at once, in bytes.
const STEP: usize = 256 * 1024;

/// What is left out where all of it is zero: a block of most file systems, in bytes.
const BLOCK: usize = 4096;

/// What a disk is extracted with.
pub struct ExtractContext<'a> {
    /// Where the image is read from.
    pub images: &'a dyn Images,
    /// TarLimits of what a layer's tar may have.
    pub limits: TarLimits,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
}

/// A disk that was extracted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedDisk {
    /// Path in the image, without a slash in front.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
}

/// Extracts the disk of an image. What `output` received before an error must be discarded.
pub fn extract_disk(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    match run(image, output, context) {
        // Whatever failed, the user cancelled it.
        Err(_) if context.progress.is_cancelled() => Err(ExtractError::Cancelled),
        result => result,
    }
}

fn run(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    let diff_ids = diff_ids(image)?;
    let hash = (image.layers.len() > 1).then(Sha256::new);
    let mut extraction =
        Extraction { output, context, choice: Choice::default(), disk: None, hash };
    for (number, (blob, diff_id)) in image.layers.iter().zip(diff_ids).enumerate() {
        extraction.layer(number, blob, diff_id)?;
    }
    let Extraction { output, choice, disk, .. } = extraction;
    choice.judge()?;
    let disk = disk.ok_or(ExtractError::NoDisk)?;
    output.end().map_err(ExtractError::Output)?;
    Ok(ExtractedDisk { path: disk.path, size: disk.size })
}

/// Returns the digests of the layers' tars that the config declares; it is an error if some are missing.
fn diff_ids(image: &PlatformImage) -> Result<Vec<&str>, ExtractError> {
    if image.config.is_empty() {
        return Err(ExtractError::Artifact(image.config_descriptor.media_type.clone()));
    }
    let all: Vec<&str> = image.diff_ids().collect();
    if all.len() != image.layers.len() {
        let (layers, diff_ids) = (image.layers.len(), all.len());
        return Err(ExtractError::Layers { layers, diff_ids });
    }
    Ok(all)
}

struct Extraction<'e> {
    output: &'e mut dyn DiskOutput,
    context: &'e ExtractContext<'e>,
    choice: Choice,
    /// What was written.
    disk: Option<Disk>,
    /// Begins the digest of what is written, where there is need of it.
    hash: Option<Sha256>,
}

struct Disk {
    path: String,
    size: u64,
    /// Of its bytes, where others may come that have to be compared with it.
    digest: Option<Digest>,
}

impl Extraction<'_> {
    fn layer(
        &mut self,
        number: usize,
        blob: &Descriptor,
        diff_id: &str,
    ) -> Result<(), ExtractError> {
        let (progress, digest, len) = (self.context.progress, blob.digest, blob.size);
        let wrong =
            |problem: LayerProblem| ExtractError::Layer { number: number + 1, digest, problem };
        let reader = self.context.images.blob(digest, len, 0)?;
        progress.event(Event::Reading { blob: number, digest, len });
        let expected = ExpectedBlob { digest, size: len, progress, number: Some(number) };
        let found = thread::scope(|scope| {
            let tar = LayerTar::new(reader, expected).map_err(BlobProblem::Read);
            let mut tar = tar.map_err(|problem| wrong(problem.into()))?.ahead(scope);
            let scanned = self.scan(number, &mut tar);
            if let Err(Stop::Here(error)) = scanned {
                return Err(error);
            }
            // A tar that cannot be read is no news where the bytes are not the right ones.
            let found = tar.finish().map_err(|problem| wrong(problem.into()))?;
            match scanned {
                Err(Stop::Archive(error)) => Err(wrong(error.into())),
                _ => Ok(found.to_string()),
            }
        })?;
        if found != diff_id {
            return Err(wrong(LayerProblem::DiffId { expected: diff_id.to_owned(), found }));
        }
        progress.event(Event::Read { blob: number, digest, len });
        Ok(())
    }

    fn scan(&mut self, layer: usize, tar: &mut LayerTar<'_>) -> Result<(), Stop> {
        let packing = tar.compression();
        let mut tar = TarReader::new(tar, packing, self.context.limits);
        while let Some(found) = tar.next().transpose()? {
            if !matters(&found.path) {
                continue;
            }
            if cdi_takes(&found) {
                self.take(&found, layer, &mut tar)?;
            }
            self.choice.keep(layer, found)?;
        }
        tar.drain()?;
        Ok(())
    }

    /// Writes the first disk that comes, and compares others of its name with it.
    fn take(
        &mut self,
        found: &TarEntry,
        layer: usize,
        tar: &mut TarReader<impl Read>,
    ) -> Result<(), Stop> {
        match &self.disk {
            None if found.kind != TarEntryKind::File => {
                let path = found.path.clone();
                Err(ExtractError::Link { path, kind: found.kind.noun() }.into())
            }
            None => {
                self.output.begin(&found.path, found.size).map_err(ExtractError::Output)?;
                let digest = copy(tar, self.output, self.hash.clone())?;
                self.disk = Some(Disk { path: found.path.clone(), size: found.size, digest });
                Ok(())
            }
            Some(disk) if (&disk.path, disk.size) == (&found.path, found.size) => {
                let digest = copy(tar, &mut Nowhere, self.hash.clone())?;
                if digest.is_some() && digest == disk.digest {
                    self.choice.is_same(layer);
                }
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }
}

/// Why a layer is not read on.
enum Stop {
    /// Whatever the rest of the layer holds.
    Here(ExtractError),
    /// It is no tar, and may be damaged.
    Archive(TarReadError),
}

impl From<TarReadError> for Stop {
    fn from(error: TarReadError) -> Self {
        Self::Archive(error)
    }
}

impl From<ExtractError> for Stop {
    fn from(error: ExtractError) -> Self {
        Self::Here(error)
    }
}

/// Copies the content of the member that came last, and returns its digest, if it is asked for.
fn copy(
    tar: &mut TarReader<impl Read>,
    output: &mut dyn DiskOutput,
    mut hash: Option<Sha256>,
) -> Result<Option<Digest>, Stop> {
    let mut space = vec![0; STEP];
    loop {
        let count = tar.read_content(&mut space)?;
        let bytes = space.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(hash.map(Digest::of));
        }
        if let Some(hash) = &mut hash {
            hash.update(bytes);
        }
        write(bytes, output).map_err(ExtractError::Output)?;
    }
}

/// Writes bytes, and tells zeros from others.
fn write(bytes: &[u8], output: &mut dyn DiskOutput) -> io::Result<()> {
    let is_zero = |block: &&[u8]| ZEROS.starts_with(block);
    let mut rest = bytes;
    while !rest.is_empty() {
        let blocks = || rest.chunks(BLOCK);
        let zeros = blocks().take_while(is_zero).map(<[u8]>::len).sum::<usize>();
        if zeros > 0 {
            output.zeros(zeros as u64)?;
            rest = rest.get(zeros..).unwrap_or_default();
            continue;
        }
        let data = blocks().take_while(|block| !is_zero(block)).map(<[u8]>::len).sum::<usize>();
        output.data(rest.get(..data).unwrap_or_default())?;
        rest = rest.get(data..).unwrap_or_default();
    }
    Ok(())
}

static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// What is only compared goes here.
struct Nowhere;

impl DiskOutput for Nowhere {
    fn begin(&mut self, _path: &str, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn data(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn zeros(&mut self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for ExtractContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}
