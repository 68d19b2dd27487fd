//! *Pathname expansion* replaces a pattern by the paths that match it, if there are any
//! (POSIX.1-2017, Shell & Utilities 2.13.3).

use std::ops::Range;

use super::error::RunError;
use super::expand::Parameters;
use super::pattern::{Letter, Pattern, is_pattern};
use super::process::Process;
use crate::frontend::dockerfile::tree::Follow;

/// Returns the arguments that a field becomes.
pub(super) fn expand(
    process: &Process<'_>,
    parameters: &Parameters<'_>,
    field: &[Letter],
    range: &Range<usize>,
) -> Result<Vec<String>, RunError> {
    if is_pattern(field) {
        let mut found = paths(process, parameters, field, range)?;
        if !found.is_empty() {
            found.sort_unstable();
            return Ok(found);
        }
    }
    Ok(vec![text(field, range)?])
}

/// Walks the parts of a pattern; after each there are the paths that match it so far.
fn paths(
    process: &Process<'_>,
    parameters: &Parameters<'_>,
    field: &[Letter],
    range: &Range<usize>,
) -> Result<Vec<String>, RunError> {
    let mut found = vec![String::new()];
    for part in field.split_inclusive(|letter| letter.byte() == b'/') {
        let slash = if part.last().is_some_and(|last| last.byte() == b'/') { "/" } else { "" };
        let name = &part[..part.len() - slash.len()];
        if !is_pattern(name) {
            let part = text(part, range)?;
            for path in &mut found {
                parameters.spend(path.len() + part.len(), range)?;
                path.push_str(&part);
            }
            continue;
        }
        let refused = |what: &str| RunError::not_evaluated(what, range.clone());
        let pattern = Pattern::new(name).map_err(|problem| refused(problem.0))?;
        let is_hidden = name.first().is_some_and(|first| first.byte() == b'.');
        if is_hidden && (pattern.matches(b".") || pattern.matches(b"..")) {
            let problem = refused("a pattern that means `.` and `..` to some shells");
            return Err(problem.help("write `.[!.]*`"));
        }
        let mut next = Vec::new();
        for directory in found {
            let names = process.names(if directory.is_empty() { "." } else { &directory });
            for entry in names.unwrap_or_default() {
                parameters.spend(entry.len() * (1 + name.len() / 16) + directory.len(), range)?;
                if entry.starts_with('.') == is_hidden && pattern.matches(entry.as_bytes()) {
                    next.push(format!("{directory}{entry}{slash}"));
                }
            }
        }
        found = next;
    }
    found.retain(|path| process.stat(path, Follow::No).is_ok());
    Ok(found)
}

fn text(letters: &[Letter], range: &Range<usize>) -> Result<String, RunError> {
    let bytes = letters.iter().map(|letter| letter.byte()).collect();
    String::from_utf8(bytes).map_err(|_| RunError::new("this is not UTF-8", range.clone()))
}
