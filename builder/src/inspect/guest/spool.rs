//! *Spooled* disks: what can be read only from front to back is written to a file without a name.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::{DiskContext, OpenedDisk, Traffic};
use crate::compression::detect_and_decompress_members;
use crate::disk::{ReadAt, is_zero};
use crate::inspect::extract::{DiskOutput, ExtractContext, ExtractError, extract_disk};
use crate::oci::image_documents::PlatformImage;

/// How many bytes of a stream are written at a time.
const STEP: usize = 1 << 20;

/// A disk in a file.
struct SpooledDisk {
    file: File,
    len: u64,
}

/// Writes the disk of an image to a file.
pub(super) fn spool_disk<'a>(
    image: &PlatformImage,
    context: &DiskContext<'a>,
    make_file: &dyn Fn() -> io::Result<File>,
) -> Result<OpenedDisk<'a>, ExtractError> {
    let DiskContext { images, disk, limits, progress, .. } = *context;
    let file = make_file().map_err(ExtractError::Output)?;
    let mut output = SpoolOutput { disk: SpooledDisk { file, len: 0 } };
    let context = ExtractContext { images, limits, disk, seeds: &[], progress };
    let extracted = extract_disk(image, &mut output, &context)?;
    let total = image.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    let traffic = Traffic::new(total);
    traffic.count(total);
    Ok(OpenedDisk { file: Arc::new(output.disk), path: extracted.path, traffic })
}

/// Writes a stream to a file, decompressed if it is compressed.
pub fn spool_stream(stream: impl Read + Send, file: File) -> io::Result<Arc<dyn ReadAt + 'static>> {
    let (_, mut content) = detect_and_decompress_members(stream)?;
    let mut output = SpoolOutput { disk: SpooledDisk { file, len: 0 } };
    let mut space = vec![0; STEP];
    loop {
        match content.read(&mut space)? {
            0 => break,
            count if is_zero(&space[..count]) => output.write_zeros(count as u64)?,
            count => output.write_data(&space[..count])?,
        }
    }
    output.finish()?;
    Ok(Arc::new(output.disk))
}

struct SpoolOutput {
    disk: SpooledDisk,
}

impl DiskOutput for SpoolOutput {
    fn begin(&mut self, _path: &str, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.file.write_all_at(bytes, self.disk.len)?;
        self.disk.len += bytes.len() as u64;
        Ok(())
    }

    fn write_zeros(&mut self, len: u64) -> io::Result<()> {
        self.disk.len += len;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.disk.file.set_len(self.disk.len)
    }
}

impl ReadAt for SpooledDisk {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(space, at)
    }
}
