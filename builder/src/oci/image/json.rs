//! A *document* is one of an image's JSON blobs: config, manifest or index. Documents are written
//! canonically (sorted keys, no white space), so that equal content is equal bytes.

use canon_json::CanonicalFormatter;
use oci_spec::image::{Descriptor, DescriptorBuilder, MediaType};
use serde::Serialize;
use serde_json::Value;

use super::digest::Digest;
use super::format::{self, OCI_INDEX, OCI_MANIFEST};

/// Length of the longest manifest, index or config that is read, in bytes: registries have to
/// accept at least this, and distribution accepts no more
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests>).
pub(crate) const DOCUMENT_LEN_MAX: u64 = 4 << 20;

/// Fields of manifests, indexes and descriptors.
const FIELDS: [&str; 17] = [
    "annotations",
    "architecture",
    "artifactType",
    "config",
    "data",
    "digest",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "os.features",
    "os.version",
    "platform",
    "schemaVersion",
    "size",
    "subject",
    "variant",
];

/// Returns the field that a key is, if it is one of `known`; fails if it is one in another case.
/// Programs in Go read fields in any case, and of two that differ in case the last: such a document
/// would mean one image here and another there.
pub(super) fn match_field(
    key: &str,
    known: &[&'static str],
) -> Result<Option<&'static str>, String> {
    match known.iter().find(|field| field.eq_ignore_ascii_case(key)) {
        Some(field) if *field != key => {
            let key = key.escape_debug();
            Err(format!("it has a key `{key}`, which some programs read as `{field}`"))
        }
        found => Ok(found.copied()),
    }
}

