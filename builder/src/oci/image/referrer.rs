//! *Referrers* of an image are manifests and indexes that name it as their `subject`: signatures, SBOMs, disks made of it
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>). Registries list them, and where they do not,
//! an index does that has a tag made of the digest of the subject
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>).

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::MediaType;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::descriptor::Descriptor;
use super::digest::Digest;
use super::format::{OCI_INDEX, OCI_MANIFEST};
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

/// The index that a referrers tag names. It is edited as JSON, so that what other programs have written is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReferrersIndex(Map<String, Value>);

impl ReferrersIndex {
    /// Returns an index that lists nothing.
    pub(crate) fn empty() -> Self {
        Self(Map::from_iter([
            ("schemaVersion".into(), json!(2)),
            ("mediaType".into(), json!(OCI_INDEX)),
            ("manifests".into(), json!([])),
        ]))
    }

    /// Parses an index; the error says what is wrong with it.
    pub(crate) fn parse(document: &Document) -> Result<Self, String> {
        check_index(document)?;
        serde_json::from_slice(&document.bytes).map(Self).map_err(|error| error.to_string())
    }

    /// Returns whether the index lists a document.
    pub(crate) fn has(&self, digest: Digest) -> bool {
        let digest = digest.to_string();
        self.entries().any(|entry| entry_digest(entry) == digest)
    }

    /// Adds a referrer at the end.
    pub(crate) fn add(&mut self, referrer: &Descriptor) {
        let entries = self.0.entry("manifests").or_insert_with(|| json!([]));
        if let Value::Array(entries) = entries {
            entries.push(descriptor_fields(referrer));
        }
    }

    /// Removes a document.
    pub(crate) fn remove(&mut self, digest: Digest) {
        let digest = digest.to_string();
        if let Some(Value::Array(entries)) = self.0.get_mut("manifests") {
            entries.retain(|entry| entry_digest(entry) != digest);
        }
    }

    /// Removes the entries with digests that `keep` does not keep; returns whether there were some.
    pub(crate) fn retain<E>(
        &mut self,
        mut keep: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let Some(Value::Array(entries)) = self.0.get_mut("manifests") else { return Ok(false) };
        let before = entries.len();
        let mut kept = Vec::new();
        for entry in std::mem::take(entries) {
            if keep(entry_digest(&entry))? {
                kept.push(entry);
            }
        }
        *entries = kept;
        Ok(entries.len() < before)
    }

    /// Returns the index as a document.
    pub(crate) fn to_document(&self) -> serde_json::Result<Document> {
        Document::new(MediaType::ImageIndex, &self.0)
    }

    fn entries(&self) -> impl Iterator<Item = &Value> {
        self.0.get("manifests").and_then(Value::as_array).into_iter().flatten()
    }
}

fn entry_digest(entry: &Value) -> &str {
    entry.get("digest").and_then(Value::as_str).unwrap_or_default()
}

/// Fails if a document is no index in OCI's family: a list of referrers is one.
fn check_index(document: &Document) -> Result<(), String> {
    if document.media_type == MediaType::ImageIndex {
        return Ok(());
    }
    Err(format!("it is `{}`, and a list of referrers is an OCI index", document.media_type))
}

/// Returns a descriptor as JSON; optional fields that it does not have are left out.
fn descriptor_fields(descriptor: &Descriptor) -> Value {
    let Descriptor { media_type, digest, size, artifact_type, annotations, .. } = descriptor;
    let mut fields = json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
    if !artifact_type.is_empty() {
        fields["artifactType"] = json!(artifact_type);
    }
    if !annotations.is_empty() {
        fields["annotations"] = json!(annotations);
    }
    fields
}

/// Why an image cannot refer to another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubjectError {
    /// The format of its documents has no subject.
    #[error("an image with documents of type `{0}` cannot refer to another")]
    Format(String),
    /// It has another subject.
    #[error("it refers to {0} already")]
    Other(String),
    /// The document cannot be changed. No input is known that causes this.
    #[error("{0}")]
    Json(String),
}

