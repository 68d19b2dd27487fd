//! What package managers keep that is *not read*: a reader is told of it.

use crate::disk::Fault;
use crate::disk::file_system::FileTree;

/// Directories of such package managers, and their names.
const DIRECTORIES: [(&str, &str); 5] = [
    ("/var/lib/pacman/local", "pacman"),
    ("/nix/store", "Nix"),
    ("/var/db/pkg", "Portage"),
    ("/var/lib/snapd/snaps", "snap"),
    ("/var/lib/flatpak/app", "Flatpak"),
];

/// The database of rpm before version 4.16, as in CentOS 7 and RHEL 8.
const OLD_RPM: &str = "/var/lib/rpm/Packages";

/// Returns phrases about the package managers of a system that are not read.
pub(in crate::sbom) fn list_unread(tree: &FileTree<'_>) -> Result<Vec<String>, Fault> {
    let mut notes = Vec::new();
    for (path, name) in DIRECTORIES {
        if tree.has_entries(path)? {
            notes.push(format!("packages of {name} (`{path}`) are not read"));
        }
    }
    if tree.open(OLD_RPM)?.is_some() {
        notes.push(format!(
            "the database of rpm in the form of Berkeley DB (`{OLD_RPM}`) is not read"
        ));
    }
    Ok(notes)
}
