//! A *snapshot* of the images that have tags: the manifests and indexes of each, and its date.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::date::{ImageDate, TagMaker};
use super::rules::RetentionRules;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::is_image_config;
use crate::oci::image::index::ImageIndex;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::referrer::{AttachedDocument, is_image};
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;
use crate::oci::walk::{DocumentLimits, DocumentSource as _, WalkError};

/// How many requests are sent at a time.
pub(super) const WIDTH: usize = 8;

/// The most manifests and indexes of one image.
const DOCUMENTS_MAX: usize = 10_000;

/// Annotation with the time at which an image was made
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>).
const CREATED: &str = "org.opencontainers.image.created";

/// What a manifest or an index says about others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DocumentLinks {
    /// Digests of the manifests and indexes that it lists.
    pub(super) children: Vec<Digest>,
    /// Digest of the image that it refers to.
    pub(super) subject: Option<Digest>,
    /// Whether it is an image or an index of images, not an artifact.
    pub(super) is_image: bool,
}

impl DocumentLinks {
    /// Parses a document. One that cannot be read is an error: what it needs would be unknown.
    pub(super) fn of_document(document: &Document) -> Result<Self, StorageError> {
        let unusable = |problem: String| StorageError::Unexpected {
            path: document.digest.to_string(),
            problem: format!("cannot be used: {problem}"),
        };
        let children = if document.is_index() {
            let index = ImageIndex::parse(document).map_err(unusable)?;
            index.manifests.iter().map(|entry| entry.digest).collect()
        } else {
            Vec::new()
        };
        let fields: Value = serde_json::from_slice(&document.bytes).unwrap_or_default();
        let subject = AttachedDocument::of_document(document).map(|attached| attached.subject);
        Ok(Self { children, subject, is_image: is_image(&fields) })
    }
}

/// An image that has tags.
#[derive(Debug, Clone, Default)]
pub(super) struct TaggedImage {
    /// Names of the image, in alphabetical order.
    pub(super) tags: Vec<RefName>,
    /// The documents of the image: its own and those that it lists, directly or not; some may not exist.
    pub(super) documents: BTreeMap<Digest, DocumentLinks>,
    /// When it was made.
    pub(super) date: ImageDate,
    /// The tag that has the date, if the image says none of itself, or an earlier one.
    pub(super) dating_tag: Option<RefName>,
    /// Names of the annotations of its own document, and of the entries of that.
    pub(super) annotations: BTreeSet<String>,
}

impl TaggedImage {
    /// Returns the images that it refers to.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Digest> {
        self.documents.values().filter_map(|links| links.subject)
    }
}

/// The images of a repository or a layout that have tags.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// All tags, those of attachments too.
    pub(super) tags: BTreeMap<RefName, Digest>,
    /// Images by their digests, without those that only tags of attachments name.
    pub(super) images: BTreeMap<Digest, TaggedImage>,
}

impl Snapshot {
    /// Reads all tags and images. `now` is in seconds since 1970.
    pub(super) fn read(
        images: &dyn Images,
        rules: &RetentionRules,
        now: i64,
        progress: &dyn Progress,
    ) -> Result<Self, StorageError> {
        let tags = images.tags()?;
        let found = in_parallel(&tags, WIDTH, |_, tag| {
            stop_if_cancelled(progress)?;
            images.find_image(tag.as_str()).map(|document| document.map(|it| it.digest))
        })?;
        let tags = tags.into_iter().zip(found);
        let tags: BTreeMap<RefName, Digest> =
            tags.filter_map(|(tag, it)| Some((tag, it?))).collect();
        let mut by_digest: BTreeMap<Digest, Vec<RefName>> = BTreeMap::new();
        for (tag, digest) in tags.iter().filter(|(tag, _)| !tag.is_of_attachments()) {
            by_digest.entry(*digest).or_default().push(tag.clone());
        }
        let roots: Vec<(Digest, Vec<RefName>)> = by_digest.into_iter().collect();
        let read = in_parallel(&roots, WIDTH, |_, (digest, tags)| {
            stop_if_cancelled(progress)?;
            let mut image = read_image(images, *digest, tags, now)?;
            for name in tags {
                let date = tag_date(name, rules).up_to(now);
                if date > image.date {
                    (image.date, image.dating_tag) = (date, Some(name.clone()));
                }
            }
            Ok::<_, StorageError>(image)
        })?;
        let images = roots.into_iter().map(|(digest, _)| digest).zip(read).collect();
        Ok(Self { tags, images })
    }
}

