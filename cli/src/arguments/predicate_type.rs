//! The *type* of what an attestation says.

use diskette_builder::attestation::provenance::PROVENANCE;
use diskette_builder::sbom::document::DocumentFormat;

/// Types by the names that cosign has for them (`pkg/cosign/attestation`).
const NAMES: [(&str, &str); 2] = [
    ("openvex", "https://openvex.dev/ns"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
];

/// Parses a name or a URI.
pub(crate) fn parse_predicate_type(text: &str) -> Result<String, String> {
    let known = match text {
        "slsaprovenance1" => Some(PROVENANCE),
        "spdxjson" => Some(DocumentFormat::Spdx.predicate_type()),
        "cyclonedx" => Some(DocumentFormat::CycloneDx.predicate_type()),
        _ => NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind),
    };
    match known {
        Some(kind) => Ok(kind.to_owned()),
        None if text.contains("://") => Ok(text.to_owned()),
        None => {
            Err("slsaprovenance1, spdxjson, cyclonedx, openvex, vuln or a URI is expected".into())
        }
    }
}
