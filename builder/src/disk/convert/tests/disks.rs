//! Disks to convert, which know where they are zero.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::convert::Guest;
use crate::disk::convert::cluster::CLUSTER_LEN;
use crate::disk::{Extent, ReadAt};

/// A disk that has data at some places and zeros elsewhere, and knows it.
pub(super) struct SparseDisk {
    len: u64,
    data: BTreeMap<u64, Vec<u8>>,
    /// How many more reads there are before all data turns into something else.
    reads: AtomicU64,
}

impl SparseDisk {
    pub(super) fn new_guest(len: u64, data: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Guest {
        Self::new_changing_guest(len, data, u64::MAX)
    }

    pub(super) fn new_changing_guest(
        len: u64,
        data: impl IntoIterator<Item = (u64, Vec<u8>)>,
        reads: u64,
    ) -> Guest {
        Arc::new(Self { len, data: data.into_iter().collect(), reads: AtomicU64::new(reads) })
    }
}

impl ReadAt for SparseDisk {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        assert!(at + space.len() as u64 <= self.len, "read behind the end");
        space.fill(0);
        let changed = self.reads.fetch_sub(1, Ordering::Relaxed) == 0;
        if changed {
            self.reads.store(0, Ordering::Relaxed);
        }
        for (start, bytes) in &self.data {
            let from = at.max(*start);
            let to = (at + space.len() as u64).min(start + bytes.len() as u64);
            if from < to {
                let take = |at: u64, base: u64| usize::try_from(at - base).unwrap();
                let bytes = &bytes[take(from, *start)..take(to, *start)];
                let space = &mut space[take(from, at)..take(to, at)];
                space.copy_from_slice(bytes);
                if changed {
                    space.reverse();
                }
            }
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let end = |(start, bytes): (&u64, &Vec<u8>)| start + bytes.len() as u64;
        if let Some(end) = self.data.range(..=at).next_back().map(end).filter(|end| *end > at) {
            return Ok(Extent::data(end - at));
        }
        let next = self.data.range(at..).next().map_or(self.len, |(start, _)| *start);
        Ok(Extent::zero(next - at))
    }
}

/// `len` bytes that nothing makes shorter.
pub(super) fn noise_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

pub(super) fn text_bytes(seed: usize, len: usize) -> Vec<u8> {
    (0..).flat_map(|line| format!("{seed} {line}\n").into_bytes()).take(len).collect()
}

pub(super) fn test_disks() -> Vec<(&'static str, Guest)> {
    let cluster = CLUSTER_LEN as u64;
    let mixed = (0..40_u64).map(|number| {
        let seed = usize::try_from(number).unwrap();
        let data = match number % 4 {
            0 => noise_bytes(number, CLUSTER_LEN),
            1 => text_bytes(seed, CLUSTER_LEN),
            2 => vec![0; CLUSTER_LEN],
            _ => text_bytes(seed, 300),
        };
        (number * cluster, data)
    });
    vec![
        ("one sector", SparseDisk::new_guest(512, [(0, text_bytes(1, 512))])),
        ("zeros", SparseDisk::new_guest(10 * cluster, [])),
        (
            "zeros that are not known to be",
            SparseDisk::new_guest(cluster, [(0, vec![0; CLUSTER_LEN])]),
        ),
        ("one cluster", SparseDisk::new_guest(cluster, [(0, text_bytes(1, CLUSTER_LEN))])),
        ("noise", SparseDisk::new_guest(3 * cluster, [(0, noise_bytes(1, 3 * CLUSTER_LEN))])),
        (
            "a sector behind a cluster",
            SparseDisk::new_guest(cluster + 512, [(cluster, text_bytes(1, 512))]),
        ),
        (
            "pieces",
            SparseDisk::new_guest(
                50 * cluster,
                [(5, vec![1]), (cluster - 1, vec![2; 2]), (47 * cluster + 512, text_bytes(2, 9))],
            ),
        ),
        ("mixed", SparseDisk::new_guest(41 * cluster + 1024, mixed)),
    ]
}
