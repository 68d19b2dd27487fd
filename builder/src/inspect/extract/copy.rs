//! Copies the content of a disk to an output, and reports blocks of zeros as such.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::{DiskOutput, ExtractError};
use crate::oci::image::digest::Digest;
use crate::oci::tar::{TarReadError, TarReader};

/// How much of a disk is copied at a time, in bytes.
pub(super) const STEP: usize = 256 * 1024;

/// Length in bytes of a block that is skipped if it is all zeros: the block size of most file
/// systems.
const BLOCK: usize = 4096;

/// Copies the content of the member that was read last, and returns its digest if `hash` is given.
pub(super) fn copy_disk(
    tar: &mut TarReader<impl Read>,
    output: &mut dyn DiskOutput,
    mut hash: Option<Sha256>,
) -> Result<Option<Digest>, ScanError> {
    let mut space = vec![0; STEP];
    loop {
        let count = tar.read_content(&mut space)?;
        let bytes = space.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(hash.map(Digest::from_hasher));
        }
        if let Some(hash) = &mut hash {
            hash.update(bytes);
        }
        write_sparse(bytes, output).map_err(ScanError::Write)?;
    }
}

/// Writes bytes, blocks of zeros separately.
pub(super) fn write_sparse(bytes: &[u8], output: &mut dyn DiskOutput) -> io::Result<()> {
    let is_zero = |block: &&[u8]| ZEROS.starts_with(block);
    let mut rest = bytes;
    while !rest.is_empty() {
        let blocks = || rest.chunks(BLOCK);
        let zeros = blocks().take_while(is_zero).map(<[u8]>::len).sum::<usize>();
        if zeros > 0 {
            output.write_zeros(zeros as u64)?;
            rest = rest.get(zeros..).unwrap_or_default();
            continue;
        }
        let data = blocks().take_while(|block| !is_zero(block)).map(<[u8]>::len).sum::<usize>();
        output.write_data(rest.get(..data).unwrap_or_default())?;
        rest = rest.get(data..).unwrap_or_default();
    }
    Ok(())
}

static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// An output that discards a disk which is only compared.
pub(super) struct NullOutput;

impl DiskOutput for NullOutput {
    fn begin(&mut self, _path: &str, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_data(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn write_zeros(&mut self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why the rest of a layer is not scanned.
pub(super) enum ScanError {
    /// The extraction fails, whatever the rest of the layer is.
    Extract(ExtractError),
    /// The disk cannot be written.
    Write(io::Error),
    /// The layer is not a tar, and may be damaged.
    Tar(TarReadError),
}

impl From<TarReadError> for ScanError {
    fn from(error: TarReadError) -> Self {
        Self::Tar(error)
    }
}

impl From<ExtractError> for ScanError {
    fn from(error: ExtractError) -> Self {
        Self::Extract(error)
    }
}
