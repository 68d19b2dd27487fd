//! *FAT* file systems, as far as finding the boot loaders in `EFI/BOOT` needs (Microsoft's "FAT:
//! General Overview of On-Disk Format" 1.03).

use std::io;
use std::ops::ControlFlow;

use super::pe::{self, EfiLoader};
use crate::disk::bytes::{le16, le32, read_array};
use crate::disk::read_at::ReadAt;
use crate::disk::sector::{SECTOR, SECTOR_LEN, SECTOR_LEN_MAX};

/// How many bytes of a directory are searched.
const DIRECTORY_MAX: u64 = 256 << 10;

/// Length of a directory entry in bytes.
const ENTRY: usize = 32;

/// Attributes of a directory entry (bits).
const VOLUME: u8 = 0x08;
const DIRECTORY: u8 = 0x10;

/// First bytes of the entries that mark the end of a directory and a deleted file.
const END_OF_DIRECTORY: u8 = 0;
const DELETED: u8 = 0xe5;

/// Short names: eight bytes and three of the extension. Long names are in entries of their own.
const EFI: &[u8] = b"EFI        ";
const BOOT: &[u8] = b"BOOT       ";

/// Where the parts of a FAT file system are. Offsets and lengths are in bytes, offsets from the beginning of the
/// disk.
#[derive(Debug)]
pub(in crate::disk) struct FatLayout {
    pub(in crate::disk) cluster_len: u64,
    /// The allocation tables: where the first begins, their length and their number.
    pub(in crate::disk) table_at: u64,
    pub(in crate::disk) table_len: u64,
    pub(in crate::disk) tables: u64,
    pub(in crate::disk) data_at: u64,
    root: Directory,
    /// Length of an entry of the allocation table in bits: 12, 16 or 32.
    pub(in crate::disk) entry_bits: u64,
    /// How many clusters the file system has.
    pub(in crate::disk) clusters: u64,
}

/// A FAT file system.
struct Fat<'a> {
    disk: &'a dyn ReadAt,
    layout: FatLayout,
}

/// The location of a directory.
#[derive(Debug, Clone, Copy)]
enum Directory {
    /// A fixed part of the disk: its offset and its length in bytes.
    Fixed(u64, u64),
    /// A chain of clusters, by its first cluster.
    Clusters(u64),
}

/// Returns the boot loaders in `EFI/BOOT`. `start` is the offset of the file system in bytes.
pub(super) fn find_loaders(disk: &dyn ReadAt, start: u64) -> io::Result<Vec<EfiLoader>> {
    let mut loaders = Vec::new();
    let Some(layout) = FatLayout::read(disk, start)? else { return Ok(loaders) };
    let fat = Fat { disk, layout };
    let Some(efi) = fat.find_directory(fat.layout.root, EFI)? else { return Ok(loaders) };
    let Some(boot) = fat.find_directory(efi, BOOT)? else { return Ok(loaders) };
    fat.find_entry(boot, &mut |entry| {
        let is_loader = entry.starts_with(b"BOOT") && &entry[8..11] == b"EFI";
        if is_loader && entry[11] & (VOLUME | DIRECTORY) == 0 {
            let at = fat.cluster_offset(first_cluster(entry));
            // A loader that cannot be read does not keep the others from being found.
            loaders.extend(at.and_then(|at| pe::read_loader(disk, at).ok().flatten()));
        }
        None::<()>
    })?;
    Ok(loaders)
}

fn first_cluster(entry: &[u8; ENTRY]) -> u64 {
    u64::from(le16(entry, 20)) << 16 | u64::from(le16(entry, 26))
}

