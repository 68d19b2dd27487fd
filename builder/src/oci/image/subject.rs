//! The *subject* of an image is another that it refers to
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thiserror::Error;

use super::descriptor::Descriptor;
use super::format::{OCI_INDEX, OCI_MANIFEST};
use super::json::Document;

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
    with_subject_descriptor(document, &Descriptor::of_document(subject))
}

/// Returns the document of an image with the subject that a descriptor names.
pub(crate) fn with_subject_descriptor(
    document: &Document,
    subject: &Descriptor,
) -> Result<Document, SubjectError> {
    let media_type = document.media_type.as_ref();
    if ![OCI_INDEX, OCI_MANIFEST].contains(&media_type) {
        return Err(SubjectError::Format(media_type.to_owned()));
    }
    let json = |error: serde_json::Error| SubjectError::Json(error.to_string());
    let mut fields: BTreeMap<String, Value> =
        serde_json::from_slice(&document.bytes).map_err(json)?;
    let digest = subject.digest.to_string();
    if let Some(old) = fields.get("subject").filter(|old| !old.is_null()) {
        let old = old.get("digest").and_then(Value::as_str).unwrap_or_default();
        return if old == digest {
            Ok(document.clone())
        } else {
            Err(SubjectError::Other(old.to_owned()))
        };
    }
    let Descriptor { media_type, size, .. } = subject;
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
    use crate::oci::image::test_documents::{DIGEST, document};

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
        check(r#"{ "manifests": [], "subject": null }"#, Ok(added));
        check(&added.replace("SUBJECT", &subject.digest.to_string()), Ok(added));
        check(&added.replace("SUBJECT", DIGEST), Err(SubjectError::Other(DIGEST.into())));
        let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
        let text = format!(r#"{{"mediaType":"{docker}","manifests":[]}}"#);
        check(&text, Err(SubjectError::Format(docker.into())));
    }
}
