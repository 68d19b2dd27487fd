//! *Relocates* the partition table of a disk that gets larger: the copy of a GPT belongs at the end
//! of the disk (UEFI specification 2.10, section 5.3.2), and the first GPT and the protective MBR
//! have the disk's size.

use super::gpt::{self, SIGNATURE, field};
use super::mbr;
use crate::disk::bytes::{fill_part, le32, le64, read_array};
use crate::disk::patched::Patch;
use crate::disk::sector::{SECTOR, SECTOR_LENS};
use crate::disk::{Fault, Flaw, FlawKind, ReadAt};

/// What to do about a table that cannot be moved.
const REPAIR: &str =
    "repair it with `sgdisk -e DISK` on a copy of the disk as a raw file, and build from that";

/// A GPT with its list of partitions.
struct Gpt {
    /// Length of a sector in bytes.
    sector_len: u64,
    /// First sector of the header, in which the header has `len` bytes.
    header: [u8; SECTOR],
    len: usize,
    entries: Vec<u8>,
}

/// Returns the changes of a disk that gets `len` bytes: none if it has no GPT, or if the copy of the
/// GPT is at the end already. Fails if the GPT is damaged.
pub(in crate::disk) fn relocate_gpt(disk: &dyn ReadAt, len: u64) -> Result<Vec<Patch>, Fault> {
    let Some(mbr) = mbr::read_mbr(disk)?.filter(mbr::Mbr::is_protective) else {
        return Ok(Vec::new());
    };
    let gpt = Gpt::read(disk)?;
    let sectors = len / gpt.sector_len;
    if le64(&gpt.header, field::OTHER_AT) >= sectors.saturating_sub(1) {
        return Ok(Vec::new());
    }
    let mut patches = gpt.move_copy(sectors)?;
    if let Some(at) = mbr.sole_entry_at() {
        let sector: [u8; SECTOR] = read_array(disk, 0)?;
        patches.push(mbr::resize_protective(&sector, at, sectors));
    }
    Ok(patches)
}

impl Gpt {
    /// Reads the table at the beginning of the disk.
    fn read(disk: &dyn ReadAt) -> Result<Self, Fault> {
        for sector_len in SECTOR_LENS {
            let Some(known) = gpt::read_header(disk, sector_len, sector_len)? else { continue };
            let header: [u8; SECTOR] = read_array(disk, sector_len)?;
            let len = usize::try_from(le32(&header, field::LEN)).unwrap_or(SECTOR);
            let mut entries = vec![0; known.list_len()];
            let at = known.entries_at.saturating_mul(sector_len);
            fill_part(disk, &mut entries, at, "the list of partitions")?;
            if header.starts_with(SIGNATURE) && gpt::crc32(&entries) == known.entries_crc {
                return Ok(Self { sector_len, header, len, entries });
            }
        }
        let detail = "the first of its two partition tables (GPT) is damaged, so that the other cannot be \
             moved to the new end";
        Err(Flaw::new(FlawKind::Malformed, detail).with_remedy(REPAIR).into())
    }

    /// Returns the patches that put the copy at the end of a disk of this many sectors.
    fn move_copy(mut self, sectors: u64) -> Result<Vec<Patch>, Fault> {
        let list_sectors = (self.entries.len() as u64).div_ceil(self.sector_len);
        let other_at = sectors - 1;
        let list_at = other_at.saturating_sub(list_sectors);
        if list_at <= le64(&self.header, field::LAST_USABLE) {
            let detail = "the disk gets too little space for the other partition table (GPT)";
            return Err(Fault::malformed(detail));
        }
        self.put(field::OTHER_AT, other_at);
        self.put(field::LAST_USABLE, list_at - 1);
        let first = self.sealed_header();
        self.put(field::OTHER_AT, le64(&self.header, field::OWN_AT));
        self.put(field::OWN_AT, other_at);
        self.put(field::ENTRIES_AT, list_at);
        let copy = self.sealed_header();
        Ok(vec![
            Patch { at: self.sector_len, bytes: first },
            Patch { at: list_at * self.sector_len, bytes: self.entries },
            Patch { at: other_at * self.sector_len, bytes: copy },
        ])
    }

