//! An **upstream** is a directory of disks with their checksums, as distributions publish them: the
//! same every time, made once and kept.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crate::random::Random;

/// Random bytes are written in pieces of this length.
const PIECE: usize = 1 << 16;

/// Makes the directory if it does not exist, with `disks` qcow2 disks of `bytes` random bytes each, which
/// do not compress, like the disks of distributions. An incomplete one is made again.
pub(crate) fn make(path: &Path, disks: u32, bytes: u64) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let mut random = Random::default();
    let mut sums = String::new();
    for number in 1..=disks {
        let name = format!("disk-{number}-20260101.qcow2");
        let raw = unfinished.join("raw");
        write(&raw, bytes, &mut random)?;
        convert(&raw, &unfinished.join(&name))?;
        fs::remove_file(&raw)?;
        sums += &sum(&unfinished, &name)?;
    }
    fs::write(unfinished.join("SHA256SUMS"), sums)?;
    fs::rename(unfinished, path)
}

fn write(path: &Path, bytes: u64, random: &mut Random) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(PIECE, File::create(path)?);
    for _ in 0..bytes / 8 {
        file.write_all(&random.next().to_le_bytes())?;
    }
    file.flush()
}

fn convert(raw: &Path, disk: &Path) -> io::Result<()> {
    let mut command = Command::new("qemu-img");
    command.args(["convert", "-f", "raw", "-O", "qcow2"]).arg(raw).arg(disk);
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("qemu-img convert failed")) }
}

/// Returns the line of a list of checksums for a file.
fn sum(directory: &Path, name: &str) -> io::Result<String> {
    let output = Command::new("sha256sum").arg(name).current_dir(directory).output()?;
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_list_their_disks_and_are_made_once() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("upstream");
        fs::create_dir(scratch.path().join("upstream.unfinished")).unwrap();
        make(&path, 2, 1 << 20).unwrap();
        let sums = fs::read_to_string(path.join("SHA256SUMS")).unwrap();
        let names: Vec<_> = sums.lines().map(|line| &line[66..]).collect();
        assert_eq!(names, ["disk-1-20260101.qcow2", "disk-2-20260101.qcow2"]);
        assert_ne!(sums[..64], sums.lines().nth(1).unwrap()[..64]);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 3);
        fs::remove_file(path.join("SHA256SUMS")).unwrap();
        make(&path, 2, 1 << 20).unwrap();
        assert!(!path.join("SHA256SUMS").exists());
    }
}
