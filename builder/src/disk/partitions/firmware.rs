//! The *firmware* that a disk needs: a disk with an EFI system partition and no code for a BIOS boots
//! by UEFI alone.

use std::io;
use std::sync::Arc;

use super::pe::EfiLoader;
use super::{PartitionTable, Purpose, cd, fat, find_table, mbr};
use crate::disk::{DiskFormat, Fault, ReadAt, guest};

/// GOARCH name of the machines whose firmware is a choice: others have UEFI, or neither.
const PC: &str = "amd64";

/// A disk that boots by UEFI alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UefiBoot {
    /// Whether the loaders have signatures, as secure boot requires. `None` if no loader can be read.
    pub(crate) is_signed: Option<bool>,
}

/// Returns how a disk boots if it boots by UEFI alone, as far as the available bytes show it.
/// Fails if more of it is needed.
pub(crate) fn find_uefi_boot(
    bytes: &dyn ReadAt,
    format: DiskFormat,
) -> io::Result<Option<UefiBoot>> {
    let guest = guest::open(Arc::new(bytes), format).map_err(io::Error::other)?;
    let loaders = if format == DiskFormat::Iso {
        let catalogue = cd::read_catalogue(&*guest)?;
        if catalogue.has_bios || catalogue.efi.is_empty() {
            return Ok(None);
        }
        find_loaders(&*guest, &catalogue.efi)
    } else {
        let table = match find_table(&*guest) {
            Ok(Some(table)) => table,
            Ok(None) | Err(Fault::Flaw(_)) => return Ok(None),
            Err(Fault::Io(error)) => return Err(error),
        };
        if boots_through_bios(&*guest, &table)? {
            return Ok(None);
        }
        let efi = table.partitions.iter().filter(|partition| partition.purpose == Purpose::Efi);
        let starts: Vec<u64> = efi.map(|partition| partition.start).collect();
        if starts.is_empty() {
            return Ok(None);
        }
        find_loaders(&*guest, &starts)
    };
    let is_pc = |loader: &&EfiLoader| loader.machine == PC;
    let mut relevant = loaders.iter().filter(is_pc).peekable();
    let is_signed = relevant.peek().is_some().then(|| relevant.all(|loader| loader.is_signed));
    Ok(Some(UefiBoot { is_signed }))
}

/// Returns the loaders in the FAT file systems at some offsets in bytes.
fn find_loaders(disk: &dyn ReadAt, starts: &[u64]) -> Vec<EfiLoader> {
    let starts = starts.iter().take(super::LOADERS_MAX);
    starts.flat_map(|start| fat::find_loaders(disk, *start).unwrap_or_default()).collect()
}

/// Returns whether the first sector has code that finds a next stage: GRUB knows its own, other code
/// looks for a partition that the table marks for it. Windows writes such code on disks that boot by
/// UEFI, too.
fn boots_through_bios(disk: &dyn ReadAt, table: &PartitionTable) -> io::Result<bool> {
    let is_marked = table.has_bios_partition && mbr::has_code(disk)?;
    Ok(is_marked || mbr::has_bios_loader(disk)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESP: [u8; 16] = [
        0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9,
        0x3b,
    ];
    const LINUX: [u8; 16] = *b"some other type.";

    fn put(disk: &mut [u8], at: usize, bytes: &[u8]) {
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn crc(bytes: &[u8]) -> [u8; 4] {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    }

    /// Returns a disk with a GPT of partitions with these types and attributes, and code in the first
    /// sector.
    fn gpt_disk(partitions: &[([u8; 16], u64)], code: &[u8]) -> Vec<u8> {
        let mut disk = vec![0; 1 << 20];
        put(&mut disk, 0, code);
        put(&mut disk, 446, &[0, 0, 0, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        put(&mut disk, 510, &[0x55, 0xaa]);
        let mut entries = vec![0; 16 * 128];
        for ((kind, attributes), entry) in partitions.iter().zip(entries.chunks_mut(128)) {
            put(entry, 0, kind);
            put(entry, 32, &100_u64.to_le_bytes());
            put(entry, 40, &200_u64.to_le_bytes());
            put(entry, 48, &attributes.to_le_bytes());
        }
        let mut header = vec![0; 92];
        put(&mut header, 0, b"EFI PART\0\0\x01\0\x5c\0\0\0");
        for (at, number) in [(24, 1_u64), (32, 2047), (72, 2)] {
            put(&mut header, at, &number.to_le_bytes());
        }
        put(&mut header, 80, &16_u32.to_le_bytes());
        put(&mut header, 84, &128_u32.to_le_bytes());
        put(&mut header, 88, &crc(&entries));
        let sum = crc(&header);
        put(&mut header, 16, &sum);
        put(&mut disk, 512, &header);
        put(&mut disk, 1024, &entries);
        disk
    }

    #[test]
    fn uefi_alone_is_an_efi_partition_without_code_for_a_bios() {
        const BIOS_BOOT: [u8; 16] = *b"Hah!IdontNeedEFI";
        let check = |partitions: &[([u8; 16], u64)], code: &[u8], expected: bool| {
            let disk = gpt_disk(partitions, code);
            let found = find_uefi_boot(&&disk[..], DiskFormat::Raw).unwrap();
            let uefi = expected.then_some(UefiBoot { is_signed: None });
            assert_eq!(found, uefi, "{partitions:?} {code:?}");
        };
        let code = b"\x33\xc0code of a tool";
        let grub = b"\xeb\x63GRUB ";
        check(&[(LINUX, 0)], b"", false);
        check(&[(ESP, 0), (LINUX, 0)], b"", true);
        // As Windows installs itself.
        check(&[(ESP, 0), (LINUX, 0)], code, true);
        check(&[(ESP, 0), (LINUX, 4)], code, false);
        check(&[(ESP, 0), (LINUX, 4)], b"", true);
        check(&[(BIOS_BOOT, 0), (ESP, 0)], code, false);
        check(&[(BIOS_BOOT, 0), (ESP, 0)], grub, false);
        check(&[(BIOS_BOOT, 0), (ESP, 0)], b"", true);
        check(&[(ESP, 0), (LINUX, 0)], grub, false);
    }

    #[test]
    fn more_of_the_disk_is_asked_for() {
        let disk = gpt_disk(&[(ESP, 0)], b"");
        let start = crate::disk::DiskStart { bytes: &disk[..600], len: disk.len() as u64 };
        assert!(find_uefi_boot(&start, DiskFormat::Raw).is_err());
        let start = crate::disk::DiskStart { bytes: &disk[..4096], len: disk.len() as u64 };
        let found = find_uefi_boot(&start, DiskFormat::Raw).unwrap();
        assert_eq!(found, Some(UefiBoot { is_signed: None }));
    }
}