/// Fails if the user has cancelled.
pub(super) fn stop_if_cancelled(progress: &dyn Progress) -> Result<(), StorageError> {
    if progress.is_cancelled() { Err(StorageError::Cancelled) } else { Ok(()) }
}

/// Reads the documents of an image. What it lists and does not exist is nothing.
fn read_image(
    images: &dyn Images,
    root: Digest,
    tags: &[RefName],
    now: i64,
) -> Result<TaggedImage, StorageError> {
    let mut image = TaggedImage { tags: tags.to_vec(), ..TaggedImage::default() };
    let (mut pending, mut seen) = (vec![root], BTreeSet::from([root]));
    let mut is_dated = false;
    while let Some(digest) = pending.pop() {
        let Some(document) = images.read_document(digest)? else {
            image.documents.insert(digest, DocumentLinks::default());
            continue;
        };
        let links = DocumentLinks::of_document(&document)?;
        pending.extend(links.children.iter().filter(|child| seen.insert(**child)));
        if seen.len() > DOCUMENTS_MAX {
            let problem = format!("has more than {DOCUMENTS_MAX} manifests and indexes");
            return Err(StorageError::Unexpected { path: root.to_string(), problem });
        }
        // What the index says counts for all of the image; the root comes first.
        if !is_dated {
            let parts = document_date(images, &document)?;
            image.date = image.date.max(parts.up_to(now));
            is_dated = digest == root && image.date.seconds().is_some();
        }
        if digest == root {
            image.annotations = annotation_names(&document);
        }
        image.documents.insert(digest, links);
    }
    Ok(image)
}

fn tag_date(name: &RefName, rules: &RetentionRules) -> ImageDate {
    let tag = name.tag();
    let tag = tag.as_ref().map_or(name.as_str(), Tag::as_str);
    let maker = if rules.has_timestamp(tag) { TagMaker::Sync } else { TagMaker::Unknown };
    ImageDate::of_tag(tag, maker)
}

fn annotation_names(document: &Document) -> BTreeSet<String> {
    let fields: Value = serde_json::from_slice(&document.bytes).unwrap_or_default();
    let entries = fields.get("manifests").and_then(Value::as_array).into_iter().flatten();
    let all = entries.chain([&fields]).filter_map(|it| it.get("annotations")?.as_object());
    all.flat_map(|annotations| annotations.keys().cloned()).collect()
}

/// Returns the date that a document says of itself: that of its annotation, or of the config of an image.
fn document_date(images: &dyn Images, document: &Document) -> Result<ImageDate, StorageError> {
    let fields: Value = serde_json::from_slice(&document.bytes).unwrap_or_default();
    let annotated = fields.get("annotations").and_then(|all| all.get(CREATED)?.as_str());
    let annotated = ImageDate::of_created(annotated);
    if annotated.seconds().is_some() || document.is_index() {
        return Ok(annotated);
    }
    let config = ImageManifest::parse(document).ok().and_then(|manifest| manifest.config);
    let Some(config) = config.filter(|config| is_image_config(&config.media_type)) else {
        return Ok(annotated);
    };
    // An image whose config cannot be used has no date.
    let bytes = match (&images).read_config(&config, &DocumentLimits::default()) {
        Err(WalkError::Storage(error)) => return Err(error),
        read => read.unwrap_or_default(),
    };
    let fields: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(ImageDate::of_created(fields.get("created").and_then(Value::as_str)))
}
