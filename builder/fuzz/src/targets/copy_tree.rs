//! Files are copied by a Dockerfile from a context and between stages. The lines up to `--` are the context:
//! `dir/`, `link -> target`, `|pipe`, `=socket` and files, of which several that end in the same digit are
//! one; the rest is the Dockerfile. What comes of it are layers in which each directory comes before what is
//! in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use diskette_builder::engine::source::{ArchiveDownloads, UnverifiedPolicy};
use diskette_builder::frontend::dockerfile::base::{BaseLoader, BaseResolver};
use diskette_builder::frontend::dockerfile::context::{
    BuildContext, ContextEntry, ContextEntryKind, ContextError, ContextListing,
    ContextListingBuilder, FileIdentity,
};
use diskette_builder::frontend::dockerfile::pattern::{IgnoreFile, clean_path};
use diskette_builder::frontend::dockerfile::{BuildContexts, DockerfileRequest, lower, parse};
use diskette_builder::oci::progress::NoProgress;
use diskette_builder::oci::tar::{ExtendedAttributes, TarLimits};
use diskette_builder::recipe::diagnostic::SourceText;
use diskette_builder::recipe::{LayerEntryKind, PlatformRecipe, RecipeStep, SpecialKind};

use super::http_exchange::client;
use super::valid_text;
use crate::images::MemoryImages;

/// A copy can double a tree, and the limit on all entries is higher than what fits into the memory of a
/// target.
const INSTRUCTIONS_MAX: usize = 16;

/// A context that has no content.
struct Context(ContextListing);

impl BuildContext for Context {
    fn listing(&self) -> Result<&ContextListing, &ContextError> {
        Ok(&self.0)
    }

    fn open(&self, _: &Path) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl BuildContexts for Context {
    fn context(&self, name: &str) -> Option<&dyn BuildContext> {
        name.is_empty().then_some(self)
    }
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let (tree, dockerfile) = valid_text(bytes).split_once("--\n").unwrap_or_default();
    // Nothing is downloaded.
    if dockerfile.contains("://") || dockerfile.lines().count() > INSTRUCTIONS_MAX {
        return;
    }
    let source = Arc::new(SourceText { name: "Dockerfile".into(), text: dockerfile.into() });
    let Ok(dockerfile) = parse(&source) else { return };
    let (images, client, resolver) = (MemoryImages::default(), client(), BaseResolver::default());
    let platform = "linux/amd64".parse().expect("a platform");
    let request = DockerfileRequest {
        dockerfile: &dockerfile,
        contexts: &Context(listing(tree)),
        images: &BTreeMap::new(),
        build_args: &BTreeMap::new(),
        target: None,
        platforms: std::slice::from_ref(&platform),
        build_platform: &platform,
        bases: &BaseLoader {
            opener: &images,
            cache: None,
            resolver: &resolver,
            limits: TarLimits::default(),
            progress: &NoProgress,
        },
        downloads: &ArchiveDownloads::new(&client, UnverifiedPolicy::Refuse),
    };
    match lower(&request) {
        Ok(lowered) => lowered.recipe.platforms.iter().for_each(check),
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.message.is_empty());
                let span = problem.span;
                assert!(span.is_none_or(|span| source.text.get(span.range).is_some()));
            }
        }
    }
}

fn listing(tree: &str) -> ContextListing {
    let source = Arc::new(SourceText { name: ".dockerignore".into(), text: String::new() });
    let ignore = IgnoreFile::parse(&source).expect("an empty ignore file");
    let mut builder = ContextListingBuilder::new(ignore, 0o755);
    let mut found = BTreeMap::new();
    for (line, number) in tree.lines().take(64).zip(1..) {
        let (path, kind) = entry(line, number);
        let path = clean_path(path.trim_matches('/'));
        let is_path = |part: &str| !matches!(part, "" | "." | "..");
        if path.split('/').all(is_path) {
            // What a walk finds has its directories.
            for (at, _) in path.match_indices('/') {
                found.insert(path[..at].to_owned(), ContextEntryKind::Directory);
            }
            found.entry(path.to_string()).or_insert(kind);
        }
    }
    for (path, kind) in found {
        let xattrs = ExtendedAttributes::default();
        builder.add(path, ContextEntry { kind, mode: 0o640, xattrs });
    }
    builder.finish()
}

fn entry(line: &str, number: u64) -> (&str, ContextEntryKind) {
    if let Some((link, target)) = line.split_once(" -> ") {
        return (link, ContextEntryKind::Symlink(target.into()));
    }
    match line.split_at_checked(1) {
        Some(("|", path)) => (path, ContextEntryKind::Special(SpecialKind::Fifo)),
        Some(("=", path)) => (path, ContextEntryKind::Socket),
        _ if line.ends_with('/') => (line, ContextEntryKind::Directory),
        _ => {
            let digit = line.bytes().last().filter(u8::is_ascii_digit);
            let inode = digit.map_or(number + 256, u64::from);
            (line, ContextEntryKind::File { size: 1, identity: FileIdentity { device: 1, inode } })
        }
    }
}

fn check(image: &PlatformRecipe) {
    assert!(image.base.is_none(), "there are no images");
    let mut directories = vec![String::new()];
    for step in &image.steps {
        let RecipeStep::Layer(layer) = step else { continue };
        let mut files = Vec::new();
        for entry in layer.entries() {
            let path = &entry.path;
            assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            assert!(directories.iter().any(|path| path == parent), "{path:?} has no parent");
            match &entry.kind {
                LayerEntryKind::Directory => directories.push(path.clone()),
                LayerEntryKind::File(_) => files.push(path.as_str()),
                LayerEntryKind::Hardlink(target) => {
                    assert!(files.contains(&target.as_str()), "{path:?} links to {target:?}");
                }
                _ => {}
            }
        }
    }
}
