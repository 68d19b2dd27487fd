//! A *descriptor* refers from one document of an image to another, or to a blob
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md>).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::digest::Digest;
use super::format;
use super::json::Document;
use super::platform::Platform;

/// Annotation of a layer with the name of its file
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>).
pub(crate) const TITLE: &str = "org.opencontainers.image.title";

/// A descriptor that was read from a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type of the content; empty if it is missing.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Length of the content in bytes.
    pub size: u64,
    /// Platform that an index declares for one of its images.
    pub platform: Option<Platform>,
    /// Type of the artifact, in a list of referrers; empty if it is missing.
    pub artifact_type: String,
    /// Annotations of the content; those whose value is not a string are left out.
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Returns the descriptor of a document without what an index adds to it.
    pub(crate) fn of_document(document: &Document) -> Self {
        let (media_type, digest) = (document.media_type.to_string(), document.digest);
        let size = document.bytes.len() as u64;
        Self::new(media_type, digest, size)
    }

    /// Returns a descriptor with the fields that each has.
    pub(crate) fn new(media_type: String, digest: Digest, size: u64) -> Self {
        let (platform, artifact_type, annotations) = (None, String::new(), BTreeMap::new());
        Self { media_type, digest, size, platform, artifact_type, annotations }
    }

    /// Returns the name of the file that a layer of an artifact is, if it has one.
    pub(crate) fn title(&self) -> Option<&str> {
        self.annotations.get(TITLE).map(String::as_str)
    }

    /// Returns whether the media type is that of an index.
    pub(crate) fn is_index(&self) -> bool {
        format::is_index(&self.media_type)
    }

    /// Returns whether the media type is that of a manifest.
    pub(crate) fn is_manifest(&self) -> bool {
        format::is_manifest(&self.media_type)
    }
}

/// The fields of a descriptor, none of which has to exist. An optional field of the wrong type
/// counts as missing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescriptorFields {
    #[serde(default, deserialize_with = "lenient_text")]
    pub(crate) media_type: String,
    #[serde(default)]
    pub(crate) digest: String,
    size: Option<u64>,
    #[serde(default, deserialize_with = "lenient_platform")]
    platform: Option<Platform>,
    #[serde(default, deserialize_with = "lenient_text")]
    artifact_type: String,
    #[serde(default, deserialize_with = "lenient_map")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl DescriptorFields {
    /// Returns the descriptor; the error says what is wrong with it.
    pub(super) fn check(self) -> Result<Descriptor, String> {
        let Self { media_type, digest: text, size, platform, artifact_type, annotations } = self;
        let digest = text.parse().map_err(|_| format!("`{text}` is not a sha256 digest"))?;
        let size = size.ok_or_else(|| format!("it gives no size of {digest}"))?;
        Ok(Descriptor { media_type, digest, size, platform, artifact_type, annotations })
    }
}

/// Deserializes a text; a value of another type counts as empty.
pub(super) fn lenient_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

/// Deserializes annotations; values that are not strings are left out.
pub(super) fn lenient_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let Value::Object(map) = Value::deserialize(deserializer)? else { return Ok(BTreeMap::new()) };
    let texts = map.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    Ok(texts.collect())
}

/// Deserializes a platform; one without an operating system or an architecture counts as missing.
fn lenient_platform<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Platform>, D::Error> {
    Ok(Platform::from_fields(&Value::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(text: &str) -> Result<Descriptor, String> {
        let text = text.replace("DIGEST", DIGEST);
        let fields: DescriptorFields =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        fields.check()
    }

    #[test]
    fn what_images_can_do_without_is_read_leniently() {
        let check = |fields: &str, media_type: &str, platform: Option<&str>, annotations: usize| {
            let text = format!(r#"{{"digest":"DIGEST","size":7{fields}}}"#);
            let found = read(&text).unwrap();
            let shown = found.platform.map(|platform| platform.to_string());
            assert_eq!(
                (found.media_type.as_str(), shown.as_deref()),
                (media_type, platform),
                "{text}"
            );
            assert_eq!((found.size, found.annotations.len()), (7, annotations), "{text}");
        };
        check("", "", None, 0);
        check(r#","mediaType":null,"platform":null,"annotations":null"#, "", None, 0);
        check(r#","mediaType":7,"platform":[],"annotations":7"#, "", None, 0);
        check(r#","mediaType":"a/b","urls":["x"],"new":{}"#, "a/b", None, 0);
        check(r#","platform":{}"#, "", None, 0);
        check(r#","platform":{"os":"linux"}"#, "", None, 0);
        check(r#","platform":{"os":"","architecture":"amd64"}"#, "", None, 0);
        check(
            r#","platform":{"os":"linux","architecture":"arm","variant":7}"#,
            "",
            Some("linux/arm"),
            0,
        );
        let arm =
            r#","platform":{"os":"linux","architecture":"arm","variant":"v7","os.features":[]}"#;
        check(arm, "", Some("linux/arm/v7"), 0);
        check(
            r#","platform":{"os":"linux","architecture":"arm64","variant":""}"#,
            "",
            Some("linux/arm64"),
            0,
        );
        check(r#","annotations":{"a":"b","c":7,"d":"e"}"#, "", None, 2);
    }

    #[test]
    fn digest_and_size_are_needed() {
        let check =
            |text: &str, expected: &str| assert_eq!(read(text).unwrap_err(), expected, "{text}");
        check("{}", "`` is not a sha256 digest");
        check(r#"{"digest":"sha256:00","size":1}"#, "`sha256:00` is not a sha256 digest");
        check(r#"{"digest":"DIGEST"}"#, &format!("it gives no size of {DIGEST}"));
        check(r#"{"size":-1}"#, "invalid value: integer `-1`, expected u64 at line 1 column 10");
        check(
            r#"{"digest":7}"#,
            "invalid type: integer `7`, expected a string at line 1 column 11",
        );
        check(r#"{"size":1,"size":2}"#, "duplicate field `size` at line 1 column 16");
    }
}
