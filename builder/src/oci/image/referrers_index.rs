//! The *referrers index* lists the referrers of an image under a tag made of its digest, in registries without the API
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>).

use oci_spec::image::MediaType;
use serde_json::{Map, Value, json};

use super::descriptor::Descriptor;
use super::digest::Digest;
use super::format::OCI_INDEX;
use super::json::Document;
use super::referrer::check_index;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::image::referrer::AttachedDocument;
    use crate::oci::image::test_documents::{DIGEST, document};

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
}
