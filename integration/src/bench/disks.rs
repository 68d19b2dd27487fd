//! A **disk** is one of the files that the benchmark runs on, made by `make disks`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::{context, upstream};

/// qcow2 of an installed system in uncompressed clusters.
pub(crate) const PLAIN: &str = "debian-plain.qcow2";
/// qcow2 with compressed clusters, as distributions publish them.
pub(crate) const COMPRESSED: &str = "debian-compressed.qcow2";
/// The raw disk of [`PLAIN`], two thirds of it holes.
pub(crate) const RAW_3G: &str = "debian-3g.raw";
/// A raw disk with the same content that is nearly all holes.
pub(crate) const RAW_10G: &str = "debian-10g.raw";
/// The system of [`PLAIN`] with three more packages, in a file system of its own: a later build of the disk.
pub(crate) const SECOND: &str = "second-plain.qcow2";
/// The directory of the sources that has the disks and the spec of `make demo`; the benchmark runs in their root.
pub(crate) const SPEC_FILES: &str = "spec-files";
/// One hole, made in the scratch directory on request, and not by `make disks`.
pub(crate) const SOAK: &str = "soak-100g.raw";
const SOAK_BYTES: u64 = 100 << 30;

/// Directories with this many small files, made in the scratch directory and kept.
const CONTEXTS: [(&str, u32); 4] =
    [(CONTEXT_5K, 5_000), (CONTEXT_10K, 10_000), (CONTEXT_20K, 20_000), (CONTEXT_DISK, 20_000)];
pub(crate) const CONTEXT_5K: &str = "context-5000";
pub(crate) const CONTEXT_10K: &str = "context-10000";
pub(crate) const CONTEXT_20K: &str = "context-20000";
/// The same with [`COMPRESSED`] beside the files.
pub(crate) const CONTEXT_DISK: &str = "context-20000-disk";

/// Directories with this many disks of this many bytes and a list of their checksums, also made in the
/// scratch directory.
const UPSTREAMS: [(&str, u32, u64); 3] =
    [(UPSTREAM, 4, 900_000_000), (UPSTREAM_SMALL, 20, 1 << 20), (UPSTREAM_MANY, 1000, 1 << 16)];
pub(crate) const UPSTREAM: &str = "upstream-4";
pub(crate) const UPSTREAM_SMALL: &str = "upstream-20-small";
pub(crate) const UPSTREAM_MANY: &str = "upstream-1000-small";

/// Length of a read in bytes; small enough not to add to the peak memory of the processes started here.
const READ_BYTES: usize = 1 << 20;

/// One disk file, or a directory that is a build context.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

impl Disk {
    /// Returns the disk of that name in `directory`; the error says how to make it.
    pub(crate) fn find(directory: &Path, name: &'static str) -> io::Result<Self> {
        let path = directory.join(name);
        let explain = |error| {
            let hint = "make it with `make disks`, or leave it out with --only";
            io::Error::other(format!("no disk {}: {error}; {hint}", path.display()))
        };
        let path = path.canonicalize().map_err(explain)?;
        let bytes = path.metadata().map_err(explain)?.len();
        Ok(Self { name, path, bytes })
    }

    /// Returns the disk of that name, from `disks` or made in `scratch`.
    pub(crate) fn get(disks: &Path, scratch: &Path, name: &'static str) -> io::Result<Self> {
        if name == SOAK {
            return Self::soak(scratch);
        }
        if name == SPEC_FILES {
            return Self::directory(Path::new(name), name);
        }
        if let Some((_, count, bytes)) = UPSTREAMS.iter().find(|(upstream, ..)| *upstream == name) {
            let path = scratch.join(name);
            upstream::make(&path, *count, *bytes)?;
            return Self::directory(&path, name);
        }
        let Some((_, files)) = CONTEXTS.iter().find(|(context, _)| *context == name) else {
            return Self::find(disks, name);
        };
        let beside = (name == CONTEXT_DISK).then(|| Self::find(disks, COMPRESSED)).transpose()?;
        let path = scratch.join(name);
        context::make(&path, *files, beside.as_ref().map(|disk| disk.path.as_path()))?;
        Self::directory(&path, name)
    }

    fn directory(path: &Path, name: &'static str) -> io::Result<Self> {
        let sizes = files_in(path).map(|file| Ok(file?.metadata()?.len()));
        let bytes = sizes.sum::<io::Result<u64>>()?;
        Ok(Self { name, path: path.canonicalize()?, bytes })
    }

    /// Makes the disk of a 100 GiB hole in `directory`.
    pub(crate) fn soak(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        File::create(directory.join(SOAK))?.set_len(SOAK_BYTES)?;
        Self::find(directory, SOAK)
    }

    /// Removes the disk if it was made here.
    pub(crate) fn discard(self) -> io::Result<()> {
        if self.name == SOAK { std::fs::remove_file(self.path) } else { Ok(()) }
    }

    /// Reads the disk once, so that every run after this finds it in the page cache. A hole of 100
    /// GiB would only push everything else out.
    pub(crate) fn warm(&self) -> io::Result<()> {
        if self.name == SOAK {
            return Ok(());
        }
        let mut buffer = vec![0; READ_BYTES];
        for file in files_in(&self.path) {
            let mut file = File::open(file?.path())?;
            while file.read(&mut buffer)? > 0 {}
        }
        Ok(())
    }
}

/// Returns the file itself, or all files in a directory.
fn files_in(path: &Path) -> impl Iterator<Item = io::Result<DirEntry>> {
    let is_file = |entry: &DirEntry| entry.file_type().is_file();
    let all = WalkDir::new(path).into_iter().map(|entry| entry.map_err(io::Error::from));
    all.filter(move |entry| entry.as_ref().map_or(true, is_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_not_there_says_how_to_make_it() {
        let directory = tempfile::tempdir().unwrap();
        let error = Disk::find(directory.path(), PLAIN).unwrap_err().to_string();
        assert!(error.contains("debian-plain.qcow2") && error.contains("make disks"), "{error}");
    }

    #[test]
    fn a_found_disk_has_its_size_and_an_absolute_path() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(PLAIN), b"disk").unwrap();
        let disk = Disk::find(directory.path(), PLAIN).unwrap();
        assert_eq!(disk.bytes, 4);
        assert!(disk.path.is_absolute());
        disk.warm().unwrap();
        disk.discard().unwrap();
        assert!(directory.path().join(PLAIN).exists());
    }

    #[test]
    fn a_context_is_all_its_files() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join(CONTEXT_5K).join("d")).unwrap();
        for name in ["d/a", "b"] {
            std::fs::write(directory.path().join(CONTEXT_5K).join(name), b"four").unwrap();
        }
        let context = Disk::get(directory.path(), directory.path(), CONTEXT_5K).unwrap();
        assert_eq!(context.bytes, 8);
        context.warm().unwrap();
        context.discard().unwrap();
        assert!(directory.path().join(CONTEXT_5K).exists(), "it is kept");
        let error = Disk::get(directory.path(), directory.path(), CONTEXT_DISK).unwrap_err();
        assert!(error.to_string().contains(COMPRESSED), "{error}");
    }

    #[test]
    fn the_soak_disk_is_one_hole_and_goes_away() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::soak(directory.path()).unwrap();
        assert_eq!(disk.bytes, 100 << 30);
        disk.discard().unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
