//! The *seed* is a disk that cloud-init takes its configuration from, by the name of its file system
//! (`NoCloud`): without one, it waits for a cloud that is not there.

use std::io::{Cursor, Write as _};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

/// In bytes.
const LEN: usize = 1 << 20;

const META_DATA: &str = "instance-id: diskette-boot\nlocal-hostname: diskette\n";

const USER_DATA: &str = "\
#cloud-config
hostname: diskette
bootcmd:
  - [ sh, -c, \"echo 'diskette: cloud-init has begun' >/dev/console\" ]
final_message: \"diskette: cloud-init has ended\"
";

/// Returns the disk.
pub(super) fn image() -> Vec<u8> {
    let mut disk = vec![0; LEN];
    // Nothing can go wrong in memory; a machine without the seed boots too, only slower.
    if fill(&mut disk).is_err() {
        disk.fill(0);
    }
    disk
}

fn fill(disk: &mut [u8]) -> std::io::Result<()> {
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
        let disk = image();
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
        assert_eq!(image(), image());
    }
}
