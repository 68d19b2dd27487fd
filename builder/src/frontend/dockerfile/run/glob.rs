//! *Pathname expansion* replaces a pattern by the paths that match it, if there are any
//! (POSIX.1-2017, Shell & Utilities 2.13.3).

use std::ops::Range;

use super::error::RunError;
use super::expand::ShellParameters;
use super::pattern::{ExpandedByte, ShellPattern, is_pattern};
use super::process::Process;
use crate::frontend::dockerfile::tree::FollowLast;

/// Expands a field to arguments.
pub(super) fn expand_field(
    process: &Process<'_>,
    parameters: &ShellParameters<'_>,
    field: &[ExpandedByte],
    range: &Range<usize>,
) -> Result<Vec<String>, RunError> {
    if is_pattern(field) {
        let mut found = matching_paths(process, parameters, field, range)?;
        if !found.is_empty() {
            found.sort_unstable();
            return Ok(found);
        }
    }
    Ok(vec![field_text(field, range)?])
}

/// Returns the paths that match a pattern, extending the matches part by part.
fn matching_paths(
    process: &Process<'_>,
    parameters: &ShellParameters<'_>,
    field: &[ExpandedByte],
    range: &Range<usize>,
) -> Result<Vec<String>, RunError> {
    let mut found = vec![String::new()];
    for part in field.split_inclusive(|letter| letter.byte() == b'/') {
        let slash = if part.last().is_some_and(|last| last.byte() == b'/') { "/" } else { "" };
        let name = &part[..part.len() - slash.len()];
        if !is_pattern(name) {
            let part = field_text(part, range)?;
            for path in &mut found {
                parameters.spend(path.len() + part.len(), range)?;
                path.push_str(&part);
            }
            continue;
        }
        let refused = |what: &str| RunError::not_evaluated(what, range.clone());
        let pattern = ShellPattern::new(name).map_err(|problem| refused(problem.0))?;
        let is_hidden = name.first().is_some_and(|first| first.byte() == b'.');
        if is_hidden && (pattern.matches(b".") || pattern.matches(b"..")) {
            let problem = refused("a pattern that means `.` and `..` to some shells");
            return Err(problem.help("write `.[!.]*`"));
        }
        let mut next = Vec::new();
        for directory in found {
            let names = process.list_names(if directory.is_empty() { "." } else { &directory });
            for entry in names.unwrap_or_default() {
                parameters.spend(entry.len() * (1 + name.len() / 16) + directory.len(), range)?;
                if entry.starts_with('.') == is_hidden && pattern.matches(entry.as_bytes()) {
                    next.push(format!("{directory}{entry}{slash}"));
                }
            }
        }
        found = next;
    }
    found.retain(|path| process.stat(path, FollowLast::No).is_ok());
    Ok(found)
}

fn field_text(letters: &[ExpandedByte], range: &Range<usize>) -> Result<String, RunError> {
    let bytes = letters.iter().map(|letter| letter.byte()).collect();
    String::from_utf8(bytes).map_err(|_| RunError::new("this is not UTF-8", range.clone()))
}
