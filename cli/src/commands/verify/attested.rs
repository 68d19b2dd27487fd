//! What *attestations* say of an image, for the reports of `verify`.

use diskette_builder::attestation::find::{Attestation, AttestedBy, find_attestations};
use diskette_builder::attestation::provenance::PROVENANCE;
use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::images::Images;
use diskette_builder::oci::referrers::find_subjects;
use diskette_builder::signature::key::PublicKey;
use serde_json::{Value, json};

use crate::error::CommandError;

/// Reads the attestations of an image, of one platform or of all.
pub(super) fn find_all(
    images: &dyn Images,
    root: &Document,
    platform: Option<&Platform>,
    keys: &[PublicKey],
    name: &str,
) -> Result<Vec<Attestation>, CommandError> {
    // Documents that cannot be read are findings of the verification.
    let Ok(subjects) = find_subjects(images, root, platform, name) else { return Ok(Vec::new()) };
    match find_attestations(images, root, &subjects, keys) {
        // Documents of the image that are missing or damaged are findings.
        Err(error) if !error.is_temporary() && !matches!(error, StorageError::Cancelled) => {
            Ok(Vec::new())
        }
        found => Ok(found?),
    }
}

/// Returns the lines of an attestation: what it is, and what it says that the image was built from.
pub(super) fn text_lines(attestation: &Attestation) -> Vec<String> {
    let Attestation { subject, kind, by, predicate, problem } = attestation;
    if let Some(problem) = problem {
        return vec![format!("attestation of {subject} that does not count: {problem}")];
    }
    let by = match by {
        AttestedBy::Key => "signed by a given key",
        AttestedBy::Others => "signed by a key that was not given",
        AttestedBy::Nobody => "not signed",
    };
    let mut lines = vec![format!("attestation of {subject}: {}, {by}", kind.escape_debug())];
    if kind == PROVENANCE {
        lines.extend(dependencies(predicate).map(dependency_line));
    }
    lines
}

/// Returns an attestation as JSON, with what it says.
pub(super) fn to_json(attestation: &Attestation) -> Value {
    let Attestation { subject, kind, by, predicate, problem } = attestation;
    let platform = subject.platform.as_ref().map(ToString::to_string);
    let by = match by {
        AttestedBy::Key => "key",
        AttestedBy::Others => "other",
        AttestedBy::Nobody => "none",
    };
    json!({
        "digest": subject.digest.to_string(),
        "platform": platform,
        "predicateType": kind,
        "signedBy": by,
        "predicate": predicate,
        "problem": problem,
    })
}

fn dependencies(predicate: &Value) -> impl Iterator<Item = &Value> {
    let all = predicate.pointer("/buildDefinition/resolvedDependencies");
    all.and_then(Value::as_array).into_iter().flatten()
}

fn dependency_line(dependency: &Value) -> String {
    let text = |name: &str| dependency[name].as_str().unwrap_or_default();
    let name = if text("uri").is_empty() { text("name") } else { text("uri") };
    let digests = dependency["digest"].as_object().into_iter().flatten();
    let digests = digests.map(|(algorithm, digits)| {
        let digits = digits.as_str().unwrap_or_default().escape_debug();
        format!(", {}:{digits}", algorithm.escape_debug())
    });
    let key = dependency["annotations"]["signedBy"].as_str();
    let key = key.map(|key| format!(", signed by {}", key.escape_debug()));
    let digests: String = digests.chain(key).collect();
    format!("  built from {}{digests}", name.escape_debug())
}
