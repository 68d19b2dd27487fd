//! The *superblock*, 64 KiB behind the start of the volume.

use super::super::limits::LimitedVolume;
use crate::disk::bytes::{le32, le64, read_part};
use crate::disk::{Fault, FlawKind};

/// Offset and length in bytes.
const AT: u64 = 64 << 10;
const LEN: usize = 4096;

/// Offset of the list of the first chunks, and the length of the longest, in bytes.
const CHUNKS_AT: usize = 811;
const CHUNKS_MAX: usize = 2048;

/// Features without which the file system cannot be read, as bits: those that change what is read here are above,
/// the others are about backreferences, blocks, compression, devices, and inodes.
const KNOWN: u64 = 0x7fff;

/// What is needed of the superblock.
#[derive(Debug)]
pub(super) struct Superblock {
    /// Addresses of the first nodes of the tree of trees, and of the tree of chunks.
    pub(super) root: u64,
    pub(super) chunk_root: u64,
    /// Number of the directory that names the default tree of files.
    pub(super) root_directory: u64,
    /// Length of a node in bytes, from 4096 to 65536.
    pub(super) node_len: usize,
    /// Number of the device.
    pub(super) device: u64,
    /// The chunks that the tree of chunks is in.
    pub(super) chunks: Vec<u8>,
    /// Whether there is a log of changes that were not applied.
    pub(super) has_log: bool,
}

impl Superblock {
    /// Reads the superblock.
    pub(super) fn read(volume: &LimitedVolume<'_>) -> Result<Self, Fault> {
        let fields: [u8; LEN] = read_part(volume, AT, "the superblock of btrfs")?;
        let devices = le64(&fields, 136);
        if devices != 1 {
            let detail = format!("its btrfs is on {devices} devices");
            return Err(Fault::new(FlawKind::DataFile, detail));
        }
        let unknown = le64(&fields, 188) & !KNOWN;
        if unknown != 0 {
            let detail = format!("its btrfs has features that are not read ({unknown:#x})");
            return Err(Fault::new(FlawKind::UnknownFeature, detail));
        }
        let malformed = || Fault::malformed("the superblock of btrfs has impossible numbers");
        let number = |at: usize| usize::try_from(le32(&fields, at)).map_err(|_| malformed());
        let (node_len, chunks_len) = (number(148)?, number(160)?);
        let is_valid = node_len.is_power_of_two()
            && (4096..=65536).contains(&node_len)
            && chunks_len <= CHUNKS_MAX;
        if !is_valid {
            return Err(malformed());
        }
        Ok(Self {
            root: le64(&fields, 80),
            chunk_root: le64(&fields, 88),
            root_directory: le64(&fields, 128),
            node_len,
            device: le64(&fields, 201),
            chunks: fields[CHUNKS_AT..CHUNKS_AT + chunks_len].to_vec(),
            has_log: le64(&fields, 96) != 0,
        })
    }
}