/// Returns the document of an image with a subject: another document with another digest, unless it had this subject.
pub fn with_subject(document: &Document, subject: &Document) -> Result<Document, SubjectError> {
    let media_type = document.media_type.as_ref();
    if ![OCI_INDEX, OCI_MANIFEST].contains(&media_type) {
        return Err(SubjectError::Format(media_type.to_owned()));
    }
    let json = |error: serde_json::Error| SubjectError::Json(error.to_string());
    let mut fields: BTreeMap<String, Value> =
        serde_json::from_slice(&document.bytes).map_err(json)?;
    let digest = subject.digest.to_string();
    if let Some(old) = fields.get("subject") {
        let old = old.get("digest").and_then(Value::as_str).unwrap_or_default();
        return if old == digest {
            Ok(document.clone())
        } else {
            Err(SubjectError::Other(old.to_owned()))
        };
    }
    let media_type = subject.media_type.to_string();
    let size = subject.bytes.len();
    fields.insert(
        "subject".into(),
        json!({ "mediaType": media_type, "digest": digest, "size": size }),
    );
    // Its media type is required where there is a subject.
    fields.entry("mediaType".into()).or_insert_with(|| json!(document.media_type.to_string()));
    Document::new(document.media_type.clone(), &fields).map_err(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn document(text: &str) -> Document {
        Document::parse("", text.replace("DIGEST", DIGEST).into()).unwrap()
    }

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
    fn lists_are_edited_and_nothing_else_is_changed() {
        let old = document(
            r#"{"schemaVersion":2,"x":1,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"DIGEST","size":2,"y":[]}]}"#,
        );
        let mut list = ReferrersIndex::parse(&old).unwrap();
        let new = document(
            r#"{"layers":[],"artifactType":"e/f","annotations":{"k":"v"},"subject":{"digest":"DIGEST"}}"#,
        );
        let new = AttachedDocument::of_document(&new).unwrap().descriptor;
        assert!(list.has(DIGEST.parse().unwrap()) && !list.has(new.digest));
        list.add(&new);
        assert!(list.has(new.digest));
        let text = String::from_utf8(list.to_document().unwrap().bytes).unwrap();
        let expected = r#"{"manifests":[{"digest":"DIGEST","size":2,"y":[]},{"annotations":{"k":"v"},"artifactType":"e/f","digest":"NEW","mediaType":"application/vnd.oci.image.manifest.v1+json","size":SIZE}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2,"x":1}"#;
        let expected = expected.replace("DIGEST", DIGEST).replace("NEW", &new.digest.to_string());
        assert_eq!(text, expected.replace("SIZE", &new.size.to_string()));
        assert_eq!(list.retain(|digest| Ok::<_, ()>(digest == DIGEST)), Ok(true));
        assert_eq!(list, ReferrersIndex::parse(&old).unwrap());
        assert_eq!(list.retain(|_| Ok::<_, ()>(true)), Ok(false));
        assert_eq!(list.retain(|_| Err(1)), Err(1));
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

    #[test]
    fn subjects_are_added_once() {
        let subject = document(r#"{"layers":[]}"#);
        let check = |text: &str, expected: Result<&str, SubjectError>| {
            let found = with_subject(&document(text), &subject);
            let found = found.map(|it| String::from_utf8(it.bytes).unwrap());
            let digest = subject.digest.to_string();
            let expected = expected.map(|text| text.replace("SUBJECT", &digest));
            assert_eq!(found, expected, "{text}");
        };
        let added = r#"{"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json","subject":{"digest":"SUBJECT","mediaType":"application/vnd.oci.image.manifest.v1+json","size":13}}"#;
        check(r#"{ "manifests": [] }"#, Ok(added));
        check(&added.replace("SUBJECT", &subject.digest.to_string()), Ok(added));
        check(&added.replace("SUBJECT", DIGEST), Err(SubjectError::Other(DIGEST.into())));
        let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
        let text = format!(r#"{{"mediaType":"{docker}","manifests":[]}}"#);
        check(&text, Err(SubjectError::Format(docker.into())));
    }
}
