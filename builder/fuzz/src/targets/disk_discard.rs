//! A disk whose free space is read as zeros has the bytes of before everywhere else, or is refused. Inputs are those of
//! the targets `files_*`.

use std::sync::Arc;

use diskette_builder::disk::{ExtentKind, ReadAt};
use diskette_builder::fuzzing::discard_free_space;

use super::files::SectorDisk;

/// How many extents are looked at, from the first on.
const EXTENTS_MAX: usize = 2000;

/// Runs the target.
pub fn run(input: &[u8]) {
    let Some(disk) = SectorDisk::parse(input) else { return };
    let disk: Arc<dyn ReadAt> = Arc::new(disk.to_owned_disk());
    let Ok(discarded) = discard_free_space(&disk) else { return };
    assert_eq!(discarded.len(), disk.len());
    let mut at = 0;
    for _ in 0..EXTENTS_MAX {
        if at == disk.len() {
            break;
        }
        // Only the first maps are checked before.
        let Ok(extent) = discarded.extent(at) else { return };
        assert!(extent.len > 0 && extent.len <= disk.len() - at, "{extent:?} at {at}");
        let len = usize::try_from(extent.len.min(4096)).expect("it is short");
        let (mut before, mut after) = (vec![0; len], vec![0; len]);
        disk.read_exact_at(&mut before, at).expect("it is inside");
        discarded.read_exact_at(&mut after, at).expect("its maps have been read");
        let expected = match extent.kind {
            ExtentKind::Zero => vec![0; len],
            ExtentKind::Data => before,
        };
        assert!(after == expected, "other bytes at {at}");
        at += extent.len;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The seeds are discarded, and a byte of them that is another is found, or makes no difference.
    #[test]
    fn changed_file_systems_are_discarded_or_refused() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/disk_discard");
        for seed in std::fs::read_dir(seeds).unwrap() {
            let mut seed = std::fs::read(seed.unwrap().path()).unwrap();
            let disk = SectorDisk::parse(&seed).unwrap().to_owned_disk();
            let disk: Arc<dyn ReadAt> = Arc::new(disk);
            discard_free_space(&disk).unwrap();
            for at in (4..seed.len()).step_by(61) {
                let byte = seed[at];
                for value in [0, 0xff, byte.wrapping_add(1)] {
                    seed[at] = value;
                    run(&seed);
                }
                seed[at] = byte;
            }
        }
    }
}
