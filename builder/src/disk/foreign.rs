//! *Foreign* formats: QEMU reads them, and neither KubeVirt nor CDI accepts them. Little more than the
//! size of the disk is read from their headers.

use super::bytes::{be32, be64, le32, le64, read_padded};
use super::sector::{self, SECTOR_LEN};
use super::{DiskFormat, DiskInfo, Fault, Flaw, FlawKind, ReadAt, qcow2, refusals};

/// Version of qcow; its magic is that of qcow2.
const QCOW_VERSION: u32 = 1;

const QED: &[u8] = b"QED\0";

/// Magic and version 1; QEMU does not read version 2.
const LUKS: &[u8] = b"LUKS\xba\xbe\0\x01";

/// Both formats of Parallels have version 2.
const PARALLELS: &[u8] = b"WithoutFreeSpace";
const PARALLELS_EXTENDED: &[u8] = b"WithouFreSpacExt";
const PARALLELS_VERSION: u32 = 2;

const CLOOP: &[u8] = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 \
    /dev/cloop $1\n";

/// QED's incompatible features (bits): `docs/interop/qed_spec.rst`.
const QED_BACKING: u64 = 1;
const QED_NEED_CHECK: u64 = 2;
const QED_KNOWN: u64 = 7;

/// Recognizes a file of such a format by its first sector.
pub(super) fn detect(start: &[u8]) -> Option<DiskFormat> {
    let is_qcow = start.starts_with(qcow2::MAGIC) && be32(start, 4) == QCOW_VERSION;
    let formats = [
        (is_qcow, DiskFormat::Qcow),
        (start.starts_with(QED), DiskFormat::Qed),
        (start.starts_with(LUKS), DiskFormat::Luks),
        (is_parallels(start), DiskFormat::Parallels),
        (is_bochs(start) || start.starts_with(CLOOP), DiskFormat::Bochs),
    ];
    formats.into_iter().find(|(is_it, _)| *is_it).map(|(_, format)| format)
}

/// `parallels_probe` in QEMU's `block/parallels.c`.
fn is_parallels(start: &[u8]) -> bool {
    let has_name = start.starts_with(PARALLELS) || start.starts_with(PARALLELS_EXTENDED);
    has_name && le32(start, 16) == PARALLELS_VERSION
}

/// `bochs_probe` in QEMU's `block/bochs.c`.
fn is_bochs(start: &[u8]) -> bool {
    let has = |at: usize, text: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(text));
    has(0, b"Bochs Virtual HD Image\0")
        && has(32, b"Redolog\0")
        && has(48, b"Growing\0")
        && matches!(le32(start, 64), 0x10000 | 0x20000)
}

/// Examines a file of such a format.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    let fields: [u8; 112] = read_padded(bytes, 0)?;
    info.flaws.push(refusals::unsupported_format(info.format));
    match info.format {
        DiskFormat::Qcow => examine_qcow(&fields, info),
        DiskFormat::Qed => examine_qed(&fields, info)?,
        DiskFormat::Luks => examine_luks(&fields, info)?,
        DiskFormat::Parallels => examine_parallels(&fields, info),
        // The beginning of these does not have the size.
        _ => info.virtual_size = 0,
    }
    Ok(())
}

/// `QCowHeader` in QEMU's `block/qcow.c`.
fn examine_qcow(fields: &[u8], info: &mut DiskInfo) {
    info.virtual_size = sector::round_down(be64(fields, 24));
    if be64(fields, 8) != 0 && be32(fields, 16) != 0 {
        info.flaws.push(refusals::needs_backing_file(None));
    }
    if be32(fields, 36) != 0 {
        // What is to be done about this does the rest, too.
        info.flaws.insert(0, refusals::encrypted(info.format, "it is encrypted with AES"));
    }
}

fn examine_qed(fields: &[u8], info: &mut DiskInfo) -> Result<(), Fault> {
    let features = le64(fields, 16);
    let (size, cluster) = (le64(fields, 48), le32(fields, 4));
    if features & !QED_KNOWN != 0 {
        return Err(refusals::needs_features(features).into());
    }
    if !cluster.is_power_of_two() || !size.is_multiple_of(SECTOR_LEN) {
        return Err(Fault::malformed("its header has numbers that QED does not allow"));
    }
    info.virtual_size = size;
    if features & QED_BACKING != 0 {
        info.flaws.push(refusals::needs_backing_file(None));
    }
    if features & QED_NEED_CHECK != 0 {
        info.flaws.push(Flaw::new(FlawKind::Dirty, "it was not closed properly"));
    }
    Ok(())
}

/// LUKS 1: the disk follows the header and the keys. The offset is a number of sectors
/// (LUKS1 On-Disk Format Specification 1.2.3, figure 1).
fn examine_luks(fields: &[u8], info: &mut DiskInfo) -> Result<(), Fault> {
    let detail = "it is an encrypted volume, to which neither KubeVirt nor CDI has a key";
    info.flaws.insert(0, refusals::encrypted(info.format, detail));
    let payload = u64::from(be32(fields, 104)) * SECTOR_LEN;
    let Some(size) = info.virtual_size.checked_sub(payload) else {
        info.virtual_size = 0;
        let detail = format!("its data begins at byte {payload}, behind the end of the file");
        return Err(Fault::new(FlawKind::Truncated, detail));
    };
    info.virtual_size = size;
    Ok(())
}

/// `ParallelsHeader` in QEMU's `block/parallels.h`. The first of the two formats has a size of 32 bits.
fn examine_parallels(fields: &[u8], info: &mut DiskInfo) {
    let is_old = fields.starts_with(PARALLELS);
    let sectors = if is_old { le32(fields, 36).into() } else { le64(fields, 36) };
    info.virtual_size = sectors.saturating_mul(SECTOR_LEN);
}
