//! A *walk* visits a directory and what is below it, as `chmod -R` and `chown -R` do: links that it
//! meets are not followed.

use super::super::process::Process;
use super::super::status::{Refusal, Status, quoted};

/// Visits what stands at `path`, called `name` by the user, and all below it, parents first.
/// `visit` gets a path and what it is called.
pub(super) fn walk(
    process: &mut Process<'_>,
    (path, name): (String, &str),
    status: &mut Status,
    mut visit: impl FnMut(&mut Process<'_>, &str, &str, &mut Status) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut waiting = vec![(path, name.to_owned())];
    while let Some((path, name)) = waiting.pop() {
        visit(process, &path, &name, status)?;
        if !process.is_directory_at(&path) {
            continue;
        }
        let what = || format!("cannot read directory {}", quoted(&name));
        let names = status.take(process.open_directory(&path), what)?.unwrap_or_default();
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
