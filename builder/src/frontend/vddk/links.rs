//! The *links* of a kit, followed as the kernel would where the kit lies alone: nothing outside the
//! tree is there.

use thiserror::Error;

use super::node::{KitNodeKind, KitNodes};

/// As many links as Linux follows on the way to one file.
const LINKS_MAX: usize = 40;

/// A link that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the link `{link}` leads to `{target}`, {problem}")]
pub(crate) struct BrokenLink {
    /// Its path in the tree.
    pub(crate) link: String,
    /// What it says.
    pub(crate) target: String,
    /// What is wrong with that.
    pub(crate) problem: LinkProblem,
}

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum LinkProblem {
    /// What it names is not there.
    #[error("which is not there")]
    Missing,
    /// It leads out of the tree.
    #[error("outside the tree")]
    Outside,
    /// It leads to itself by way of others, or there are too many of them.
    #[error("and on without end")]
    Endless,
}

/// Returns the path that a path leads to; nothing where it is not there and no link is to blame.
pub(super) fn resolve(nodes: &KitNodes, path: &str) -> Result<Option<String>, BrokenLink> {
    let mut ahead: Vec<&str> = path.rsplit('/').collect();
    let mut at = String::new();
    let mut followed: Vec<(String, &str)> = Vec::new();
    while let Some(part) = ahead.pop() {
        match part {
            "" | "." => continue,
            ".." if at.is_empty() => return blame(&followed, LinkProblem::Outside),
            ".." => {
                at.truncate(at.rfind('/').unwrap_or_default());
                continue;
            }
            _ => {}
        }
        let next = join(&at, part);
        match nodes.get(&next).map(|node| &node.kind) {
            Some(KitNodeKind::Symlink(target)) => {
                ahead.extend(target.rsplit('/'));
                followed.push((next, target));
                if target.starts_with('/') {
                    return blame(&followed, LinkProblem::Outside);
                }
                if followed.len() > LINKS_MAX {
                    // None of them is to blame more than the others.
                    followed.truncate(1);
                    return blame(&followed, LinkProblem::Endless);
                }
            }
            Some(KitNodeKind::File { .. }) if !ahead.is_empty() => {
                return blame(&followed, LinkProblem::Missing);
            }
            Some(_) => at = next,
            None => return blame(&followed, LinkProblem::Missing),
        }
    }
    Ok(Some(at))
}

/// Blames the link that was followed last.
fn blame(followed: &[(String, &str)], problem: LinkProblem) -> Result<Option<String>, BrokenLink> {
    let Some((link, target)) = followed.last() else { return Ok(None) };
    Err(BrokenLink { link: link.clone(), target: (*target).to_owned(), problem })
}

/// Joins two paths, of which either may be empty.
pub(super) fn join(directory: &str, path: &str) -> String {
    let slash = if directory.is_empty() || path.is_empty() { "" } else { "/" };
    format!("{directory}{slash}{path}")
}
