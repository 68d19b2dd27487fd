//! Finding what a COPY or ADD names, as BuildKit does (`solver/llbsolver/file`, tonistiigi/fsutil
//! `copy/copy.go`).

use super::error::{LookupError, LookupErrorKind};
use super::listing::{ContextEntry, ContextEntryKind, ContextListing};
use crate::frontend::dockerfile::pattern::{Glob, Stars, clean, split_at_wildcards};
use crate::recipe::path::is_below;

/// As many symbolic links are followed on one path, as in containerd/continuity.
const LINKS_MAX: usize = 255;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedContextPath<'l> {
    /// Where it is in the listing, without symbolic links; empty for the root.
    pub path: String,
    /// What is there: never a symbolic link.
    pub found: &'l ContextEntry,
}

impl ContextListing {
    /// Finds what a path leads to. `..` and `/` in front of it stop at the root of the context;
    /// symbolic links are followed, also when the last part is one.
    ///
    /// An absolute link begins at the root of the context, as in BuildKit and buildah; one that finds
    /// nothing there, and one that climbs out with `..`, leads outside.
    pub fn resolve(&self, path: &str) -> Result<ResolvedContextPath<'_>, LookupError> {
        let cleaned = clean(&format!("/{path}"));
        let fail = |kind| LookupError { path: path.into(), kind };
        Resolver::new(self, &cleaned).run().map_err(fail)
    }

    /// Returns the paths that match a pattern, in the order of a walk. What stands in front of the
    /// first wildcard is a path as in [`ContextListing::resolve`]; behind it no symbolic link is
    /// followed, and below a directory that matches nothing is looked for. No match is no error.
    pub fn glob(&self, pattern: &str, stars: Stars) -> Result<Vec<String>, LookupError> {
        let fail = |kind| LookupError { path: pattern.into(), kind };
        let (literal, rest) = split_at_wildcards(pattern);
        let glob = Glob::parse(&rest, stars).map_err(|bad| fail(LookupErrorKind::Pattern(bad)))?;
        let base = match self.resolve(&literal) {
            Ok(base) => base.path,
            Err(LookupError { kind: LookupErrorKind::Missing, .. }) if !rest.is_empty() => {
                return Ok(Vec::new());
            }
            Err(LookupError { kind, .. }) => return Err(fail(kind)),
        };
        if rest.is_empty() {
            return Ok(vec![base]);
        }
        let mut matches: Vec<String> = Vec::new();
        for (path, _) in self.below(&base) {
            let relative = if base.is_empty() { path } else { &path[base.len() + 1..] };
            let known = matches.last().is_some_and(|found| is_below(path, found));
            if !known && glob.matches(relative) {
                matches.push(path.into());
            }
        }
        Ok(matches)
    }
}

/// A path that is followed part by part.
struct Resolver<'l, 'p> {
    listing: &'l ContextListing,
    /// The parts that are still to be gone through, the next one last.
    pending: Vec<&'p str>,
    /// Where the parts so far lead to.
    at: String,
    links: usize,
    /// The last symbolic link on the way.
    link: Option<Link<'l>>,
}

struct Link<'l> {
    path: String,
    target: &'l str,
    /// How many parts are pending behind those of the target.
    rest: usize,
}

impl<'l: 'p, 'p> Resolver<'l, 'p> {
    fn new(listing: &'l ContextListing, path: &'p str) -> Self {
        let pending = path.split('/').rev().collect();
        Self { listing, pending, at: String::new(), links: 0, link: None }
    }

    fn run(mut self) -> Result<ResolvedContextPath<'l>, LookupErrorKind> {
        let mut found = self.here()?;
        while let Some(part) = self.pending.pop() {
            if matches!(part, "" | ".") {
                continue;
            }
            if found.kind != ContextEntryKind::Directory {
                return Err(LookupErrorKind::NotADirectory(self.at));
            }
            if part == ".." {
                self.climb()?;
            } else {
                let slash = if self.at.is_empty() { "" } else { "/" };
                self.at.extend([slash, part]);
            }
            found = self.here()?;
            if let ContextEntryKind::Symlink(target) = &found.kind {
                self.follow(target)?;
                found = self.here()?;
            }
        }
        Ok(ResolvedContextPath { path: self.at, found })
    }

    fn here(&self) -> Result<&'l ContextEntry, LookupErrorKind> {
        self.listing.get(&self.at).ok_or_else(|| self.missing())
    }

    fn missing(&self) -> LookupErrorKind {
        // What is missing was named by the link, or by what stood behind it.
        let link = self.link.as_ref().filter(|link| self.pending.len() >= link.rest);
        match (link, self.listing.hidden(&self.at)) {
            (Some(link), _) if link.target.starts_with('/') => link.outside(),
            (_, Some(hider)) => LookupErrorKind::Ignored(hider),
            (Some(Link { path, target, .. }), None) => {
                LookupErrorKind::Dangling { link: path.clone(), target: (*target).into() }
            }
            (None, None) => LookupErrorKind::Missing,
        }
    }

    /// Goes up, which only a link can ask for: the path itself is clean.
    fn climb(&mut self) -> Result<(), LookupErrorKind> {
        if self.at.is_empty()
            && let Some(link) = &self.link
        {
            return Err(link.outside());
        }
        self.at.truncate(self.at.rfind('/').unwrap_or(0));
        Ok(())
    }

    /// Goes from a link to where its target begins.
    fn follow(&mut self, target: &'l str) -> Result<(), LookupErrorKind> {
        let path = self.at.clone();
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(LookupErrorKind::Loop(path));
        }
        let above = if target.starts_with('/') { 0 } else { path.rfind('/').unwrap_or(0) };
        self.at.truncate(above);
        self.link = Some(Link { path, target, rest: self.pending.len() });
        self.pending.extend(target.split('/').rev());
        Ok(())
    }
}

impl Link<'_> {
    fn outside(&self) -> LookupErrorKind {
        LookupErrorKind::Outside { link: self.path.clone(), target: self.target.into() }
    }
}
