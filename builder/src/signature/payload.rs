//! The *payload* is the text that is signed: the digest of the image, and the name that it is signed for
//! (<https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#simple-signing>).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;

/// Type of the payloads of cosign.
const PAYLOAD_TYPE: &str = "cosign container image signature";

/// What a payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedPayload {
    /// Name that the image is signed for: a repository, or an image in it.
    pub(crate) identity: String,
    /// Digest of the image.
    pub(crate) digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadFields {
    critical: CriticalFields,
    /// What the signer adds; it says nothing about the image.
    #[serde(rename = "optional")]
    _optional: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriticalFields {
    identity: IdentityFields,
    image: ImageFields,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IdentityFields {
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ImageFields {
    docker_manifest_digest: String,
}

impl SignedPayload {
    /// Parses a payload as containers/image does (`signature/internal/sigstore_payload.go`): with no field that is not
    /// understood. The error says what is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let fields: PayloadFields =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let CriticalFields { identity, image, kind } = fields.critical;
        if kind != PAYLOAD_TYPE {
            return Err(format!("its type is `{}`", kind.escape_debug()));
        }
        let digest = image.docker_manifest_digest;
        let digest =
            digest.parse().map_err(|error| format!("`{}`: {error}", digest.escape_debug()))?;
        Ok(Self { identity: identity.docker_reference, digest })
    }

    /// Returns the bytes that are signed: the same for the same image and name, and the same as cosign's.
    pub(crate) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        to_canonical_json(&json!({
            "critical": {
                "identity": { "docker-reference": self.identity },
                "image": { "docker-manifest-digest": self.digest.to_string() },
                "type": PAYLOAD_TYPE,
            },
            "optional": null,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"critical":{"identity":{"docker-reference":"q.io/me/vm"},"image":{"docker-manifest-digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"type":"cosign container image signature"},"optional":null}"#;

    #[test]
    fn payloads_are_read_as_they_are_written() {
        let payload = SignedPayload::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(
            (payload.identity.as_str(), payload.digest),
            ("q.io/me/vm", Digest::of_bytes(b""))
        );
        assert_eq!(String::from_utf8(payload.to_bytes().unwrap()).unwrap(), TEXT);
    }

    #[test]
    fn payloads_have_no_field_that_is_not_understood() {
        let check = |from: &str, to: &str, expected: Option<&str>| {
            assert!(TEXT.contains(from), "{from}");
            let found = SignedPayload::parse(TEXT.replace(from, to).as_bytes());
            match expected {
                None => assert!(found.is_ok(), "{to}: {found:?}"),
                Some(expected) => {
                    let error = found.unwrap_err();
                    assert!(error.contains(expected), "{to}: {error}");
                }
            }
        };
        check(r#""optional":null"#, r#""optional":{"creator":"x","a":{}}"#, None);
        check(r#","optional":null"#, "", Some("missing field `optional`"));
        check(r#""optional":null"#, r#""optional":null,"new":1"#, Some("unknown field `new`"));
        check(r#""type":"#, r#""new":1,"type":"#, Some("unknown field `new`"));
        check(r#""type":"#, r#""type":"x","type":"#, Some("duplicate field `type`"));
        check(r#""optional":null}"#, r#""optional":null} x"#, Some("trailing characters"));
        check(
            "cosign container",
            "atomic container",
            Some("its type is `atomic container image signature`"),
        );
        check("sha256:e3", "sha512:e3", Some("not a digest"));
        check(r#""docker-reference":"q.io/me/vm""#, "", Some("missing field `docker-reference`"));
        check(r#""q.io/me/vm""#, "7", Some("expected a string"));
    }
}
