//! *Lookup* of the paths and patterns of COPY and ADD in a listing, as in BuildKit
//! (`solver/llbsolver/file`, tonistiigi/fsutil `copy/copy.go`).

use super::error::{LookupError, LookupErrorKind};
use super::listing::{ContextEntry, ContextEntryKind, ContextListing};
use crate::frontend::dockerfile::pattern::{DoubleStar, Glob, clean_path, split_at_wildcards};
use crate::recipe::path::is_below;

/// Maximum number of symbolic links followed on one path, as in containerd/continuity.
const LINKS_MAX: usize = 255;

/// Result of resolving a path in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedContextPath<'l> {
    /// Path in the listing, without symbolic links; empty for the root.
    pub path: String,
    /// Entry at the path, never a symbolic link.
    pub found: &'l ContextEntry,
}

impl ContextListing {
    /// Resolves a path. Leading `..` and `/` stop at the root of the context; symbolic links are
    /// followed, also when the last part is one.
    ///
    /// An absolute link starts at the root of the context, as in BuildKit and buildah; one whose
    /// target does not exist there, or that leaves the context with `..`, leads outside.
    pub fn resolve(&self, path: &str) -> Result<ResolvedContextPath<'_>, LookupError> {
        let cleaned = clean_path(&format!("/{path}"));
        let fail = |kind| LookupError { path: path.into(), kind };
        ContextResolver::new(self, &cleaned).resolve().map_err(fail)
    }

    /// Returns the paths that match a pattern, in the order of a walk. The part before the first
    /// wildcard is a path as in [`ContextListing::resolve`]; after it no symbolic link is followed,
    /// and nothing below a matching directory is searched. No match is not an error.
    pub fn glob(&self, pattern: &str, stars: DoubleStar) -> Result<Vec<String>, LookupError> {
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

/// Resolution of a path, part by part.
struct ContextResolver<'l, 'p> {
    listing: &'l ContextListing,
    /// Parts that remain, the next one last.
    pending: Vec<&'p str>,
    /// Path that the parts so far lead to.
    at: String,
    links: usize,
    /// Last symbolic link that was followed.
    link: Option<FollowedLink<'l>>,
}

struct FollowedLink<'l> {
    path: String,
    target: &'l str,
    /// Number of parts pending after those of the target.
    rest: usize,
}

impl<'l: 'p, 'p> ContextResolver<'l, 'p> {
    fn new(listing: &'l ContextListing, path: &'p str) -> Self {
        let pending = path.split('/').rev().collect();
        Self { listing, pending, at: String::new(), links: 0, link: None }
    }

    fn resolve(mut self) -> Result<ResolvedContextPath<'l>, LookupErrorKind> {
        let mut found = self.current_entry()?;
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
            found = self.current_entry()?;
            if let ContextEntryKind::Symlink(target) = &found.kind {
                self.follow(target)?;
                found = self.current_entry()?;
            }
        }
        Ok(ResolvedContextPath { path: self.at, found })
    }

    fn current_entry(&self) -> Result<&'l ContextEntry, LookupErrorKind> {
        self.listing.get(&self.at).ok_or_else(|| self.missing_error())
    }

    fn missing_error(&self) -> LookupErrorKind {
        // The missing path was named by the link's target, or by the parts after it.
        let link = self.link.as_ref().filter(|link| self.pending.len() >= link.rest);
        match (link, self.listing.hiding_rule(&self.at)) {
            (Some(link), _) if link.target.starts_with('/') => link.outside_error(),
            (_, Some(hider)) => LookupErrorKind::Ignored(hider),
            (Some(FollowedLink { path, target, .. }), None) => {
                LookupErrorKind::Dangling { link: path.clone(), target: (*target).into() }
            }
            (None, None) => LookupErrorKind::Missing,
        }
    }

    /// Goes to the parent, which only a link can require: the path itself is clean.
    fn climb(&mut self) -> Result<(), LookupErrorKind> {
        if self.at.is_empty()
            && let Some(link) = &self.link
        {
            return Err(link.outside_error());
        }
        self.at.truncate(self.at.rfind('/').unwrap_or(0));
        Ok(())
    }

    /// Goes from a link to the directory where its target starts.
    fn follow(&mut self, target: &'l str) -> Result<(), LookupErrorKind> {
        let path = self.at.clone();
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(LookupErrorKind::Loop(path));
        }
        let above = if target.starts_with('/') { 0 } else { path.rfind('/').unwrap_or(0) };
        self.at.truncate(above);
        self.link = Some(FollowedLink { path, target, rest: self.pending.len() });
        self.pending.extend(target.split('/').rev());
        Ok(())
    }
}

impl FollowedLink<'_> {
    fn outside_error(&self) -> LookupErrorKind {
        LookupErrorKind::Outside { link: self.path.clone(), target: self.target.into() }
    }
}
