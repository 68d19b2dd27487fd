//! The *free space* of a file system: the parts of its volume that no file uses, whose bytes nothing reads.

use std::io;
use std::sync::Arc;

use crate::disk::Fault;
use crate::disk::blocks::RecentBytes;

/// How many maps are cached.
const MAPS_MAX: usize = 32;

/// How many maps are checked before anything is read of the disk: those of 2 TiB in blocks of 4 KiB.
const CHECKED_MAX: u64 = 1 << 14;

/// The units of a file system, e.g. its blocks, in groups of which each has a map.
pub(super) trait UnitMaps: Send + Sync {
    /// Returns the numbers that units are found by.
    fn geometry(&self) -> UnitGeometry;

    /// Reads the map of a group: a bit for each unit, the lowest of a byte first, which is set if the unit is in
    /// use. Units behind the end of the map are in use.
    fn read_map(&self, group: u64) -> Result<Vec<u8>, Fault>;
}

/// Where the units of a file system are.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnitGeometry {
    /// Where the first unit begins in the volume, in bytes.
    pub(super) start: u64,
    /// Length of a unit in bytes; at least one.
    pub(super) unit_len: u64,
    /// Number of units.
    pub(super) units: u64,
    /// Number of units in each group but the last; at least one.
    pub(super) units_per_group: u64,
}

/// Why the free space of a volume is not known.
#[derive(Debug)]
pub(crate) enum FreeSpaceError {
    /// The file system was not unmounted, or has errors: what is free may be in use. The reason is a phrase.
    Unclean(&'static str),
    /// The file system cannot be read.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for FreeSpaceError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Adjacent bytes of a volume, all of which are free, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpaceRun {
    /// Whether no file uses them.
    pub(crate) is_free: bool,
    /// Their number; more of the same kind may follow.
    pub(crate) len: u64,
}

/// The free space of a volume.
pub(crate) struct FreeSpace {
    maps: Box<dyn UnitMaps>,
    geometry: UnitGeometry,
    /// Maps by the numbers of their groups.
    recent: RecentBytes,
}

impl FreeSpace {
    /// Returns the free space that maps show; fails if one of the first is damaged.
    pub(super) fn new(maps: impl UnitMaps + 'static) -> Result<Self, FreeSpaceError> {
        let geometry = maps.geometry();
        let space = Self { maps: Box::new(maps), geometry, recent: RecentBytes::default() };
        space.check_maps()?;
        Ok(space)
    }

    /// Reads the maps, so that one that is damaged is found before the disk is read.
    fn check_maps(&self) -> Result<(), Fault> {
        let groups = self.geometry.units.div_ceil(self.geometry.units_per_group);
        (0..groups.min(CHECKED_MAX)).try_for_each(|group| self.maps.read_map(group).map(drop))
    }

    /// Returns what is known of the bytes of the volume from `at` on; the run has at least one byte.
    pub(crate) fn run(&self, at: u64) -> io::Result<SpaceRun> {
        let UnitGeometry { start, unit_len, units, units_per_group } = self.geometry;
        let Some(inside) = at.checked_sub(start) else {
            return Ok(SpaceRun { is_free: false, len: start - at });
        };
        let unit = inside / unit_len;
        if unit >= units {
            return Ok(SpaceRun { is_free: false, len: u64::MAX - at });
        }
        let group = unit / units_per_group;
        let first = group * units_per_group;
        let count = units_per_group.min(units - first);
        let (is_free, end) = adjacent_units(&self.map(group)?, unit - first, count);
        Ok(SpaceRun { is_free, len: (first + end) * unit_len - inside })
    }

    fn map(&self, group: u64) -> io::Result<Arc<[u8]>> {
        if let Some(map) = self.recent.get(group) {
            return Ok(map);
        }
        let map = self.maps.read_map(group).map_err(|fault| match fault {
            Fault::Io(error) => error,
            Fault::Flaw(flaw) => io::Error::new(io::ErrorKind::InvalidData, flaw.detail),
        })?;
        Ok(self.recent.insert(group, map, MAPS_MAX))
    }
}

/// Returns whether a unit of a map with `count` of them is free, and the first unit behind it that is not of its
/// kind.
fn adjacent_units(map: &[u8], unit: u64, count: u64) -> (bool, u64) {
    let is_free = |unit: u64| {
        let byte = usize::try_from(unit / 8).ok().and_then(|at| map.get(at));
        byte.is_some_and(|byte| byte >> (unit % 8) & 1 == 0)
    };
    let kind = is_free(unit);
    let same_units = if kind { 0 } else { u8::MAX };
    let mut end = unit + 1;
    while end < count {
        let byte = usize::try_from(end / 8).ok().and_then(|at| map.get(at)).copied();
        if end.is_multiple_of(8) && end + 8 <= count && byte.unwrap_or(u8::MAX) == same_units {
            end += 8;
        } else if is_free(end) == kind {
            end += 1;
        } else {
            break;
        }
    }
    (kind, end)
}

/// Returns how many of the first `count` units of a map are free.
pub(super) fn count_free(map: &[u8], count: u64) -> u64 {
    let mut free = 0;
    for (index, byte) in (0..).zip(map) {
        let here = count.saturating_sub(index * 8).min(8);
        // The units of this byte that are not counted are taken as used.
        let behind = u8::MAX.checked_shl(u32::try_from(here).unwrap_or(8)).unwrap_or(0);
        free += u64::from((byte | behind).count_zeros());
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_a_kind_are_found_and_counted() {
        let check = |map: &[u8], count: u64| {
            let bits = map.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 0));
            let bits: Vec<bool> = bits.collect();
            let is_free =
                |unit: u64| usize::try_from(unit).is_ok_and(|unit| bits.get(unit) == Some(&true));
            for unit in 0..count {
                let end = (unit..count).find(|other| is_free(*other) != is_free(unit));
                let expected = (is_free(unit), end.unwrap_or(count));
                assert_eq!(adjacent_units(map, unit, count), expected, "{map:?} {unit} of {count}");
            }
            let free = (0..count).filter(|unit| is_free(*unit)).count() as u64;
            assert_eq!(count_free(map, count), free, "{map:?} {count}");
        };
        for count in 0..=40 {
            check(&[0, 0, 0, 0], count);
            check(&[0xff, 0xff, 0xff, 0xff], count);
            check(&[0x0f, 0, 0xf0, 0x01], count);
            check(&[0xaa, 0x80, 0, 0xff], count);
            check(&[], count);
        }
    }
}
