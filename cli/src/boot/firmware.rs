//! *Firmware* runs before the boot loader of the disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{Machine, with_path};

/// Firmware of a machine.
#[derive(Debug)]
pub(super) enum Firmware {
    /// QEMU's own for the machine, by its name.
    BuiltIn(&'static str),
    /// UEFI.
    Flash {
        /// Image of the program.
        code: PathBuf,
        /// Image of the initial variables.
        variables: PathBuf,
    },
}

/// Finds UEFI firmware for a machine, in the data directory of QEMU or where distributions install
/// it.
pub(super) fn find_uefi(machine: &Machine, program: &Path) -> Option<Firmware> {
    let beside = program.parent().and_then(Path::parent).map(|prefix| prefix.join("share"));
    let shares = beside.into_iter().chain(["/usr/local/share".into(), "/usr/share".into()]);
    let flashes = shares.flat_map(|share| {
        let join = move |&(code, variables)| (share.join(code), share.join(variables));
        machine.flashes.iter().map(join)
    });
    let mut flashes = flashes.filter(|(code, variables)| code.is_file() && variables.is_file());
    flashes.next().map(|(code, variables)| Firmware::Flash { code, variables })
}

impl Firmware {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::BuiltIn(name) => name,
            Self::Flash { .. } => "uefi",
        }
    }

    /// Adds the firmware to QEMU's command; changes of variables are discarded.
    pub(super) fn add_to(&self, command: &mut Command) {
        let Self::Flash { code, variables } = self else { return };
        let options = "if=pflash,unit=0,readonly=on,format=raw,file=";
        command.arg("-drive").arg(with_path(options, code));
        let options = "if=pflash,unit=1,snapshot=on,format=raw,file=";
        command.arg("-drive").arg(with_path(options, variables));
    }
}
