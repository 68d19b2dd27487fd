//! *Referrers* of an image are manifests and indexes that name it as their `subject`: signatures, SBOMs, disks made of it
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>). Registries list them, and where they do not,
//! an index does that has a tag made of the digest of the subject
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>).

use std::collections::BTreeSet;

use oci_spec::image::MediaType;
use serde_json::Value;

use super::descriptor::Descriptor;
use super::digest::Digest;
use super::format::is_image_config;
use super::index::ImageIndex;
use super::json::Document;

/// Most bytes of the texts of all referrers of an image: they are kept in memory.
const LIST_LEN_MAX: usize = 16 << 20;

/// Bytes that a referrer counts beside its texts.
const ENTRY_LEN: usize = 256;

/// A manifest or an index with a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttachedDocument {
    /// Digest of the image that it refers to.
    pub(crate) subject: Digest,
    /// Its descriptor as lists of referrers have it.
    pub(crate) descriptor: Descriptor,
}

impl AttachedDocument {
    /// Returns the subject of a document, and its descriptor; `None` if it has no subject. A subject with a digest other
    /// than SHA-256 counts as none.
    pub(crate) fn of_document(document: &Document) -> Option<Self> {
        let fields: Value = serde_json::from_slice(&document.bytes).ok()?;
        let subject = fields.pointer("/subject/digest")?.as_str()?.parse().ok()?;
        let annotations = fields.get("annotations").and_then(Value::as_object);
        let text =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let descriptor = Descriptor {
            media_type: document.media_type.to_string(),
            digest: document.digest,
            size: document.bytes.len() as u64,
            platform: None,
            artifact_type: artifact_type(document, &fields),
            annotations: annotations.into_iter().flatten().filter_map(text).collect(),
        };
        Some(Self { subject, descriptor })
    }
}

/// Returns the artifact type that a list of referrers has for a document; empty for an index without one.
pub(crate) fn find_artifact_type(document: &Document) -> String {
    let fields = serde_json::from_slice(&document.bytes).unwrap_or_default();
    artifact_type(document, &fields)
}

/// Returns whether a document is an image or an index of images, not an artifact as a signature is.
pub(crate) fn is_image(document: &Value) -> bool {
    let config = document.pointer("/config/mediaType").and_then(Value::as_str);
    let is_image = document["manifests"].is_array() || config.is_some_and(is_image_config);
    is_image && !document["artifactType"].is_string()
}

/// Returns the artifact type of a document; for a manifest without one, the media type of its config.
fn artifact_type(document: &Document, fields: &Value) -> String {
    let own = fields.get("artifactType").and_then(Value::as_str).filter(|own| !own.is_empty());
    let config = || fields.pointer("/config/mediaType").filter(|_| !document.is_index())?.as_str();
    own.or_else(config).unwrap_or_default().to_owned()
}

/// A list of referrers, each once and within the limit of their length.
#[derive(Debug, Default)]
pub(crate) struct ReferrerList {
    found: Vec<Descriptor>,
    known: BTreeSet<Digest>,
    len: usize,
}

impl ReferrerList {
    /// Adds a referrer; the error says that there are too many.
    pub(crate) fn add(&mut self, descriptor: Descriptor) -> Result<(), String> {
        let Descriptor { media_type, artifact_type, annotations, .. } = &descriptor;
        let texts = annotations.iter().map(|(name, value)| name.len() + value.len());
        self.len += ENTRY_LEN + media_type.len() + artifact_type.len() + texts.sum::<usize>();
        if self.len > LIST_LEN_MAX {
            return Err(format!("the list of referrers is longer than {} MiB", LIST_LEN_MAX >> 20));
        }
        if self.known.insert(descriptor.digest) {
            self.found.push(descriptor);
        }
        Ok(())
    }

    /// Adds all that an index lists; the error says what is wrong with it.
    pub(crate) fn add_index(&mut self, document: &Document) -> Result<(), String> {
        check_index(document)?;
        ImageIndex::parse(document)?.manifests.into_iter().try_for_each(|it| self.add(it))
    }

