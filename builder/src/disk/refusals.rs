//! *Refusals*: flaws that several formats share, with the same description.

use super::{DiskFormat, Flaw, FlawKind};

/// Returns the first flaw as an error, if there is one.
pub(super) fn refuse_first(flaws: &[Flaw]) -> Result<(), Flaw> {
    flaws.first().map_or(Ok(()), |flaw| Err(flaw.clone()))
}

/// What to do with a part of a VMDK, and with its descriptor.
pub(super) const NAME_THE_DESCRIPTOR: &str = "name the whole disk, DESCRIPTOR, and build with `--convert qcow2`, all of its files in one directory; \
     `qemu-img convert -O qcow2 DESCRIPTOR new.qcow2` makes one file of them, too";
pub(super) const JOIN_EXTENTS: &str = "build with `--convert qcow2`, or `convert: qcow2` in a spec, all of its files in one directory; \
     `qemu-img convert -O qcow2 DISK new.qcow2` makes one file of them, too";

/// What to do with a disk and its parent: with QEMU, and with the programs that know the formats
/// whose parents QEMU does not read.
pub(super) const JOIN: &str =
    "make one file of both with `qemu-img convert -O qcow2 DISK new.qcow2`";
pub(super) const JOIN_VDI: &str =
    "make one file of both with `VBoxManage clonemedium disk DISK new.vdi`";
pub(super) const JOIN_VHD: &str =
    "merge it into its parent with `Merge-VHD -Path DISK`, in Hyper-V, and use that";

/// What to do with encrypted disks, by format.
const DECRYPT_QCOW2: &str = "decrypt it with `qemu-img convert --object secret,id=key,file=KEYFILE --image-opts \
     driver=qcow2,file.filename=DISK,encrypt.key-secret=key -O qcow2 new.qcow2`, its passphrase in \
     KEYFILE; encrypt file systems inside the virtual machine instead";
const DECRYPT_QCOW: &str = "decrypt it with `qemu-img convert --object secret,id=key,file=KEYFILE --image-opts \
     driver=qcow,file.filename=DISK,encrypt.key-secret=key -O qcow2 new.qcow2`, its passphrase in \
     KEYFILE; encrypt file systems inside the virtual machine instead";
const DECRYPT_LUKS: &str = "decrypt it with `qemu-img convert --object secret,id=key,file=KEYFILE --image-opts \
     driver=luks,file.filename=DISK,key-secret=key -O qcow2 new.qcow2`, its passphrase in KEYFILE; \
     encrypt file systems inside the virtual machine instead";

/// What to do with formats that QEMU reads.
const CONVERT: &str = "convert it with `qemu-img convert -O qcow2 DISK new.qcow2`";

/// Returns the flaw of a disk with a parent, whose name may be known.
pub(super) fn needs_parent(name: Option<&str>, remedy: &'static str) -> Flaw {
    let detail = match name {
        Some(name) => format!("what is not in it is in its parent, {name}"),
        None => "what is not in it is in another disk, its parent".to_owned(),
    };
    Flaw::new(FlawKind::BackingFile, detail).with_remedy(remedy)
}

/// Returns the flaw of a disk with a backing file, whose name may be known.
pub(super) fn needs_backing_file(name: Option<&str>) -> Flaw {
    let name = name.map(|name| format!(", `{}`", name.escape_debug())).unwrap_or_default();
    Flaw::new(FlawKind::BackingFile, format!("it has a backing file{name}")).with_remedy(JOIN)
}

/// Returns the flaw of a disk that needs unknown features, as bits.
pub(super) fn needs_features(bits: u64) -> Flaw {
    let detail = format!("it needs unknown features, bits {bits:#x}");
    Flaw::new(FlawKind::UnknownFeature, detail)
}

/// Returns the flaw of an encrypted disk in a format.
pub(super) fn encrypted(format: DiskFormat, detail: &str) -> Flaw {
    let remedy = match format {
        DiskFormat::Luks => DECRYPT_LUKS,
        DiskFormat::Qcow => DECRYPT_QCOW,
        _ => DECRYPT_QCOW2,
    };
    Flaw::new(FlawKind::Encrypted, detail).with_remedy(remedy)
}

/// Returns the flaw of a disk without any data.
pub(super) fn never_written() -> Flaw {
    Flaw::new(FlawKind::Blank, "no byte of the disk in it was ever written")
}

/// Returns the flaw of a table of blocks that is longer than the file.
pub(super) fn table_exceeds_file(blocks: u64, at: u64) -> Flaw {
    let detail = format!("the table of {blocks} blocks at byte {at} exceeds the file");
    Flaw::new(FlawKind::OutsideFile, detail)
}

/// Returns the flaw of a format that only CDI accepts.
pub(super) fn cdi_only_format(format: DiskFormat) -> Flaw {
    let detail = format!("its format is {format}: CDI converts it, KubeVirt does not take it");
    Flaw::new(FlawKind::CdiOnly, detail)
}

/// Returns the flaw of a format that neither KubeVirt nor CDI accepts.
pub(super) fn unsupported_format(format: DiskFormat) -> Flaw {
    let detail = format!("its format is {format}, which neither KubeVirt nor CDI takes");
    Flaw::new(FlawKind::Unsupported, detail).with_remedy(CONVERT)
}
