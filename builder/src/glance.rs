//! A *glance* at an image's disk: the first bytes of its file, without the rest of the layer. What is
//! seen is not checked against a digest, since that would need every byte.

use std::io::{self, Read};

use thiserror::Error;

use crate::archive::{self, Kind, Limits, Members};
use crate::contract::disk::DIRECTORY;
use crate::disk::{Info, START_LEN, Start, examine};
use crate::images::Images;
use crate::sink::SinkError;
use crate::survey::{Blob, Image};

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

/// Looks at the disk of one platform's image: the file in `/disk` of the lowest layer that has one, as
/// CDI takes it (`pkg/importer/transport.go`).
pub fn glance(images: &dyn Images, image: &Image) -> Result<Info, GlanceError> {
    for layer in &image.layers {
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
