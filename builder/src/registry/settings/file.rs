//! The entries of a `registries.conf`, as podman 4 reads it.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::document::{RawMirror, RawRegistry, access, first_line, read_document, transport};
use super::entry::{BrokenEntry, MirrorPull, RegistryEntry, RegistryMirror};
use super::version_1::Version1Registry;
use crate::net::http::PrivateRedirects;
use crate::recipe::diagnostic::{Diagnostic, SourceText, Span};

/// The entries of one file, each prefix once.
#[derive(Default)]
pub(super) struct FileEntries {
    pub(super) entries: Vec<RegistryEntry>,
    pub(super) broken: Vec<BrokenEntry>,
}

/// Parses the entries of a file. Fails if the file as a whole cannot be read; an entry with problems
/// stops only what it applies to.
pub(super) fn parse_entries(source: &Arc<SourceText>) -> Result<FileEntries, Diagnostic> {
    let file = read_document(source)?;
    let mut reader = EntryReader { source, problems: Vec::new() };
    let mut found = FileEntries::default();
    if let Some(lists) = &file.registries {
        for registry in lists.get_ref().registries() {
            let entry = reader.read_version_1(&registry);
            found.add(entry, registry.location.get_ref(), &mut reader);
        }
    }
    for registry in &file.registry {
        let raw = registry.get_ref();
        let entry = reader.read_entry(registry);
        let prefix = raw.prefix.as_ref().or(raw.location.as_ref());
        found.add(entry, prefix.map_or("", |prefix| prefix.get_ref()), &mut reader);
    }
    Ok(found)
}

impl FileEntries {
    /// Adds an entry, or the problems that were found in it.
    fn add(&mut self, entry: Option<RegistryEntry>, prefix: &str, reader: &mut EntryReader<'_>) {
        if let Some(entry) = &entry {
            reader.check_conflict(entry, &self.entries);
        }
        let problems = std::mem::take(&mut reader.problems);
        match entry {
            // Of two entries with the same prefix podman uses the first.
            Some(entry) if problems.is_empty() => {
                if self.entries.iter().all(|old| old.prefix != entry.prefix) {
                    self.entries.push(entry);
                }
            }
            _ => {
                let prefix = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
                let prefix = prefix.trim_end_matches('/').to_owned();
                self.broken.push(BrokenEntry { prefix, problems });
            }
        }
    }
}

struct EntryReader<'s> {
    source: &'s Arc<SourceText>,
    problems: Vec<Diagnostic>,
}

