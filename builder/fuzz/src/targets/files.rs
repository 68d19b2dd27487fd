//! A file system is read, or refused, whatever is in it. What is read are the packages of its system.
//!
//! An input has the sectors of a disk that are not zero: the number of all sectors, then runs of sectors, each with
//! the number of the first one (32 bits), how many follow it (8 bits), and their bytes. `make-seed.py` makes one
//! of a disk.

use std::io;

use diskette_builder::disk::ReadAt;
use diskette_builder::sbom::document::{DocumentFormat, DocumentSubject, write_document};
use diskette_builder::sbom::guest::read_inventory;

use super::guest::Sparse;

const SECTOR: usize = 512;

/// A disk of which few sectors are not zero.
pub(crate) struct SectorDisk<'a> {
    len: u64,
    /// Runs of sectors: the offset of the first one in bytes, and their bytes.
    runs: Vec<(u64, &'a [u8])>,
}

impl<'a> SectorDisk<'a> {
    /// Reads the runs of an input; those behind the end, and what is left over, are left out.
    pub(crate) fn parse(input: &'a [u8]) -> Option<Self> {
        let (sectors, mut rest) = input.split_first_chunk::<4>()?;
        let len = u64::from(u32::from_le_bytes(*sectors)) * SECTOR as u64;
        let mut runs = Vec::new();
        while let [a, b, c, d, more, bytes @ ..] = rest {
            let run_len = (usize::from(*more) + 1) * SECTOR;
            let (run, others) = bytes.split_at(run_len.min(bytes.len()));
            let at = u64::from(u32::from_le_bytes([*a, *b, *c, *d])) * SECTOR as u64;
            runs.push((at, run));
            rest = others;
        }
        Some(Self { len, runs })
    }

    /// Returns a disk with the same bytes that owns them.
    pub(super) fn to_owned_disk(&self) -> Sparse {
        let pieces = self.runs.iter().map(|(at, run)| (*at, run.to_vec()));
        Sparse { pieces: pieces.collect(), len: self.len }
    }
}

impl ReadAt for SectorDisk<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64).filter(|end| *end <= self.len);
        let end = end.expect("nothing is read outside of the disk");
        space.fill(0);
        for (start, run) in &self.runs {
            let run_end = start + ReadAt::len(*run);
            let (from, to) = (at.max(*start), end.min(run_end));
            if from < to {
                let index = |offset: u64| usize::try_from(offset).expect("it is short");
                let part = &run[index(from - start)..index(to - start)];
                space[index(from - at)..index(to - at)].copy_from_slice(part);
            }
        }
        Ok(())
    }
}

/// Runs the target.
pub fn run(input: &[u8]) {
    let Some(disk) = SectorDisk::parse(input) else { return };
    let Ok(inventory) = read_inventory(&disk) else { return };
    let subject = DocumentSubject { name: "disk", disk: None, version: None, created: None };
    for format in [DocumentFormat::Spdx, DocumentFormat::CycloneDx] {
        let document = write_document(&inventory, format, &subject).expect("it is JSON");
        let parsed: serde_json::Value = serde_json::from_slice(&document).expect("it is JSON");
        assert!(parsed.is_object());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Changes bytes of the seeds that are not zero, and cuts the disks off everywhere.
    #[test]
    fn changed_file_systems_are_read_or_refused() {
        for name in ["files_btrfs", "files_ext", "files_xfs"] {
            let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
            for seed in std::fs::read_dir(seeds).unwrap() {
                let seed = std::fs::read(seed.unwrap().path()).unwrap();
                let sound = read_inventory(&SectorDisk::parse(&seed).unwrap()).unwrap();
                assert_eq!(sound.packages.len(), 2, "{name}: {:?}", sound.packages);
                change_bytes(seed.clone());
                cut_off(seed);
            }
        }
    }

    fn change_bytes(mut seed: Vec<u8>) {
        // Not all of them, which would take minutes; fuzzing tries the others.
        for at in (4..seed.len()).step_by(67) {
            let byte = seed[at];
            // Others are free space, and bitmaps.
            let values: &[u8] = if matches!(byte, 0 | 0xff) { &[] } else { &[0xff, byte + 1] };
            for value in values {
                seed[at] = *value;
                run(&seed);
            }
            seed[at] = byte;
        }
    }

    fn cut_off(mut seed: Vec<u8>) {
        let sectors = u32::from_le_bytes(*seed.first_chunk().unwrap());
        for sectors in (0..sectors).step_by(7.max(sectors as usize / 500)) {
            seed[..4].copy_from_slice(&sectors.to_le_bytes());
            run(&seed);
        }
    }
}
