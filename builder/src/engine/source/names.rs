//! *Names* of disks in messages.

/// Maximum number of names in a message.
const NAMES_MAX: usize = 8;

/// Lists the names of disks, and the number of those that are left out.
pub(super) fn list_names(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_MAX).map(|name| format!("`{}`", name.escape_debug()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown}, {more} more"),
    }
}
