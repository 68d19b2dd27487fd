//! To *diff* two images is to find out why their digests differ: which field of which document,
//! which entry of which layer, which bytes of which file. A difference that follows from another
//! one (the digest of a document that differs) is not reported.

mod contents;
mod fields;
mod layers;
mod tars;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use self::fields::{SkippedFields, compare_fields};
use crate::oci::error::StorageError;
use crate::oci::hashing::BlobProblem;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image_documents::{ImageDocuments, PlatformImage};
use crate::oci::images::Images;
use crate::oci::progress::Progress;
use crate::oci::tar::TarLimits;

/// One of the two images.
#[derive(Clone, Copy)]
pub struct DiffSide<'a> {
    /// Where it is read from.
    pub images: &'a dyn Images,
    /// Its documents.
    pub documents: &'a ImageDocuments,
}

/// What two images are compared with.
pub struct DiffContext<'a> {
    /// Limits of what a layer's tar may have.
    pub limits: TarLimits,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
}

/// One difference between two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Part of the images, e.g. `linux/amd64 config`.
    pub subject: String,
    /// Location in it: a JSON pointer (RFC 6901), or a path in a layer; empty for all of it.
    pub place: String,
    /// What kind of difference it is.
    pub kind: DifferenceKind,
    /// What the first image has.
    pub a: String,
    /// What the second image has.
    pub b: String,
}

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Bytes of documents with the same fields.
    Document,
    /// Platforms and attestations of the images.
    Platforms,
    /// A field of a document.
    Field,
    /// Number of layers.
    Layers,
    /// Compression of a layer with the same tar.
    Compression,
    /// An entry of a layer.
    Entry,
    /// Content of a file of a layer.
    Content,
    /// Bytes of a tar outside its entries.
    Tar,
}