/// Fails if a manifest, an index or a list of them has a key that is a field in another case.
pub(crate) fn check_keys(document: &Value) -> Result<(), String> {
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(values) => pending.extend(values),
            Value::Object(fields) => {
                for (key, value) in fields {
                    // The keys of annotations are chosen by the user.
                    if match_field(key, &FIELDS)? != Some("annotations") {
                        pending.push(value);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A JSON blob, its media type and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Media type of the document.
    pub media_type: MediaType,
    /// The bytes: canonical JSON if they were written by diskette.
    pub bytes: Vec<u8>,
    /// Digest of the bytes.
    pub digest: Digest,
}

impl Document {
    /// Serializes a value as a document.
    pub(crate) fn new(media_type: MediaType, value: &impl Serialize) -> serde_json::Result<Self> {
        let bytes = to_canonical_json(value)?;
        Ok(Self { media_type, digest: Digest::of_bytes(&bytes), bytes })
    }

    /// Parses a manifest or index of another program, and keeps its bytes. `declared` is the media
    /// type that it was received with, or empty. A document that can be read as both is refused
    /// (CVE-2021-41190).
    pub fn parse(declared: &str, bytes: Vec<u8>) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| format!("the manifest is not JSON: {error}"))?;
        if !value.is_object() {
            return Err("the manifest is not a JSON object".into());
        }
        check_keys(&value)?;
        let has = |name: &str| value.get(name).is_some();
        let (as_index, as_manifest) = (has("manifests"), has("layers") || has("config"));
        if as_index && as_manifest {
            return Err("it is both a manifest and an index".into());
        }
        let own = value.get("mediaType").and_then(Value::as_str);
        let media_type = match (own, declared) {
            (Some(own), declared) if !declared.is_empty() && own != declared => {
                return Err(format!("it came as `{declared}`, but says that it is `{own}`"));
            }
            (Some(own), _) => own,
            (None, "") if as_index => OCI_INDEX,
            (None, "") => OCI_MANIFEST,
            (None, declared) => declared,
        };
        let media_type = MediaType::from(media_type);
        if !is_index(&media_type) && !is_manifest(&media_type) {
            return Err(format!("`{media_type}` is neither an image nor an index of images"));
        }
        if is_index(&media_type) && as_manifest {
            return Err(format!("it is called `{media_type}`, but it is a manifest"));
        }
        if is_manifest(&media_type) && as_index {
            return Err(format!("it is called `{media_type}`, but it is an index"));
        }
        Ok(Self { media_type, digest: Digest::of_bytes(&bytes), bytes })
    }

    /// Parses a manifest or index of a server, which may send it with any type. The document is what it
    /// says itself, else what it has; `declared` chooses between types that fit.
    pub(crate) fn parse_received(declared: &str, bytes: Vec<u8>) -> Result<Self, String> {
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        let has = |name: &str| value.as_ref().is_some_and(|value| value.get(name).is_some());
        let (as_index, as_manifest) = (has("manifests"), has("layers") || has("config"));
        let fits = (as_index && format::is_index(declared))
            || (as_manifest && format::is_manifest(declared));
        let is_clear = has("mediaType") || as_index || as_manifest;
        Self::parse(if fits && !has("mediaType") || !is_clear { declared } else { "" }, bytes)
    }

    /// Returns whether the document is an index.
    pub(crate) fn is_index(&self) -> bool {
        is_index(&self.media_type)
    }

    /// Returns whether the document is a config, which registries store as a blob.
    pub(crate) fn is_config(&self) -> bool {
        !is_index(&self.media_type) && !is_manifest(&self.media_type)
    }

    /// Returns a builder of the document's descriptor.
    pub(crate) fn descriptor_builder(&self) -> DescriptorBuilder {
        describe_blob(self.media_type.clone(), self.digest, self.bytes.len() as u64)
    }

    /// Returns the document's descriptor without optional fields.
    pub(crate) fn descriptor(&self) -> Result<Descriptor, oci_spec::OciSpecError> {
        self.descriptor_builder().build()
    }
}

fn is_index(media_type: &MediaType) -> bool {
    format::is_index(media_type.as_ref())
}

fn is_manifest(media_type: &MediaType) -> bool {
    format::is_manifest(media_type.as_ref())
}

/// Returns a builder of the descriptor of a blob.
pub(crate) fn describe_blob(media_type: MediaType, digest: Digest, size: u64) -> DescriptorBuilder {
    DescriptorBuilder::default().media_type(media_type).digest(digest.to_oci()).size(size)
}

/// Returns a value as canonical JSON.
pub(crate) fn to_canonical_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    value.serialize(&mut serializer)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_send_is_what_its_bytes_say() {
        let check = |declared: &str, text: &str, expected: &str| {
            let found = Document::parse_received(declared, text.into());
            let found =
                found.map_or_else(|error| error, |document| document.media_type.to_string());
            assert_eq!(found, expected, "{declared} {text}");
        };
        let (manifest, index) = (OCI_MANIFEST, OCI_INDEX);
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let own = format!(r#"{{"mediaType":"{docker}","layers":[]}}"#);
        for declared in ["", "text/plain", "application/json", "application/octet-stream", index] {
            check(declared, r#"{"layers":[]}"#, manifest);
            check(declared, r#"{"manifests":[]}"#, index);
            check(declared, &own, docker);
        }
        check(docker, r#"{"layers":[]}"#, docker);
        check(docker, r#"{"manifests":[]}"#, index);
        let old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        let none = |kind: &str| format!("`{kind}` is neither an image nor an index of images");
        check(old, r#"{"fsLayers":[]}"#, &none(old));
        check(manifest, r#"{"mediaType":"text/html"}"#, &none("text/html"));
        check("", r#"{"layers":[],"manifests":[]}"#, "it is both a manifest and an index");
        let wrong = |key: &str, field: &str| {
            format!("it has a key `{key}`, which some programs read as `{field}`")
        };
        check("", r#"{"layers":[],"Layers":[]}"#, &wrong("Layers", "layers"));
        check("", r#"{"MANIFESTS":[],"layers":[]}"#, &wrong("MANIFESTS", "manifests"));
        check("", r#"{"mediatype":"x","layers":[]}"#, &wrong("mediatype", "mediaType"));
        check("", r#"{"layers":[{"digest":"x","Digest":"y"}]}"#, &wrong("Digest", "digest"));
        check("", r#"{"manifests":[{"platform":{"OS":"x"}}]}"#, &wrong("OS", "os"));
        check("", r#"{"layers":[],"annotations":{"Layers":"x"},"x-other":1}"#, manifest);
        let lies = format!(r#"{{"mediaType":"{index}","layers":[]}}"#);
        check(index, &lies, &format!("it is called `{index}`, but it is a manifest"));
    }
}
