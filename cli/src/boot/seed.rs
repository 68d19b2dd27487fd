//! The *seed* is a disk with cloud-init's configuration, found by the label of its file system
//! (`NoCloud`). Without it cloud-init waits for a metadata service.

use std::io::{Cursor, Write as _};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

/// Length of the disk in bytes.
const LEN: usize = 1 << 20;

const META_DATA: &str = "instance-id: diskette-boot\nlocal-hostname: diskette\n";

const USER_DATA: &str = "\
#cloud-config
hostname: diskette
bootcmd:
  - [ sh, -c, \"echo 'diskette: cloud-init has begun' >/dev/console\" ]
final_message: \"diskette: cloud-init has ended\"
";

/// Returns the content of the disk.
pub(super) fn seed_disk() -> Vec<u8> {
    let mut disk = vec![0; LEN];
    // Writing to memory does not fail; a machine without the seed boots too, only slower.
    if write_seed(&mut disk).is_err() {
        disk.fill(0);
    }
    disk
}

fn write_seed(disk: &mut [u8]) -> std::io::Result<()> {
    let options = FormatVolumeOptions::new().volume_label(*b"CIDATA     ").volume_id(0xd15c_e77e);
    format_volume(Cursor::new(&mut *disk), options)?;
    let volume = FileSystem::new(Cursor::new(disk), FsOptions::new())?;
    for (name, content) in [("meta-data", META_DATA), ("user-data", USER_DATA)] {
        volume.root_dir().create_file(name)?.write_all(content.as_bytes())?;
    }
    volume.unmount()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn cloud_init_finds_its_files() {
        let disk = seed_disk();
        let volume = FileSystem::new(Cursor::new(disk), FsOptions::new()).unwrap();
        assert_eq!(volume.volume_label(), "CIDATA");
        for (name, content) in [("meta-data", META_DATA), ("user-data", USER_DATA)] {
            let mut found = String::new();
            volume.root_dir().open_file(name).unwrap().read_to_string(&mut found).unwrap();
            assert_eq!(found, content);
        }
    }

    #[test]
    fn it_is_the_same_every_time() {
        assert_eq!(seed_disk(), seed_disk());
    }
}