    /// Returns the referrers in the order in which they were added.
    pub(crate) fn into_descriptors(self) -> Vec<Descriptor> {
        self.found
    }
}

/// Fails if a document is no index in OCI's family: a list of referrers is one.
pub(super) fn check_index(document: &Document) -> Result<(), String> {
    if document.media_type == MediaType::ImageIndex {
        return Ok(());
    }
    Err(format!("it is `{}`, and a list of referrers is an OCI index", document.media_type))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oci::image::test_documents::{DIGEST, document};

    #[test]
    fn referrers_are_described_as_registries_do() {
        let check = |text: &str, expected: Option<(&str, &[(&str, &str)])>| {
            let document = document(text);
            let found = AttachedDocument::of_document(&document);
            let found = found.map(|AttachedDocument { subject, descriptor }| {
                assert_eq!(subject.to_string(), DIGEST, "{text}");
                assert_eq!(descriptor.digest, document.digest, "{text}");
                assert_eq!(descriptor.size, document.bytes.len() as u64, "{text}");
                (descriptor.artifact_type, descriptor.annotations)
            });
            let expected = expected.map(|(kind, annotations)| {
                let texts = annotations.iter().map(|(name, it)| ((*name).into(), (*it).into()));
                (kind.to_owned(), texts.collect::<BTreeMap<String, String>>())
            });
            assert_eq!(found, expected, "{text}");
        };
        let subject = r#""subject":{"mediaType":"a/b","digest":"DIGEST","size":7}"#;
        check(r#"{"layers":[]}"#, None);
        check(r#"{"layers":[],"subject":null}"#, None);
        check(r#"{"layers":[],"subject":{"digest":"sha512:00"}}"#, None);
        check(&format!(r#"{{"layers":[],{subject}}}"#), Some(("", &[])));
        let config = r#""config":{"mediaType":"c/d","digest":"DIGEST","size":0}"#;
        check(&format!(r#"{{{config},{subject}}}"#), Some(("c/d", &[])));
        check(&format!(r#"{{{config},{subject},"artifactType":""}}"#), Some(("c/d", &[])));
        check(
            &format!(
                r#"{{{config},{subject},"artifactType":"e/f","annotations":{{"k":"v","n":1}}}}"#
            ),
            Some(("e/f", &[("k", "v")])),
        );
        check(&format!(r#"{{"manifests":[],{subject}}}"#), Some(("", &[])));
        check(&format!(r#"{{"manifests":[],{subject},"artifactType":"g/h"}}"#), Some(("g/h", &[])));
    }

    #[test]
    fn only_indexes_list_referrers() {
        let check = |text: &str, expected: Result<usize, &str>| {
            let mut list = ReferrerList::default();
            let found = list.add_index(&document(text)).map(|()| list.into_descriptors().len());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        check(r#"{"manifests":[]}"#, Ok(0));
        let entry = r#"{"digest":"DIGEST","size":2}"#;
        check(&format!(r#"{{"manifests":[{entry},{entry}]}}"#), Ok(1));
        let bad = r#"{"manifests":[{"digest":"sha512:00","size":2}]}"#;
        check(bad, Err("`sha512:00` is not a sha256 digest"));
        let manifest = "it is `application/vnd.oci.image.manifest.v1+json`, and a list of referrers is an OCI index";
        check(r#"{"layers":[]}"#, Err(manifest));
        let long = "x".repeat(1 << 20);
        let mut list = ReferrerList::default();
        let entry = format!(
            r#"{{"manifests":[{{"digest":"DIGEST","size":2,"annotations":{{"k":"{long}"}}}}]}}"#
        );
        let added: Vec<_> = (0..16).map(|_| list.add_index(&document(&entry))).collect();
        assert!(added[..15].iter().all(Result::is_ok), "{added:?}");
        assert_eq!(added[15], Err("the list of referrers is longer than 16 MiB".to_owned()));
    }
}
