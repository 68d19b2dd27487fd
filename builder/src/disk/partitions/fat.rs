//! *FAT* file systems, as far as it takes to find the boot loaders in `EFI/BOOT` (Microsoft's "FAT:
//! General Overview of On-Disk Format" 1.03).

use std::io;

use super::{pe, some};
use crate::disk::bytes::{le16, le32};
use crate::disk::read_at::ReadAt;
use crate::disk::sector::{SECTOR, SECTOR_LEN, SECTOR_LEN_MAX};

/// How many bytes of a directory are looked at.
const DIRECTORY_MAX: u64 = 256 << 10;

/// How many bytes an entry of a directory has.
const ENTRY: usize = 32;

/// Attributes (bits).
const VOLUME: u8 = 0x08;
const DIRECTORY: u8 = 0x10;

/// Short names: eight bytes, and three of the ending. Long ones stand beside them.
const EFI: &[u8] = b"EFI        ";
const BOOT: &[u8] = b"BOOT       ";

struct Fat<'a> {
    disk: &'a dyn ReadAt,
    /// Places and lengths in bytes.
    cluster: u64,
    table_at: u64,
    data_at: u64,
    root: Directory,
    /// Of an entry of the table.
    bits: u64,
    clusters: u64,
}

/// Where a directory lies.
#[derive(Clone, Copy)]
enum Directory {
    /// From a place on, so many bytes.
    Fixed(u64, u64),
    /// From a cluster on, and where the table leads.
    Clusters(u64),
}

/// Returns the machines that the loaders in `EFI/BOOT` are for.
pub(super) fn loaders(disk: &dyn ReadAt, start: u64) -> io::Result<Vec<&'static str>> {
    let mut machines = Vec::new();
    let Some(fat) = Fat::open(disk, start)? else { return Ok(machines) };
    let Some(efi) = fat.directory(fat.root, EFI)? else { return Ok(machines) };
    let Some(boot) = fat.directory(efi, BOOT)? else { return Ok(machines) };
    fat.each(boot, &mut |entry| {
        let is_loader = entry.starts_with(b"BOOT") && &entry[8..11] == b"EFI";
        if is_loader && entry[11] & (VOLUME | DIRECTORY) == 0 {
            let at = fat.place(first_cluster(entry));
            // A loader that cannot be read is one that does not tell.
            machines.extend(at.and_then(|at| pe::machine(disk, at).ok().flatten()));
        }
        None::<()>
    })?;
    Ok(machines)
}

fn first_cluster(entry: &[u8; ENTRY]) -> u64 {
    u64::from(le16(entry, 20)) << 16 | u64::from(le16(entry, 26))
}

impl<'a> Fat<'a> {
    fn open(disk: &'a dyn ReadAt, start: u64) -> io::Result<Option<Self>> {
        let fields: [u8; 64] = some(disk, start)?;
        let sector = u64::from(le16(&fields, 11));
        let per_cluster = u64::from(fields[13]);
        if !(SECTOR_LEN..=SECTOR_LEN_MAX).contains(&sector) || !per_cluster.is_power_of_two() {
            return Ok(None);
        }
        let either = |short: u16, long: u32| if short == 0 { long } else { short.into() };
        let table_len = u64::from(either(le16(&fields, 22), le32(&fields, 36)));
        let total = u64::from(either(le16(&fields, 19), le32(&fields, 32)));
        let reserved = u64::from(le16(&fields, 14));
        let root_len = u64::from(le16(&fields, 17)) * ENTRY as u64;
        let root_at = reserved + u64::from(fields[16]) * table_len;
        let data_at = root_at + root_len.div_ceil(sector);
        let clusters = total.saturating_sub(data_at) / per_cluster;
        let bits = match clusters {
            0..4085 => 12,
            4085..65525 => 16,
            _ => 32,
        };
        let place = |sectors: u64| start.checked_add(sectors * sector);
        let (Some(root_at), Some(data_at), Some(table_at)) =
            (place(root_at), place(data_at), place(reserved))
        else {
            return Ok(None);
        };
        let root = match bits {
            32 => Directory::Clusters(le32(&fields, 44).into()),
            _ => Directory::Fixed(root_at, root_len),
        };
        let cluster = sector * per_cluster;
        Ok(Some(Self { disk, cluster, table_at, data_at, root, bits, clusters }))
    }

    /// Returns where a cluster lies.
    fn place(&self, cluster: u64) -> Option<u64> {
        let number = cluster.checked_sub(2).filter(|number| *number < self.clusters)?;
        self.data_at.checked_add(number * self.cluster)
    }

    /// Returns the cluster that follows another in the same file.
    fn next(&self, cluster: u64) -> io::Result<u64> {
        let at = self.table_at.saturating_add(cluster * self.bits / 8);
        Ok(match self.bits {
            12 => {
                let two = u64::from(u16::from_le_bytes(some(self.disk, at)?));
                if cluster.is_multiple_of(2) { two & 0xfff } else { two >> 4 }
            }
            16 => u16::from_le_bytes(some(self.disk, at)?).into(),
            _ => (u32::from_le_bytes(some(self.disk, at)?) & 0x0fff_ffff).into(),
        })
    }

    fn directory(&self, within: Directory, name: &[u8]) -> io::Result<Option<Directory>> {
        self.each(within, &mut |entry| {
            let is_it = entry.starts_with(name) && entry[11] & DIRECTORY != 0;
            is_it.then(|| Directory::Clusters(first_cluster(entry)))
        })
    }

    /// Shows the entries of a directory until one of them is taken.
    fn each<T>(
        &self,
        directory: Directory,
        take: &mut dyn FnMut(&[u8; ENTRY]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut cluster = match directory {
            Directory::Fixed(at, len) => return Ok(self.run(at, len, take)?.taken()),
            Directory::Clusters(first) => first,
        };
        for _ in 0..DIRECTORY_MAX.div_ceil(self.cluster) {
            let Some(at) = self.place(cluster) else { break };
            match self.run(at, self.cluster, take)? {
                Shown::All => {}
                shown => return Ok(shown.taken()),
            }
            cluster = self.next(cluster)?;
        }
        Ok(None)
    }

    /// Shows the entries of one stretch.
    fn run<T>(
        &self,
        at: u64,
        len: u64,
        take: &mut dyn FnMut(&[u8; ENTRY]) -> Option<T>,
    ) -> io::Result<Shown<T>> {
        for offset in (0..len.min(DIRECTORY_MAX)).step_by(SECTOR) {
            let sector: [u8; SECTOR] = some(self.disk, at.saturating_add(offset))?;
            for entry in sector.as_chunks::<ENTRY>().0 {
                match entry[0] {
                    0 => return Ok(Shown::End),
                    0xe5 => {}
                    _ => {
                        if let Some(taken) = take(entry) {
                            return Ok(Shown::Taken(taken));
                        }
                    }
                }
            }
        }
        Ok(Shown::All)
    }
}

/// How a look at some entries of a directory ended.
enum Shown<T> {
    /// One of them was taken.
    Taken(T),
    /// The directory has no more.
    End,
    /// None of them was taken.
    All,
}

impl<T> Shown<T> {
    fn taken(self) -> Option<T> {
        match self {
            Self::Taken(taken) => Some(taken),
            Self::End | Self::All => None,
        }
    }
}
