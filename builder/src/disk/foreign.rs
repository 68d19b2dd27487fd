//! *Foreign* formats: QEMU reads them, and neither KubeVirt nor CDI takes them. Their headers tell
//! how large the disk is, and not much more is asked of them.

use super::bytes::{Fault, be32, be64, le32, le64, padded};
use super::{Flaw, FlawKind, Format, Info, ReadAt};

/// QED's incompatible features (bits): `docs/interop/qed_spec.rst`.
const QED_BACKING: u64 = 1;
const QED_NEED_CHECK: u64 = 2;
const QED_KNOWN: u64 = 7;

/// Looks at a file of such a format.
pub(super) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    let fields: [u8; 112] = padded(bytes, 0)?;
    let name = info.format;
    info.flaws.push(Flaw {
        kind: FlawKind::Unsupported,
        detail: format!("its format is {name}, which neither KubeVirt nor CDI takes"),
    });
    match info.format {
        Format::Qcow => qcow(&fields, info),
        Format::Qed => qed(&fields, info)?,
        Format::Luks => luks(&fields, info)?,
        Format::Parallels => parallels(&fields, info),
        // Whose size is nowhere near its beginning.
        _ => info.virtual_size = 0,
    }
    Ok(())
}

/// `QCowHeader` in QEMU's `block/qcow.c`.
fn qcow(fields: &[u8], info: &mut Info) {
    info.virtual_size = be64(fields, 24) & !511;
    if be64(fields, 8) != 0 && be32(fields, 16) != 0 {
        info.flaws.push(backing());
    }
    if be32(fields, 36) != 0 {
        let detail = "it is encrypted with AES".into();
        info.flaws.push(Flaw { kind: FlawKind::Encrypted, detail });
    }
}

fn qed(fields: &[u8], info: &mut Info) -> Result<(), Fault> {
    let features = le64(fields, 16);
    let (size, cluster) = (le64(fields, 48), le32(fields, 4));
    if features & !QED_KNOWN != 0 {
        let detail = format!("it needs features that nobody knows, bits {features:#x}");
        return Err(Flaw { kind: FlawKind::UnknownFeature, detail }.into());
    }
    if !cluster.is_power_of_two() || size % 512 != 0 {
        let detail = "its header has numbers that QED does not allow".into();
        return Err(Flaw { kind: FlawKind::Malformed, detail }.into());
    }
    info.virtual_size = size;
    if features & QED_BACKING != 0 {
        info.flaws.push(backing());
    }
    if features & QED_NEED_CHECK != 0 {
        let detail = "it was not closed properly".into();
        info.flaws.push(Flaw { kind: FlawKind::Dirty, detail });
    }
    Ok(())
}

/// LUKS 1: the disk is what lies behind the header and the keys. The offset is a number of sectors
/// (LUKS1 On-Disk Format Specification 1.2.3, figure 1).
fn luks(fields: &[u8], info: &mut Info) -> Result<(), Fault> {
    let detail = "it is an encrypted volume, to which neither has a key".into();
    info.flaws.push(Flaw { kind: FlawKind::Encrypted, detail });
    let payload = u64::from(be32(fields, 104)) * 512;
    let Some(size) = info.virtual_size.checked_sub(payload) else {
        info.virtual_size = 0;
        let detail = format!("its data begins at byte {payload}, behind the end of the file");
        return Err(Flaw { kind: FlawKind::Truncated, detail }.into());
    };
    info.virtual_size = size;
    Ok(())
}

/// `ParallelsHeader` in QEMU's `block/parallels.h`. The first of the two formats has a size of 32 bits.
fn parallels(fields: &[u8], info: &mut Info) {
    let sectors = match fields {
        [b'W', b'i', b't', b'h', b'o', b'u', b't', ..] => u64::from(le32(fields, 36)),
        _ => le64(fields, 36),
    };
    info.virtual_size = sectors.saturating_mul(512);
}

fn backing() -> Flaw {
    Flaw { kind: FlawKind::BackingFile, detail: "it stands on another file".into() }
}
