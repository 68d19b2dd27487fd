//! *Flaws* that the header of a qcow2 file declares.

use super::header::{Qcow2Encryption, Qcow2Header};
use crate::disk::refusals::{encrypted, needs_backing_file, needs_features};
use crate::disk::{DiskFormat, Flaw, FlawKind};

/// What to do with a disk in which QEMU found damage.
const REPAIR: &str = "repair it with `qemu-img check -r all DISK`, or create it again";

/// What to do with a disk and its backing files.
const FLATTEN: &str = "set `flatten: true` in a spec, all files in one directory, or make one file of both with \
     `qemu-img convert -O qcow2 DISK new.qcow2`";

impl Qcow2Header {
    /// Returns the flaws that the header declares.
    pub(super) fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let backing = self.backing_file.as_ref();
        let backing = backing.map(|file| needs_backing_file(Some(&file.name)));
        flaws.extend(backing.map(|flaw| flaw.with_remedy(FLATTEN)));
        flaws.extend(self.has_data_file().then(|| self.needs_data_file()));
        flaws.extend((self.unknown_incompatible() != 0).then(|| self.needs_unknown_features()));
        if self.is_corrupt() {
            let flaw = Flaw::new(FlawKind::Corrupt, "it is marked as corrupt");
            flaws.push(flaw.with_remedy(REPAIR));
        }
        let encryption = match self.encryption {
            Qcow2Encryption::None => None,
            Qcow2Encryption::Aes => Some("it is encrypted with AES"),
            Qcow2Encryption::Luks => Some("it is encrypted as LUKS is"),
        };
        flaws.extend(encryption.map(|detail| encrypted(DiskFormat::Qcow2, detail)));
        if self.is_dirty() {
            let detail = "it was not closed properly and its reference counts are old";
            flaws.push(Flaw::new(FlawKind::Dirty, detail));
        }
        if self.snapshot_count > 0 {
            let count = self.snapshot_count;
            let detail = format!(
                "it has {count} internal snapshots, which virtual machines \
                 cannot use"
            );
            flaws.push(Flaw::new(FlawKind::Snapshots, detail));
        }
        flaws
    }

    fn needs_data_file(&self) -> Flaw {
        let name = self.data_file.as_deref().map(|name| format!(", `{}`", name.escape_debug()));
        let name = name.unwrap_or_default();
        Flaw::new(FlawKind::DataFile, format!("its data is in another file{name}"))
    }

    fn needs_unknown_features(&self) -> Flaw {
        let mut flaw = needs_features(self.unknown_incompatible());
        if !self.unknown_features.is_empty() {
            flaw.detail = format!("{} ({})", flaw.detail, self.unknown_features.join(", "));
        }
        flaw
    }
}
