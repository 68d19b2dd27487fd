//! *Refusals*: flaws that several formats share, with the same description.

use super::{DiskFormat, Flaw, FlawKind};

/// Returns the first flaw as an error, if there is one.
pub(super) fn refuse_first(flaws: &[Flaw]) -> Result<(), Flaw> {
    flaws.first().map_or(Ok(()), |flaw| Err(flaw.clone()))
}

/// Returns the flaw of a disk with a parent, whose name may be known.
pub(super) fn needs_parent(name: Option<&str>) -> Flaw {
    let detail = match name {
        Some(name) => format!("what is not in it is in its parent, {name}"),
        None => "what is not in it is in another disk, its parent".to_owned(),
    };
    Flaw::new(FlawKind::BackingFile, detail)
}

/// Returns the flaw of a disk with a backing file, whose name may be known.
pub(super) fn needs_backing_file(name: Option<&str>) -> Flaw {
    let name = name.map(|name| format!(", `{}`", name.escape_debug())).unwrap_or_default();
    Flaw::new(FlawKind::BackingFile, format!("it stands on another file{name}"))
}

/// Returns the flaw of a disk that needs unknown features, as bits.
pub(super) fn needs_features(bits: u64) -> Flaw {
    let detail = format!("it needs features that nobody knows, bits {bits:#x}");
    Flaw::new(FlawKind::UnknownFeature, detail)
}

/// Returns the flaw of a disk whose clusters are encrypted with AES.
pub(super) fn encrypted_with_aes() -> Flaw {
    Flaw::new(FlawKind::Encrypted, "it is encrypted with AES")
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
    Flaw::new(FlawKind::Unsupported, detail)
}
