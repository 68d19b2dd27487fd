//! The *index* of a layout lists its images. It is edited as JSON, so that fields that other tools
//! have written are kept.

use std::collections::BTreeSet;
use std::io;

use oci_spec::image::MediaType;
use serde_json::{Map, Value, json};

use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::oci::image::reference::Reference;
use crate::oci::image::referrer::find_artifact_type;
use crate::oci::image::tag::Tag;
use crate::oci::sink::{AttachedImage, NamedImage};

/// Annotation with the tag of an image, which skopeo, podman and umoci read.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Annotation with the full reference of an image, as containerd and BuildKit write it.
pub(super) const IMAGE_NAME: &str = "io.containerd.image.name";

/// Annotation of the index of a bundle with the digest of the index of the bundle whose blobs were left out of it.
pub(super) const BUNDLE_BASE: &str = "dev.diskette.bundle.since";

/// The content of an `index.json`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayoutIndex(Map<String, Value>);

impl LayoutIndex {
    pub(crate) fn empty() -> Self {
        Self(Map::from_iter([
            ("schemaVersion".into(), json!(2)),
            ("mediaType".into(), json!("application/vnd.oci.image.index.v1+json")),
            ("manifests".into(), json!([])),
        ]))
    }

    /// Parses an index; the error says what is wrong with it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value =
            serde_json::from_slice(bytes).map_err(|error| format!("is not JSON: {error}"))?;
        match value {
            Value::Object(map) if map.get("manifests").is_some_and(Value::is_array) => {
                Ok(Self(map))
            }
            _ => Err("is not an image index: it has no list of manifests".into()),
        }
    }

    pub(crate) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        Ok(to_canonical_json(&self.0)?)
    }

    /// Makes a name refer to an image. The entry that had the name is removed; all others are kept.
    pub(crate) fn set_name(&mut self, named: &NamedImage) -> io::Result<()> {
        let full = named.name.as_ref().map(ToString::to_string);
        self.set_entry(serde_json::to_value(&named.image)?, named.tag(), full);
        Ok(())
    }

    /// Makes a full reference refer to an image, in both annotations: readers that compare only the tag find it by its whole
    /// name, whatever other images are there.
    pub(super) fn set_full_name(&mut self, named: &NamedImage) -> io::Result<()> {
        let name = named.name.as_ref().map_or_else(|| named.tag().to_owned(), ToString::to_string);
        self.set_entry(serde_json::to_value(&named.image)?, &name, Some(name.clone()));
        Ok(())
    }

    /// Sets an annotation of the index itself.
    pub(super) fn annotate(&mut self, name: &str, value: &str) {
        let annotations = self.0.entry("annotations").or_insert_with(|| json!({}));
        annotations[name] = json!(value);
    }

    /// Lists a manifest or an index that belongs to another image: with its tag, or without a name. A tag that is made of a
    /// digest means the same in all repositories, so that it has no full reference.
    pub(crate) fn attach(&mut self, attached: &AttachedImage) -> io::Result<()> {
        let AttachedImage { document, tag, .. } = attached;
        let artifact_type = find_artifact_type(document);
        let mut entry = document.descriptor_builder();
        if !artifact_type.is_empty() {
            entry = entry.artifact_type(MediaType::from(artifact_type.as_str()));
        }
        let entry = serde_json::to_value(entry.build().map_err(io::Error::other)?)?;
        if let Some(tag) = tag {
            self.set_entry(entry, tag.as_str(), None);
            return Ok(());
        }
        let digest = document.digest.to_string();
        if let Some(Value::Array(entries)) = self.0.get_mut("manifests")
            && !entries.iter().any(|entry| is_called(entry, &digest))
        {
            entries.push(entry);
        }
        Ok(())
    }

    /// Gives the image with this tag, full reference or digest another tag, in the same repository if
    /// it has a full reference. Returns whether there is such an image.
    pub(super) fn add_tag(&mut self, name: &str, tag: &Tag) -> bool {
        let Some(entry) = self.entries().iter().find(|entry| is_called(entry, name)).cloned()
        else {
            return false;
        };
        let old = annotation(&entry, IMAGE_NAME).and_then(|name| name.parse::<Reference>().ok());
        let full = old.map(|name| name.with_tag(tag.clone()).to_string());
        self.set_entry(entry, tag.as_str(), full);
        true
    }

    /// Removes the entries of the image with this tag, full reference or digest, and returns its
    /// digests.
    pub(super) fn remove_name(&mut self, name: &str) -> Vec<String> {
        let Some(Value::Array(entries)) = self.0.get_mut("manifests") else { return Vec::new() };
        let removed = entries.extract_if(.., |entry| is_called(entry, name));
        let digest = |entry: &Value| Some(entry.get("digest")?.as_str()?.to_owned());
        removed.filter_map(|entry| digest(&entry)).collect()
    }

    /// Returns the digests of the entries without a tag that is made of the digest of another image.
    pub(super) fn image_digests(&self) -> Vec<String> {
        let images = self.entries().iter().filter(|entry| tag_subject(entry).is_none());
        images.filter_map(|entry| entry.get("digest")?.as_str()).map(str::to_owned).collect()
    }

    /// Removes the entries that are attached to one of these images: by a tag made of its digest, or without a name by the
    /// subject of their document, which `subject_of` returns. Returns their digests.
    pub(super) fn remove_attached(
        &mut self,
        images: &BTreeSet<Digest>,
        subject_of: impl Fn(&str) -> Option<Digest>,
    ) -> Vec<String> {
        let Some(Value::Array(entries)) = self.0.get_mut("manifests") else { return Vec::new() };
        let digest = |entry: &Value| Some(entry.get("digest")?.as_str()?.to_owned());
        let removed = entries.extract_if(.., |entry| {
            let is_named = annotation(entry, IMAGE_NAME).or(annotation(entry, REF_NAME)).is_some();
            let subject = if is_named {
                tag_subject(entry)
            } else {
                digest(entry).and_then(|digest| subject_of(&digest))
            };
            subject.is_some_and(|subject| images.contains(&subject))
        });
        removed.filter_map(|entry| digest(&entry)).collect()
    }

    fn entries(&self) -> &[Value] {
        self.0.get("manifests").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn set_entry(&mut self, mut entry: Value, tag: &str, full: Option<String>) {
        let Some(Value::Array(entries)) = self.0.get_mut("manifests") else { return };
        entries.retain(|old| !is_same_name(old, tag, full.as_deref()));
        // Readers compare only the tag; of two images with the same tag, the second gets its full
        // reference.
        let taken = entries.iter().any(|old| annotation(old, REF_NAME) == Some(tag));
        let ref_name = full.as_deref().filter(|_| taken).unwrap_or(tag);
        let mut annotations = entry
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
            .map(std::mem::take)
            .unwrap_or_default();
        annotations.insert(REF_NAME.into(), json!(ref_name));
        if let Some(full) = full {
            annotations.insert(IMAGE_NAME.into(), json!(full));
        }
        entry["annotations"] = Value::Object(annotations);
        entries.push(entry);
    }
}

/// Returns the digest of the image whose attachments have the tag of an entry.
fn tag_subject(entry: &Value) -> Option<Digest> {
    let names = [annotation(entry, IMAGE_NAME), annotation(entry, REF_NAME)];
    let tags = names.into_iter().flatten().filter_map(|name| name.rsplit(':').next());
    tags.filter_map(|tag| tag.parse::<Tag>().ok()).find_map(|tag| tag.subject())
}

/// Returns whether an entry has this tag, full reference or digest.
fn is_called(entry: &Value, name: &str) -> bool {
    let names = [annotation(entry, IMAGE_NAME), annotation(entry, REF_NAME)];
    let digest = entry.get("digest").and_then(Value::as_str);
    names.into_iter().chain([digest]).any(|found| found == Some(name))
}

/// Returns whether an entry has the name. An entry of another tool may have only a tag.
fn is_same_name(entry: &Value, tag: &str, full: Option<&str>) -> bool {
    match annotation(entry, IMAGE_NAME) {
        Some(name) => Some(name) == full,
        None => annotation(entry, REF_NAME) == Some(tag),
    }
}

fn annotation<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    entry.get("annotations")?.get(name)?.as_str()
}
