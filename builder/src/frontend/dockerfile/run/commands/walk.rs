//! A *walk* visits a directory and everything below it, as `chmod -R` and `chown -R` do: links that
//! it meets are not followed.

use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, quoted};

/// Visits `path`, which the user calls `name`, and everything below it, parents first. `visit`
/// receives each path and its name.
pub(super) fn walk(
    process: &mut Process<'_>,
    (path, name): (String, &str),
    status: &mut CommandStatus,
    mut visit: impl FnMut(
        &mut Process<'_>,
        &str,
        &str,
        &mut CommandStatus,
    ) -> Result<(), CommandRefusal>,
) -> Result<(), CommandRefusal> {
    let mut waiting = vec![(path, name.to_owned())];
    while let Some((path, name)) = waiting.pop() {
        visit(process, &path, &name, status)?;
        if !process.is_directory_at(&path) {
            continue;
        }
        let what = || format!("cannot read directory {}", quoted(&name));
        let names = status.record(process.list_searchable(&path), what)?.unwrap_or_default();
        let below = names.into_iter().rev().map(|child| (join(&path, &child), join(&name, &child)));
        waiting.extend(below);
    }
    Ok(())
}

/// Returns the path of a name in a directory.
fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{}/{name}", directory.trim_end_matches('/'))
    }
}
