//! *Encoding* the header of a qcow2 file.

use super::header::{HEADER_LEN, MAGIC, Qcow2Header, cluster_entry_bits, field};

impl Qcow2Header {
    /// Returns the fields as bytes of a version 3 header, without extensions and names.
    pub(in crate::disk) fn encode(&self) -> [u8; HEADER_LEN as usize] {
        let mut fields = [0; HEADER_LEN as usize];
        let mut put = |at: usize, bytes: &[u8]| {
            fields[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(0, MAGIC);
        let words = [
            (field::VERSION, self.version),
            (field::CLUSTER_BITS, self.cluster_bits),
            (field::CRYPT, self.encryption as u32),
            (field::L1_ENTRIES, self.l1.entries),
            (
                field::REFCOUNTS_CLUSTERS,
                self.refcounts.entries >> cluster_entry_bits(self.cluster_bits),
            ),
            (field::SNAPSHOT_COUNT, self.snapshot_count),
            (field::REFCOUNT_ORDER, self.refcount_order),
            (field::LEN, self.len),
        ];
        for (at, number) in words {
            put(at, &number.to_be_bytes());
        }
        let numbers = [
            (field::SIZE, self.size),
            (field::L1_AT, self.l1.at),
            (field::REFCOUNTS_AT, self.refcounts.at),
            (field::SNAPSHOTS_AT, self.snapshots_at),
            (field::INCOMPATIBLE, self.incompatible),
            (field::COMPATIBLE, self.compatible),
            (field::AUTOCLEAR, self.autoclear),
        ];
        for (at, number) in numbers {
            put(at, &number.to_be_bytes());
        }
        put(field::COMPRESSION, &[self.compression as u8]);
        fields
    }
}
