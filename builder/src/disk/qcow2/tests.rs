//! Headers and tables of qcow2 files, whole and mutilated.

use super::{Qcow2Compression, Qcow2Encryption, Qcow2Header};
use crate::disk::{Fault, FlawKind, examine_disk};

const CLUSTER: usize = 1 << 16;

/// Returns a disk of 1 MiB with one cluster of data: header, reference counts, L1, L2, data.
fn small_disk() -> Vec<u8> {
    let mut bytes = vec![0; 6 * CLUSTER];
    let mut put32 = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    put32(0, 0x5146_49fb);
    put32(4, 3);
    put32(20, 16);
    put32(36, 1);
    put32(56, 1);
    put32(96, 4);
    put32(100, 104);
    let mut put64 = |at: usize, value: usize| {
        bytes[at..at + 8].copy_from_slice(&(value as u64).to_be_bytes());
    };
    put64(24, 1 << 20);
    put64(40, 3 * CLUSTER);
    put64(48, CLUSTER);
    put64(CLUSTER, 2 * CLUSTER);
    put64(3 * CLUSTER, (4 * CLUSTER) | (1 << 63));
    put64(4 * CLUSTER, (5 * CLUSTER) | (1 << 63));
    bytes[5 * CLUSTER] = 1;
    bytes
}

#[test]
fn header_fields_are_parsed() {
    let header = Qcow2Header::read(&small_disk()).unwrap();
    assert_eq!((header.version, header.virtual_size()), (3, 1 << 20));
    assert_eq!((header.cluster_size(), header.l1.at), (1 << 16, 3 << 16));
    assert_eq!(
        (header.compression, header.encryption),
        (Qcow2Compression::Zlib, Qcow2Encryption::None)
    );
    let info = examine_disk(&small_disk()).unwrap();
    assert_eq!((info.virtual_size, info.allocated), (1 << 20, Some(1 << 16)));
    assert_eq!(info.flaws, []);
}

#[test]
fn encoded_header_equals_the_parsed_one() {
    let bytes = small_disk();
    let written = Qcow2Header::read(&bytes).unwrap().encode();
    assert_eq!(written, bytes[..written.len()]);
}

#[test]
fn flaws_of_a_header_are_reported() {
    let check = |at: usize, value: &[u8], kind: FlawKind, detail: &str| {
        let mut bytes = small_disk();
        bytes[at..at + value.len()].copy_from_slice(value);
        let flaws = examine_disk(&bytes).unwrap().flaws;
        let found: Vec<_> = flaws.iter().map(|flaw| (flaw.kind, &flaw.detail[..])).collect();
        assert_eq!(found, [(kind, detail)]);
    };
    check(
        7,
        &[4],
        FlawKind::UnknownFeature,
        "it is version 4 of qcow2, and there are only 2 and 3",
    );
    check(
        23,
        &[22],
        FlawKind::Malformed,
        "its clusters have 2^22 bytes, and only 2^9 to 2^21 are allowed",
    );
    check(
        41,
        &[1],
        FlawKind::OutsideFile,
        "its L1 table at byte 281474976907264 lies outside the file of 393216 bytes",
    );
    check(79, &[2], FlawKind::Corrupt, "it is marked as corrupt");
    check(
        4 * CLUSTER + 3,
        &[1],
        FlawKind::Truncated,
        "it ends after 393216 bytes, and has data at byte 4295294976 as its tables say",
    );
}

#[test]
fn zeros_are_no_header() {
    let found = Qcow2Header::read(&vec![0; 600]);
    assert!(matches!(found, Err(Fault::Flaw(_))));
}
