//! A *glance* at an image's disk: the first bytes of its file, without the rest of the layer. What is
//! seen is not checked against a digest, since that would need every byte.

use std::io::{self, Read};

use thiserror::Error;

use crate::archive::{self, Kind, Limits, Members};
use crate::contract::disk::DIRECTORY;
use crate::disk::{Info, START_LEN, Start, examine};
use crate::images::Images;
use crate::sink::SinkError;
use crate::survey::Blob;

/// How far into a layer a disk is looked for, in bytes of its tar: directories and the files of a
/// kernel may stand in front of it.
const DEPTH_MAX: u64 = 256 << 20;

/// Why a disk is not seen.
#[derive(Debug, Error)]
pub enum GlanceError {
    /// A layer cannot be had.
    #[error("{}", .0.whole())]
    Images(#[from] SinkError),
    /// The disk cannot be read.
    #[error("cannot read the image's disk: {0}")]
    Read(#[from] io::Error),
    /// No layer begins with anything like a disk.
    #[error("no disk is seen in the first {} MiB of any layer", DEPTH_MAX >> 20)]
    Nothing,
}

/// Looks at the disk in an image's layers, lowest first: the first file in `/disk` of the lowest layer
/// that has one, as CDI takes it (`pkg/importer/transport.go`).
pub fn glance(images: &dyn Images, layers: &[Blob]) -> Result<Info, GlanceError> {
    for layer in layers {
        if let Some(info) = look_into(images, layer)? {
            return Ok(info);
        }
    }
    Err(GlanceError::Nothing)
}

fn look_into(images: &dyn Images, layer: &Blob) -> Result<Option<Info>, GlanceError> {
    let blob = images.blob(layer.digest, layer.size, 0)?;
    let Ok((packing, tar)) = archive::unpack(blob) else { return Ok(None) };
    let mut members = Members::new(tar.take(DEPTH_MAX), packing, Limits::default());
    // A layer that ends early here, or is damaged, has no disk that anybody would find.
    let found = members.by_ref().map_while(Result::ok).find(|found| {
        let name = found.path.strip_prefix(DIRECTORY).and_then(|path| path.strip_prefix('/'));
        found.kind == Kind::File && name.is_some()
    });
    let Some(found) = found else { return Ok(None) };
    let mut bytes = Vec::new();
    let mut content = members.into_inner().into_inner().take(found.size.min(START_LEN as u64));
    content.read_to_end(&mut bytes)?;
    Ok(Some(examine(&Start { bytes: &bytes, len: found.size })?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::archive::testing::{RawHeader, Tar};
    use crate::images::testing::Memory;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_lowest_disk_is_seen() {
        let check = |layers: &[Vec<u8>], expected: Result<u64, &str>| {
            let mut memory = Memory::default();
            let layers: Vec<Blob> = layers
                .iter()
                .map(|bytes| Blob {
                    media_type: String::new(),
                    digest: memory.put(bytes.clone()),
                    size: bytes.len() as u64,
                })
                .collect();
            let found = glance(&&memory, &layers).map(|info| info.virtual_size);
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        };
        let nothing = Err("no disk is seen in the first 256 MiB of any layer");
        let disk = |len: usize| Tar::new().dir("disk").file("disk/a.raw", &"x".repeat(len)).end();
        check(&[], nothing);
        check(&[disk(512)], Ok(512));
        check(&[gzip(&disk(512)), disk(1024)], Ok(512));
        check(&[Tar::new().file("boot/vmlinuz", "kernel").end(), gzip(&disk(1024))], Ok(1024));
        check(&[Tar::new().file("disk.raw", "x").dir("disk").file("disks/a", "x").end()], nothing);
        check(&[Tar::new().symlink("disk/a", "/dev/zero").end()], nothing);
        check(&[b"no tar".to_vec(), Vec::new(), disk(512)], Ok(512));
        check(&[gzip(&disk(512))[..20].to_vec()], nothing);

        // The start of a disk is enough, whatever else its layer should have.
        let start = vec![b'x'; START_LEN];
        let header = RawHeader::new(b"disk/a.raw", b'0', 0o77_777_777_000);
        check(&[Tar::new().member(header, &start).0], Ok(0o77_777_777_000));
    }
}
