//! A *copy* moves an image from somewhere to somewhere else, byte for byte: blobs first, then the
//! documents that name them, then its names.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::images::Images;
use crate::oci::moves::{self, Move};
use crate::oci::progress::Progress;
use crate::oci::sink::{Named, Sink};

/// What a copy works with.
pub struct CopyContext<'a> {
    /// Where the image is.
    pub images: &'a dyn Images,
    /// Where it shall be.
    pub sink: &'a dyn Sink,
    /// What it shall be called there.
    pub names: &'a [Reference],
    /// What a layout calls it if it has no names.
    pub tag: Option<&'a str>,
    /// How many blobs are moved at a time.
    pub jobs: usize,
    /// Listens.
    pub progress: &'a dyn Progress,
}

/// Why an image could not be copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// One end failed.
    #[error(transparent)]
    Sink(#[from] StorageError),
    /// A document that another names is not there.
    #[error("the image names {0}, which is not there")]
    Missing(Digest),
    /// A document is not what it should be.
    #[error("the document {0} cannot be used: {1}")]
    Document(Digest, String),
    /// The image has none for the platform that is wanted.
    #[error("the image has no manifest for {wanted}; it has {found}")]
    Platform {
        /// As the user gave it.
        wanted: Platform,
        /// What there is.
        found: String,
    },
}

/// An index may hold this many documents, and stand in this many others.
const DOCUMENTS_MAX: usize = 1000;
const DEPTH_MAX: usize = 3;

/// All documents of an image together are not longer, in bytes: they are kept in memory.
const DOCUMENTS_LEN_MAX: usize = 16 << 20;

/// What of a document matters here.
#[derive(Deserialize)]
struct Content {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    size: u64,
    platform: Option<OciPlatform>,
}

#[derive(Deserialize)]
struct OciPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// All that belongs to an image.
#[derive(Default)]
struct Parts {
    /// What is named stands before what names it.
    documents: Vec<Document>,
    /// By digest, so that each is moved once.
    blobs: BTreeMap<Digest, u64>,
}

/// Returns the part of an image that is for a platform; an image of one platform is that part.
pub fn choose(
    images: &dyn Images,
    root: Document,
    platform: Option<&Platform>,
) -> Result<Document, CopyError> {
    let Some(wanted) = platform.filter(|_| root.is_index()) else { return Ok(root) };
    let content = content(&root)?;
    let described: Vec<(&Descriptor, String)> =
        content.manifests.iter().map(|descriptor| (descriptor, describe(descriptor))).collect();
    let found = described.iter().find(|(_, name)| *name == wanted.to_string());
    let Some((descriptor, _)) = found else {
        let found: Vec<&str> = described.iter().map(|(_, name)| name.as_str()).collect();
        return Err(CopyError::Platform { wanted: wanted.clone(), found: found.join(", ") });
    };
    let digest = digest(&root, descriptor)?;
    images.document(digest)?.ok_or(CopyError::Missing(digest))
}

fn describe(descriptor: &Descriptor) -> String {
    let Some(platform) = &descriptor.platform else { return "an unknown platform".into() };
    let variant = platform.variant.iter().map(|variant| format!("/{variant}"));
    format!("{}/{}{}", platform.os, platform.architecture, variant.collect::<String>())
}

/// Copies an image and gives it its names.
pub fn copy(root: &Document, context: &CopyContext<'_>) -> Result<(), CopyError> {
    put(root, context)?;
    publish(root, context)
}

/// Copies an image without giving it a name.
pub fn put(root: &Document, context: &CopyContext<'_>) -> Result<(), CopyError> {
    let mut parts = Parts::default();
    collect(context.images, root, 0, &mut parts)?;
    let moves = parts.blobs.iter().map(|(digest, size)| Move {
        digest: *digest,
        size: *size,
        images: context.images,
        names: context.names,
    });
    moves::run(moves.collect(), context.sink, context.jobs, context.progress)?;
    for document in &parts.documents {
        context.sink.put(document, context.names)?;
    }
    Ok(())
}

/// Gives an image that is there its names.
pub(crate) fn publish(root: &Document, context: &CopyContext<'_>) -> Result<(), CopyError> {
    let image = root.plain_descriptor();
    let image = image.map_err(|error| CopyError::Document(root.digest, error.to_string()))?;
    let unnamed = context.names.is_empty().then_some(None);
    let names = context.names.iter().cloned().map(Some).chain(unnamed);
    let images: Vec<Named> = names
        .map(|name| Named { image: image.clone(), name, tag: context.tag.map(str::to_owned) })
        .collect();
    if context.progress.is_cancelled() {
        return Err(StorageError::Cancelled.into());
    }
    Ok(context.sink.publish(&images)?)
}

fn collect(
    images: &dyn Images,
    document: &Document,
    depth: usize,
    parts: &mut Parts,
) -> Result<(), CopyError> {
    let wrong = |why: &str| CopyError::Document(document.digest, why.into());
    if parts.documents.iter().any(|known| known.digest == document.digest) {
        return Ok(());
    }
    if depth > DEPTH_MAX {
        return Err(wrong("indexes stand in too many others"));
    }
    let content = content(document)?;
    for descriptor in &content.manifests {
        let digest = digest(document, descriptor)?;
        // An index can name one document thousands of times.
        if parts.documents.iter().any(|known| is_described(known, digest, descriptor)) {
            continue;
        }
        let child = images.document(digest)?.ok_or(CopyError::Missing(digest))?;
        if !is_described(&child, digest, descriptor) {
            return Err(wrong("it gives another size than one of its manifests has"));
        }
        collect(images, &child, depth + 1, parts)?;
    }
    for descriptor in content.config.iter().chain(&content.layers) {
        let known = parts.blobs.insert(digest(document, descriptor)?, descriptor.size);
        if known.is_some_and(|known| known != descriptor.size) {
            return Err(wrong("a blob has two sizes"));
        }
    }
    if parts.documents.len() >= DOCUMENTS_MAX {
        return Err(wrong("it names too many others"));
    }
    let len: usize = parts.documents.iter().map(|known| known.bytes.len()).sum();
    if len + document.bytes.len() > DOCUMENTS_LEN_MAX {
        return Err(wrong("the image's manifests are too long together"));
    }
    parts.documents.push(document.clone());
    Ok(())
}

fn is_described(document: &Document, digest: Digest, descriptor: &Descriptor) -> bool {
    document.digest == digest && document.bytes.len() as u64 == descriptor.size
}

fn content(document: &Document) -> Result<Content, CopyError> {
    serde_json::from_slice(&document.bytes)
        .map_err(|error| CopyError::Document(document.digest, error.to_string()))
}

fn digest(document: &Document, descriptor: &Descriptor) -> Result<Digest, CopyError> {
    let wrong = |_| {
        let why = format!("`{}` is not a sha256 digest", descriptor.digest);
        CopyError::Document(document.digest, why)
    };
    descriptor.digest.parse().map_err(wrong)
}

impl std::fmt::Debug for CopyContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyContext").field("names", &self.names).finish_non_exhaustive()
    }
}
