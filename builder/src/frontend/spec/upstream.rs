//! The *upstream* source of one platform's disk: the list that has it, and the conditions for the
//! file.

use super::located::{Located, LocatedText};
use super::release::{ReleaseChanges, ReleaseSpec};
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;
use crate::upstream::{
    ListKeyring, ListSignature, TemplateError, UpstreamSource, UpstreamTemplate,
};

/// Returns the source of one platform's disk; `changes` are the platform's own settings.
pub(super) fn lower_release(
    release: &ReleaseSpec,
    changes: Option<&Located<ReleaseChanges>>,
    problems: &mut Vec<Diagnostic>,
) -> Option<UpstreamSource> {
    let own = |of: fn(&ReleaseChanges) -> Option<&LocatedText>| {
        changes.and_then(|changes| of(&changes.value))
    };
    let before = problems.len();
    let url = own(|changes| changes.url.as_ref()).unwrap_or(&release.url);
    let url = lower_template(url, UpstreamTemplate::fill, problems);
    let text = own(|changes| changes.file.as_ref()).or(release.file.as_ref());
    let file = text.and_then(|file| lower_template(file, UpstreamTemplate::to_regex, problems));
    let mirrors = release.mirrors.iter().flatten();
    let mirrors = mirrors
        .filter_map(|mirror| lower_template(mirror, UpstreamTemplate::fill, problems))
        .collect();
    let kind = release.from.value;
    if text.is_none() && kind.needs_file() {
        problems.push(
            Diagnostic::new("`file` is missing: the list has more than disks for virtual machines")
                .at(release.from.span.clone())
                .help("add `file:` with a regular expression that the disk's whole name matches"),
        );
    }
    let signature = own(|changes| changes.signature.as_ref()).or(release.signature.as_ref());
    let signed = lower_signature(release, signature, problems);
    let version = own(|changes| changes.version.as_ref()).or(release.version.as_ref());
    let checksums = own(|changes| changes.checksums.as_ref()).or(release.checksums.as_ref());
    let source = UpstreamSource {
        kind,
        url: url?,
        file,
        version: version.map(|version| version.value.clone()),
        checksums: checksums.map(|name| name.value.clone()),
        mirrors,
        signature: signed,
    };
    (problems.len() == before).then_some(source)
}

/// Returns a template, after filling it in for some platform to check it.
fn lower_template<T>(
    text: &LocatedText,
    fill: impl Fn(&UpstreamTemplate, &Platform) -> Result<T, TemplateError>,
    problems: &mut Vec<Diagnostic>,
) -> Option<UpstreamTemplate> {
    let template = UpstreamTemplate::new(text.value.clone());
    let any = Platform::host();
    match fill(&template, &any) {
        Ok(_) => Some(template),
        Err(error) => {
            problems.push(
                Diagnostic::new(error.to_string()).at(text.span.clone()).help(
                    "known are `{arch}` and `{arch.uname}`; escape what is meant as it stands",
                ),
            );
            None
        }
    }
}

fn lower_signature(
    release: &ReleaseSpec,
    signature: Option<&LocatedText>,
    problems: &mut Vec<Diagnostic>,
) -> Option<ListSignature> {
    let fingerprints = release.fingerprints.iter().flatten();
    let Some(keyring) = &release.keyring else {
        let others = fingerprints.chain(signature).next();
        if let Some(other) = others {
            problems.push(
                Diagnostic::new("a signature is configured without a `keyring` to check it with")
                    .at(other.span.clone())
                    .help("add `keyring:` with the file of the distribution's keys"),
            );
        }
        return None;
    };
    let mut known = Vec::new();
    for fingerprint in fingerprints {
        let digits = fingerprint.value.replace(' ', "").to_ascii_uppercase();
        if matches!(digits.len(), 40 | 64) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            known.push(digits);
            continue;
        }
        problems.push(
            Diagnostic::new("this is not a fingerprint").at(fingerprint.span.clone()).help(
                "it has 40 hexadecimal digits (64 of a version 6 key): `gpg --show-keys FILE`",
            ),
        );
    }
    let signature =
        signature.and_then(|text| lower_template(text, UpstreamTemplate::fill, problems));
    let keyring = ListKeyring { path: keyring.value.clone(), fingerprints: known };
    Some(ListSignature { keyring, url: signature })
}