/// Why two images cannot be compared.
#[derive(Debug, Error)]
pub enum DiffError {
    /// One of the images cannot be read.
    #[error("{}", .0.full_message())]
    Images(#[from] StorageError),
    /// A layer is damaged.
    #[error("layer {number} ({digest}) of the {side} image: {problem}")]
    Layer {
        /// Number of the layer, from 1, lowest first.
        number: usize,
        /// Digest of the blob.
        digest: Digest,
        /// `first` or `second`.
        side: &'static str,
        /// What is wrong.
        problem: BlobProblem,
    },
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Compares two images and returns their differences; none if they are the same.
pub fn diff_images(
    a: DiffSide<'_>,
    b: DiffSide<'_>,
    context: &DiffContext<'_>,
) -> Result<Vec<Difference>, DiffError> {
    if a.documents.root.digest == b.documents.root.digest {
        return Ok(Vec::new());
    }
    match compare_images(a, b, context) {
        Err(_) if context.progress.is_cancelled() => Err(DiffError::Cancelled),
        result => result,
    }
}

fn compare_images(
    a: DiffSide<'_>,
    b: DiffSide<'_>,
    context: &DiffContext<'_>,
) -> Result<Vec<Difference>, DiffError> {
    let mut found = Vec::new();
    compare_roots(a.documents, b.documents, &mut found);
    let (ours, theirs) = (named_images(a.documents), named_images(b.documents));
    let mut compared = Vec::new();
    for (name, image) in &ours {
        let other = match (&ours[..], &theirs[..]) {
            ([_], [(_, only)]) => Some(only),
            _ => theirs.iter().find(|(other, _)| other == name).map(|(_, other)| other),
        };
        let Some(other) = other else { continue };
        let pair = (image.manifest.digest, other.manifest.digest);
        if pair.0 == pair.1 || compared.contains(&pair) {
            continue;
        }
        compared.push(pair);
        compare_manifests(name, image, other, &mut found);
        layers::compare_layers(name, (a.images, image), (b.images, other), context, &mut found)?;
    }
    if found.is_empty() {
        let (root, other) = (&a.documents.root, &b.documents.root);
        found.push(bytes_difference("image", root, other));
    }
    Ok(found)
}

/// Returns the images except attestations, with the names of their platforms.
fn named_images(documents: &ImageDocuments) -> Vec<(String, &PlatformImage)> {
    let name = |image: &PlatformImage| image.platform().map(|platform| platform.to_string());
    let images = documents.without_attestations();
    images.map(|image| (name(image).unwrap_or_else(|| "no platform".into()), image)).collect()
}

/// Compares the roots: indexes, but not the documents that they list.
fn compare_roots(a: &ImageDocuments, b: &ImageDocuments, found: &mut Vec<Difference>) {
    let (types, platforms) = (
        [&a.root, &b.root].map(|root| root.media_type.to_string()),
        [a, b].map(|documents| {
            let names: Vec<String> =
                named_images(documents).into_iter().map(|(name, _)| name).collect();
            names.join(", ")
        }),
    );
    let mut add = |place: &str, kind, [a, b]: [String; 2]| {
        if a != b {
            let (subject, place) = ("image".to_owned(), place.to_owned());
            found.push(Difference { subject, place, kind, a, b });
        }
    };
    add("/mediaType", DifferenceKind::Field, types);
    add("", DifferenceKind::Platforms, platforms);
    let attested = [a, b].map(|documents| {
        let others = documents.images.iter().filter(|image| image.is_attestation());
        let mut digests: Vec<String> =
            others.map(|image| image.manifest.digest.to_string()).collect();
        digests.sort_unstable();
        if digests.is_empty() { "no attestations".into() } else { digests.join(", ") }
    });
    add("", DifferenceKind::Platforms, attested);
    if a.root.is_index() && b.root.is_index() {
        compare_documents("index", &SkippedFields::Manifests, &a.root, &b.root, found);
    }
}

/// Compares manifests and configs, but not the blobs that they list.
fn compare_manifests(
    name: &str,
    a: &PlatformImage,
    b: &PlatformImage,
    found: &mut Vec<Difference>,
) {
    let subject = format!("{name} manifest");
    compare_documents(&subject, &SkippedFields::Blobs, &a.manifest, &b.manifest, found);
    if a.config_descriptor.digest == b.config_descriptor.digest {
        return;
    }
    let subject = format!("{name} config");
    let fields = |image: &'_ PlatformImage| -> Value {
        if image.artifact_type.is_some() {
            return image.artifact_config.clone();
        }
        image.config_fields.clone()
    };
    let (ours, theirs) = (fields(a), fields(b));
    let same: Vec<bool> =
        a.layers.iter().zip(&b.layers).map(|(a, b)| a.digest == b.digest).collect();
    let before = found.len();
    compare_fields(&subject, &SkippedFields::DiffIds(same), &ours, &theirs, found);
    let mut all = Vec::new();
    compare_fields(&subject, &SkippedFields::Nothing, &ours, &theirs, &mut all);
    if found.len() == before && all.is_empty() {
        let [a, b] = [a, b].map(|image| format!("{} bytes", image.config_descriptor.size));
        found.push(Difference {
            subject,
            place: String::new(),
            kind: DifferenceKind::Document,
            a,
            b,
        });
    }
}

fn compare_documents(
    subject: &str,
    skip: &SkippedFields,
    a: &Document,
    b: &Document,
    found: &mut Vec<Difference>,
) {
    if a.digest == b.digest {
        return;
    }
    let [ours, theirs] =
        [a, b].map(|document| serde_json::from_slice(&document.bytes).unwrap_or(Value::Null));
    let mut all = Vec::new();
    compare_fields(subject, &SkippedFields::Nothing, &ours, &theirs, &mut all);
    if all.is_empty() {
        found.push(bytes_difference(subject, a, b));
        return;
    }
    compare_fields(subject, skip, &ours, &theirs, found);
}

/// Returns the difference of documents that have the same fields and other bytes.
fn bytes_difference(subject: &str, a: &Document, b: &Document) -> Difference {
    let [a, b] = [a, b].map(|document| format!("{} bytes", document.bytes.len()));
    let (subject, place) = (subject.to_owned(), String::new());
    Difference { subject, place, kind: DifferenceKind::Document, a, b }
}

impl std::fmt::Debug for DiffSide<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiffSide")
            .field("root", &self.documents.root.digest)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for DiffContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiffContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}