impl EntryReader<'_> {
    fn report_problem(
        &mut self,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = first_line(self.source, range);
        self.problems.push(Diagnostic::new(message).at(span).help(help));
    }

    fn read_entry(&mut self, registry: &Spanned<RawRegistry>) -> Option<RegistryEntry> {
        let before = self.problems.len();
        let raw = registry.get_ref();
        let location = self.read_location(raw.location.as_ref());
        let prefix = self.read_prefix(raw.prefix.as_ref());
        if let Some(value) = &raw.pull_from_mirror {
            let message = "`pull-from-mirror` is about a mirror, not a registry";
            self.report_problem(value.span(), message, "move it under `[[registry.mirror]]`");
        }
        let mirrors =
            raw.mirror.iter().filter_map(|mirror| self.read_mirror(mirror, raw)).collect();
        if self.problems.len() > before {
            return None;
        }
        let Some(prefix) = prefix.or_else(|| location.clone()) else {
            let message = "a registry has neither `prefix` nor `location`";
            self.report_problem(registry.span(), message, "add `location = \"HOST\"`");
            return None;
        };
        if location.is_none() && !prefix.starts_with("*.") {
            let message = format!("`location` is missing for `{prefix}`");
            self.report_problem(registry.span(), message, format!("add `location = \"{prefix}\"`"));
            return None;
        }
        Some(RegistryEntry {
            prefix,
            location,
            transport: raw.insecure,
            redirects: raw.allow_private_redirects,
            access: raw.blocked,
            mirrors,
            origin: first_line(self.source, registry.span()),
        })
    }

    fn read_version_1(&mut self, registry: &Version1Registry<'_>) -> Option<RegistryEntry> {
        let location = registry.location;
        let prefix = self.read_prefix(Some(location));
        if prefix.is_none() && self.problems.is_empty() {
            self.report_problem(location.span(), "a registry has no name", "write its host there");
        }
        let prefix = prefix?;
        Some(RegistryEntry {
            // `*.` and a domain keeps the names of its registries.
            location: (!prefix.starts_with("*.")).then(|| prefix.clone()),
            prefix,
            transport: transport(registry.insecure),
            redirects: PrivateRedirects::Refuse,
            access: access(registry.blocked),
            mirrors: Vec::new(),
            origin: Span::new(self.source, location.span()),
        })
    }

    fn read_mirror(
        &mut self,
        mirror: &Spanned<RawMirror>,
        registry: &RawRegistry,
    ) -> Option<RegistryMirror> {
        let raw = mirror.get_ref();
        let before = self.problems.len();
        let location = self.read_location(raw.location.as_ref());
        if location.is_none() && self.problems.len() == before {
            self.report_problem(
                mirror.span(),
                "`location` is missing for a mirror",
                "add `location = \"HOST\"`",
            );
        }
        let pull = self.read_pull(raw.pull_from_mirror.as_ref(), registry)?;
        let redirects = raw.allow_private_redirects;
        Some(RegistryMirror { location: location?, transport: raw.insecure, redirects, pull })
    }

    fn read_pull(
        &mut self,
        value: Option<&Spanned<String>>,
        registry: &RawRegistry,
    ) -> Option<MirrorPull> {
        let Some(value) = value.filter(|value| !value.get_ref().is_empty()) else {
            let pull = if registry.mirror_by_digest_only {
                MirrorPull::DigestOnly
            } else {
                MirrorPull::All
            };
            return Some(pull);
        };
        if registry.mirror_by_digest_only {
            let message = "both `mirror-by-digest-only` and `pull-from-mirror`";
            self.report_problem(value.span(), message, "remove `mirror-by-digest-only`");
            return None;
        }
        match value.get_ref().as_str() {
            "all" => Some(MirrorPull::All),
            "digest-only" => Some(MirrorPull::DigestOnly),
            "tag-only" => Some(MirrorPull::TagOnly),
            other => {
                let message = format!("`{}` is not known here", other.escape_debug());
                self.report_problem(
                    value.span(),
                    message,
                    "write `all`, `digest-only` or `tag-only`",
                );
                None
            }
        }
    }

    /// Reads a registry, or a path in one, without trailing slashes.
    fn read_location(&mut self, value: Option<&Spanned<String>>) -> Option<String> {
        let value = value?;
        let location = value.get_ref().trim_end_matches('/');
        if location.is_empty() || self.check_scheme(value, location).is_none() {
            return None;
        }
        Some(location.into())
    }

    fn read_prefix(&mut self, value: Option<&Spanned<String>>) -> Option<String> {
        let prefix = value?.get_ref();
        let Some(domain) = prefix.strip_prefix("*.") else { return self.read_location(value) };
        if domain.is_empty() || domain.contains(['/', '@', ':', '*']) {
            let message = format!("`{}` is not `*.` and a domain", prefix.escape_debug());
            self.report_problem(value?.span(), message, "write it like `*.example.com`");
            return None;
        }
        Some(prefix.clone())
    }

    fn check_scheme(&mut self, value: &Spanned<String>, location: &str) -> Option<()> {
        let Some((scheme @ ("http" | "https"), rest)) = location.split_once("://") else {
            return Some(());
        };
        let insecure = if scheme == "http" { ", and add `insecure = true`" } else { "" };
        let message = "a registry is named without `http://` and `https://`";
        self.report_problem(value.span(), message, format!("write `{rest}`{insecure}"));
        None
    }

    /// Reports entries of one registry that differ in `insecure` or `blocked`.
    fn check_conflict(&mut self, entry: &RegistryEntry, others: &[RegistryEntry]) {
        let location =
            |entry: &RegistryEntry| entry.location.clone().unwrap_or(entry.prefix.clone());
        for other in others.iter().filter(|other| location(other) == location(entry)) {
            let key = if other.transport != entry.transport {
                "insecure"
            } else if other.access != entry.access {
                "blocked"
            } else {
                continue;
            };
            let message = format!("`{}` has two entries that differ in `{key}`", location(entry));
            let help = format!("the other one is at {}", other.origin);
            self.report_problem(entry.origin.range.clone(), message, help);
        }
    }
}
