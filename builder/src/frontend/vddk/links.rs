//! The *links* of a kit, followed as by a kernel with the kit as its only content: nothing outside the
//! kit exists.

use thiserror::Error;

use super::node::{KitNodeKind, KitNodes};

/// Maximum number of links in the resolution of one path, as in Linux.
const LINKS_MAX: usize = 40;

/// A link that cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the link `{link}` leads to `{target}`, {problem}")]
pub(crate) struct BrokenLink {
    /// Path of the link in the kit.
    pub(crate) link: String,
    /// Target of the link.
    pub(crate) target: String,
    /// What is wrong with the target.
    pub(crate) problem: LinkProblem,
}

/// Why a link cannot be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum LinkProblem {
    /// The target does not exist.
    #[error("which is not there")]
    Missing,
    /// The target is outside the kit.
    #[error("outside the tree")]
    Outside,
    /// The links form a circle, or there are too many of them.
    #[error("and on without end")]
    Endless,
}

/// Returns the path after following links, or `None` if it does not exist and no link is to blame.
pub(super) fn resolve_path(nodes: &KitNodes, path: &str) -> Result<Option<String>, BrokenLink> {
    let mut ahead: Vec<&str> = path.rsplit('/').collect();
    let mut at = String::new();
    let mut followed: Vec<(String, &str)> = Vec::new();
    while let Some(part) = ahead.pop() {
        match part {
            "" | "." => continue,
            ".." if at.is_empty() => return blame_last_link(&followed, LinkProblem::Outside),
            ".." => {
                at.truncate(at.rfind('/').unwrap_or_default());
                continue;
            }
            _ => {}
        }
        let next = join_paths(&at, part);
        match nodes.get(&next).map(|node| &node.kind) {
            Some(KitNodeKind::Symlink(target)) => {
                ahead.extend(target.rsplit('/'));
                followed.push((next, target));
                if target.starts_with('/') {
                    return blame_last_link(&followed, LinkProblem::Outside);
                }
                if followed.len() > LINKS_MAX {
                    // None of them is to blame more than the others.
                    followed.truncate(1);
                    return blame_last_link(&followed, LinkProblem::Endless);
                }
            }
            Some(KitNodeKind::File { .. }) if !ahead.is_empty() => {
                return blame_last_link(&followed, LinkProblem::Missing);
            }
            Some(_) => at = next,
            None => return blame_last_link(&followed, LinkProblem::Missing),
        }
    }
    Ok(Some(at))
}

/// Returns the error of the link that was followed last, or `None` if none was.
fn blame_last_link(
    followed: &[(String, &str)],
    problem: LinkProblem,
) -> Result<Option<String>, BrokenLink> {
    let Some((link, target)) = followed.last() else { return Ok(None) };
    Err(BrokenLink { link: link.clone(), target: (*target).to_owned(), problem })
}

/// Joins two paths, of which either may be empty.
pub(super) fn join_paths(directory: &str, path: &str) -> String {
    let slash = if directory.is_empty() || path.is_empty() { "" } else { "/" };
    format!("{directory}{slash}{path}")
}