impl FatLayout {
    /// Reads the boot sector. Returns `None` if it is not that of a FAT file system.
    pub(in crate::disk) fn read(disk: &dyn ReadAt, start: u64) -> io::Result<Option<Self>> {
        let fields: [u8; 64] = read_array(disk, start)?;
        let sector = u64::from(le16(&fields, 11));
        let per_cluster = u64::from(fields[13]);
        if !(SECTOR_LEN..=SECTOR_LEN_MAX).contains(&sector) || !per_cluster.is_power_of_two() {
            return Ok(None);
        }
        let either = |short: u16, long: u32| if short == 0 { long } else { short.into() };
        let table_sectors = u64::from(either(le16(&fields, 22), le32(&fields, 36)));
        let tables = u64::from(fields[16]);
        let total = u64::from(either(le16(&fields, 19), le32(&fields, 32)));
        let reserved = u64::from(le16(&fields, 14));
        let root_len = u64::from(le16(&fields, 17)) * ENTRY as u64;
        let root_at = reserved + tables * table_sectors;
        let data_at = root_at + root_len.div_ceil(sector);
        let clusters = total.saturating_sub(data_at) / per_cluster;
        // By the count alone, as the specification has it, a small FAT32 would be one of 12 bits; Linux and
        // fsck.fat go by the field that FAT32 has not.
        let entry_bits = match (le16(&fields, 22), clusters) {
            (0, _) => 32,
            (_, 0..4085) => 12,
            (_, 4085..65525) => 16,
            _ => return Ok(None),
        };
        let offset = |sectors: u64| start.checked_add(sectors * sector);
        let (Some(root_at), Some(data_at), Some(table_at)) =
            (offset(root_at), offset(data_at), offset(reserved))
        else {
            return Ok(None);
        };
        let root = match entry_bits {
            32 => Directory::Clusters(le32(&fields, 44).into()),
            _ => Directory::Fixed(root_at, root_len),
        };
        Ok(Some(Self {
            cluster_len: sector * per_cluster,
            table_at,
            table_len: table_sectors * sector,
            tables,
            data_at,
            root,
            entry_bits,
            clusters,
        }))
    }
}

impl Fat<'_> {
    /// Returns the offset of a cluster on the disk, unless the file system has no such cluster.
    fn cluster_offset(&self, cluster: u64) -> Option<u64> {
        // The first two entries of the table stand for no cluster.
        let number = cluster.checked_sub(2).filter(|number| *number < self.layout.clusters)?;
        self.layout.data_at.checked_add(number * self.layout.cluster_len)
    }

    /// Returns the cluster that follows another in the same chain.
    fn next_cluster(&self, cluster: u64) -> io::Result<u64> {
        let at = self.layout.table_at.saturating_add(cluster * self.layout.entry_bits / 8);
        Ok(match self.layout.entry_bits {
            12 => {
                let two = u64::from(u16::from_le_bytes(read_array(self.disk, at)?));
                if cluster.is_multiple_of(2) { two & 0xfff } else { two >> 4 }
            }
            16 => u16::from_le_bytes(read_array(self.disk, at)?).into(),
            _ => (u32::from_le_bytes(read_array(self.disk, at)?) & 0x0fff_ffff).into(),
        })
    }

    /// Finds a directory in another by its short name.
    fn find_directory(&self, within: Directory, name: &[u8]) -> io::Result<Option<Directory>> {
        self.find_entry(within, &mut |entry| {
            let is_found = entry.starts_with(name) && entry[11] & DIRECTORY != 0;
            is_found.then(|| Directory::Clusters(first_cluster(entry)))
        })
    }

    /// Passes the entries of a directory to `select` until it returns a value, and returns that.
    fn find_entry<T>(
        &self,
        directory: Directory,
        select: &mut dyn FnMut(&[u8; ENTRY]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut cluster = match directory {
            Directory::Fixed(at, len) => {
                return Ok(self.search_entries(at, len, select)?.break_value().flatten());
            }
            Directory::Clusters(first) => first,
        };
        for _ in 0..DIRECTORY_MAX.div_ceil(self.layout.cluster_len) {
            let Some(at) = self.cluster_offset(cluster) else { break };
            if let ControlFlow::Break(found) =
                self.search_entries(at, self.layout.cluster_len, select)?
            {
                return Ok(found);
            }
            cluster = self.next_cluster(cluster)?;
        }
        Ok(None)
    }

    /// Searches one part of a directory. Breaks with what `select` returned, or with `None` at the
    /// end of the directory.
    fn search_entries<T>(
        &self,
        at: u64,
        len: u64,
        select: &mut dyn FnMut(&[u8; ENTRY]) -> Option<T>,
    ) -> io::Result<ControlFlow<Option<T>>> {
        for offset in (0..len.min(DIRECTORY_MAX)).step_by(SECTOR) {
            let sector: [u8; SECTOR] = read_array(self.disk, at.saturating_add(offset))?;
            for entry in sector.as_chunks::<ENTRY>().0 {
                let found = match entry[0] {
                    END_OF_DIRECTORY => return Ok(ControlFlow::Break(None)),
                    DELETED => None,
                    _ => select(entry),
                };
                if found.is_some() {
                    return Ok(ControlFlow::Break(found));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