    fn put(&mut self, at: usize, number: u64) {
        self.header[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }

    /// Returns the header with its checksum.
    fn sealed_header(&self) -> Vec<u8> {
        let mut header = self.header[..self.len].to_vec();
        header[field::CRC..field::CRC + 4].fill(0);
        let crc = gpt::crc32(&header);
        header[field::CRC..field::CRC + 4].copy_from_slice(&crc.to_le_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::find_table;
    use super::*;
    use crate::disk::patched::Patched;

    const SECTORS: u64 = 40;

    /// Returns a disk of 40 sectors with a GPT of one partition at its beginning.
    fn gpt_disk(sector_len: u64) -> Vec<u8> {
        let sector = usize::try_from(sector_len).unwrap();
        let mut disk = vec![0; sector * usize::try_from(SECTORS).unwrap()];
        disk[446..462].copy_from_slice(&[0, 0, 2, 0, 0xee, 0, 0x28, 0, 1, 0, 0, 0, 39, 0, 0, 0]);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let list = 2 * sector..2 * sector + 4 * 128;
        disk[list.start..list.start + 16].fill(7);
        disk[list.start + 32] = 10;
        disk[list.start + 40] = 20;
        let crc = gpt::crc32(&disk[list]);
        let header = &mut disk[sector..sector + 92];
        header[..8].copy_from_slice(SIGNATURE);
        header[field::LEN] = 92;
        let numbers = [
            (field::OWN_AT, 1),
            (field::OTHER_AT, SECTORS - 1),
            (40, 6),
            (field::LAST_USABLE, SECTORS - 3),
            (field::ENTRIES_AT, 2),
        ];
        for (at, number) in numbers {
            header[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        (header[field::ENTRIES], header[field::ENTRY_LEN]) = (4, 128);
        header[field::ENTRIES_CRC..92].copy_from_slice(&crc.to_le_bytes());
        let crc = gpt::crc32(header);
        header[field::CRC..field::CRC + 4].copy_from_slice(&crc.to_le_bytes());
        disk
    }

    fn relocate(disk: Vec<u8>, len: u64) -> (Vec<Patch>, Vec<u8>) {
        let disk: Arc<dyn ReadAt> = Arc::new(disk);
        let patches = relocate_gpt(&disk, len).unwrap();
        let larger = Patched::new(disk, len, patches.clone());
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        larger.read_exact_at(&mut bytes, 0).unwrap();
        (patches, bytes)
    }

    #[test]
    fn both_tables_fit_the_larger_disk() {
        for sector_len in SECTOR_LENS {
            let disk = gpt_disk(sector_len);
            let before = find_table(&disk).unwrap();
            let (_, larger) = relocate(disk, 100 * sector_len);
            assert_eq!(find_table(&larger).unwrap(), before, "{sector_len}");
            // The second table alone is enough, too, and is at the end.
            let mut second = larger.clone();
            second[usize::try_from(sector_len).unwrap()] = 0;
            assert_eq!(find_table(&second).unwrap(), before, "{sector_len}");
            let header = &larger[usize::try_from(99 * sector_len).unwrap()..];
            let numbers = [field::OWN_AT, field::OTHER_AT, field::LAST_USABLE, field::ENTRIES_AT];
            assert_eq!(numbers.map(|at| le64(header, at)), [99, 1, 97, 98], "{sector_len}");
            assert_eq!(le32(&larger, 446 + 12), 99);
            // Nothing is left to do.
            assert_eq!(relocate(larger, 100 * sector_len).0, []);
        }
    }

    #[test]
    fn disks_that_need_no_change_have_none() {
        let len = SECTORS * 512;
        assert_eq!(relocate(gpt_disk(512), len).0, []);
        assert_eq!(relocate(vec![1; 4096], len).0, []);
        let mut mbr = gpt_disk(512);
        mbr[450] = 0x83;
        assert_eq!(relocate(mbr, 2 * len).0, []);
        // The entry of a hybrid table protects less than the disk.
        let mut hybrid = gpt_disk(512);
        hybrid[466] = 0x83;
        hybrid[474] = 9;
        assert_eq!(relocate(hybrid, 2 * len).0.len(), 3);
        let mut damaged = gpt_disk(512);
        damaged[512 + 40] = 0;
        assert!(relocate_gpt(&damaged, 2 * len).is_err());
    }

    /// A partition may end where the copy of the table belongs.
    #[test]
    fn the_copy_needs_space_after_the_last_partition() {
        let mut disk = gpt_disk(512);
        disk[512..][field::LAST_USABLE] = 40;
        let crc = {
            let header = &mut disk[512..512 + 92];
            header[field::CRC..field::CRC + 4].fill(0);
            gpt::crc32(header)
        };
        disk[512..][field::CRC..field::CRC + 4].copy_from_slice(&crc.to_le_bytes());
        let check = |sectors: u64, expected: Option<&str>| {
            let found = relocate_gpt(&disk, sectors * 512).err().map(|error| match error {
                Fault::Flaw(flaw) => flaw.detail,
                Fault::Io(error) => error.to_string(),
            });
            assert_eq!(found.as_deref(), expected, "{sectors}");
        };
        check(42, Some("the disk gets too little space for the other partition table (GPT)"));
        check(43, None);
    }
}
