//! Where a bundle is written to.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cap_std::fs::MetadataExt as _;
use diskette_builder::oci::image::location::{LocalImage, StoreKind};
use diskette_builder::oci::store::bundle::bundle_file_names;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::image_name::parse_local;
use crate::error::CommandError;
use crate::files::output::{FileOutput, Output};
use crate::images::bundle::bundle_files;

/// Ends of the names of files that other tools take for compressed.
const COMPRESSED: [&str; 9] =
    [".gz", ".tgz", ".zst", ".tzst", ".xz", ".txz", ".bz2", ".tbz2", ".lz4"];

/// Parses where a bundle is written to: a name without a scheme is a file.
pub(super) fn parse_bundle(text: &str) -> Result<LocalImage, String> {
    let mut local = parse_local(text)?;
    let is_named = local.name.is_some();
    if !text.starts_with("oci:") && local.store == StoreKind::Layout && !Path::new(text).is_dir() {
        local = parse_local(&format!("oci-archive:{text}"))?;
    }
    if is_named || local.name.is_some() {
        return Err("a bundle has images with names of their own: write `FILE` or `oci:DIR`".into());
    }
    if local.store == StoreKind::DockerArchive {
        return Err("a bundle is an OCI archive: write `FILE` or `oci:DIR`".into());
    }
    let path = local.path.to_string_lossy();
    if local.store == StoreKind::OciArchive
        && let Some(end) = COMPRESSED.iter().find(|end| path.to_ascii_lowercase().ends_with(**end))
    {
        return Err(format!("a bundle is not compressed: write a name without `{end}`"));
    }
    Ok(local)
}

/// Returns the file of a bundle.
pub(super) fn find_file(path: &Path) -> Result<FileOutput, CommandError> {
    match Output::find(path)? {
        Output::File(file) => Ok(file),
        Output::Through(_) => {
            Err(Diagnostic::new(format!("`{}` is no file", path.display())).into())
        }
    }
}

/// Fails if a bundle would replace a file of the one that it is made since, under whatever name.
pub(super) fn check_base(base: &Path, path: &Path) -> Result<(), CommandError> {
    let files = bundle_files(base).into_iter().filter_map(|file| file.metadata().ok());
    let files: BTreeSet<(u64, u64)> = files.map(|file| (file.dev(), file.ino())).collect();
    let output = find_file(path)?;
    let mut replaced =
        bundle_file_names(&output.name).filter_map(|name| output.dir.metadata(name).ok());
    if !replaced.any(|file| files.contains(&(file.dev(), file.ino()))) {
        return Ok(());
    }
    let (path, base) = (path.display(), base.display());
    let message = format!("`{path}` would replace `{base}`, which has the blobs that it lacks");
    Err(CommandError::Usage(Diagnostic::new(message).help("write it to another file with `-o`")))
}
