//! The free clusters of *FAT* (Microsoft's "FAT: General Overview of On-Disk Format" 1.03): those whose entries are
//! zero in each copy of the allocation table.

use std::sync::Arc;

use super::free::{FreeSpaceError, UnitGeometry, UnitMaps};
use crate::disk::bytes::{fill_part, le16, le32, read_part};
use crate::disk::partitions::FatLayout;
use crate::disk::volumes::Volume;
use crate::disk::{Fault, ReadAt};

/// Clusters in a group, so that the entries of a group are whole bytes.
const GROUP_CLUSTERS: u64 = 8192;

/// Number of the first cluster: the first two entries of the table stand for none.
const FIRST_CLUSTER: u64 = 2;

/// The allocation tables of a volume.
pub(super) struct FatMaps {
    disk: Arc<dyn ReadAt>,
    layout: FatLayout,
    start: u64,
}

/// Opens the tables of a volume.
pub(super) fn open_maps(
    disk: &Arc<dyn ReadAt>,
    volume: &Volume,
) -> Result<FatMaps, FreeSpaceError> {
    let malformed = || Fault::malformed("the boot sector of FAT has impossible numbers");
    let layout = FatLayout::read(&**disk, volume.start)?.ok_or_else(malformed)?;
    let entries = layout.clusters.checked_add(FIRST_CLUSTER);
    let table_bits = entries.and_then(|entries| entries.checked_mul(layout.entry_bits));
    let data_len = layout.clusters.checked_mul(layout.cluster_len);
    let end = data_len.and_then(|len| layout.data_at.checked_add(len));
    let volume_end = volume.start.saturating_add(volume.len).min(disk.len());
    let is_valid = (1..=4).contains(&layout.tables)
        && table_bits.is_some_and(|bits| bits.div_ceil(8) <= layout.table_len)
        && end.is_some_and(|end| end <= volume_end);
    if !is_valid {
        return Err(malformed().into());
    }
    check_clean(&**disk, volume.start, &layout)?;
    Ok(FatMaps { disk: Arc::clone(disk), layout, start: volume.start })
}

/// Checks the marks of a volume that is mounted, or was not unmounted: those of Windows in the second entry of
/// the table, and that of Linux in the boot sector.
fn check_clean(disk: &dyn ReadAt, start: u64, layout: &FatLayout) -> Result<(), FreeSpaceError> {
    let boot: [u8; 512] = read_part(disk, start, "the boot sector of FAT")?;
    let table: [u8; 8] = read_part(disk, layout.table_at, "the table of FAT")?;
    let (state_at, is_closed, is_sound) = match layout.entry_bits {
        // Tables of 12 bits have no marks.
        12 => (0x25, true, true),
        16 => (0x25, le16(&table, 2) & 0x8000 != 0, le16(&table, 2) & 0x4000 != 0),
        _ => (0x41, le32(&table, 4) & 0x800_0000 != 0, le32(&table, 4) & 0x400_0000 != 0),
    };
    if !is_closed || boot[state_at] & 1 != 0 {
        return Err(FreeSpaceError::Unclean("it was not unmounted"));
    }
    if !is_sound {
        return Err(FreeSpaceError::Unclean("it is marked as having errors"));
    }
    Ok(())
}

impl FatMaps {
    /// Adds the clusters of a group that one of the tables has in use.
    fn add_used(&self, map: &mut [u8], table: u64, group: u64, count: u64) -> Result<(), Fault> {
        let bits = self.layout.entry_bits;
        let first = group * GROUP_CLUSTERS + FIRST_CLUSTER;
        let at = self.layout.table_at + table * self.layout.table_len + first * bits / 8;
        let len = usize::try_from((count * bits).div_ceil(8)).unwrap_or(0);
        let mut entries = vec![0; len];
        fill_part(&*self.disk, &mut entries, at, "the table of FAT")?;
        for index in 0..usize::try_from(count).unwrap_or(0) {
            let entry = match bits {
                // Two entries are in three bytes.
                12 if index % 2 == 0 => u32::from(le16(&pair(&entries, index), 0) & 0xfff),
                12 => u32::from(le16(&pair(&entries, index), 0) >> 4),
                16 => le16(&entries, index * 2).into(),
                _ => le32(&entries, index * 4) & 0x0fff_ffff,
            };
            if let Some(byte) = map.get_mut(index / 8).filter(|_| entry != 0) {
                *byte |= 1 << (index % 8);
            }
        }
        Ok(())
    }
}

/// Returns the two bytes with an entry of 12 bits.
fn pair(entries: &[u8], index: usize) -> [u8; 2] {
    let at = index * 3 / 2;
    [at, at + 1].map(|at| entries.get(at).copied().unwrap_or(0))
}

impl UnitMaps for FatMaps {
    fn geometry(&self) -> UnitGeometry {
        UnitGeometry {
            start: self.layout.data_at - self.start,
            unit_len: self.layout.cluster_len,
            units: self.layout.clusters,
            units_per_group: GROUP_CLUSTERS,
        }
    }

    fn read_map(&self, group: u64) -> Result<Vec<u8>, Fault> {
        let before = group.saturating_mul(GROUP_CLUSTERS);
        let count = self.layout.clusters.saturating_sub(before).min(GROUP_CLUSTERS);
        let mut map = vec![0; usize::try_from(count.div_ceil(8)).unwrap_or(0)];
        for table in 0..self.layout.tables {
            self.add_used(&mut map, table, group, count)?;
        }
        Ok(map)
    }
}
