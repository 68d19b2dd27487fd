//! The memory that members of layers take, which are *kept* until the whole image is judged.

use crate::oci::tar::{TarEntry, TarEntryKind};

/// About how many bytes a member takes besides its path and the target of its link.
const MEMBER_LEN: usize = 128;

/// Returns about how many bytes of memory a member takes.
pub(super) fn kept_len(found: &TarEntry) -> usize {
    let link = match &found.kind {
        TarEntryKind::Symlink(to) | TarEntryKind::Hardlink(to) => to.len(),
        _ => 0,
    };
    found.path.len() + link + MEMBER_LEN
}
