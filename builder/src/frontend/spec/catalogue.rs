//! A *catalogue* is a spec whose documents follow releases: instead of recipes, entries come of it, which
//! say where the disks are to be looked for.

use std::sync::Arc;

use super::lower::{check_version, platform};
use super::names::names;
use super::node::Node;
use super::read::Read;
use super::types::{Located, Platforms, ReleaseKind, ReleaseSpec, Spec, Text};
use super::{empty, yaml};
use crate::diagnostic::{Diagnostic, SourceText, Span};
use crate::image::platform::Platform;
use crate::upstream::{Keyring, Kind, Signed, Source, Template};

/// One image that follows a release.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The repository, e.g. `quay.io/containerdisks/almalinux`.
    pub image: String,
    /// In the order of the file.
    pub platforms: Vec<Platform>,
    /// Where the disks come from.
    pub release: Source,
    /// Where the release is spoken of, for messages.
    pub origin: Span,
}

/// Reads a catalogue; each of its documents is one entry.
///
/// The error holds everything that is wrong with the text, in its order.
pub fn load_catalogue(source: &Arc<SourceText>) -> Result<Vec<Entry>, Vec<Diagnostic>> {
    let documents = yaml::parse(source).map_err(|problem| vec![problem])?;
    if documents.is_empty() {
        return Err(vec![empty(source)]);
    }
    let mut problems = Vec::new();
    let entries: Vec<Entry> =
        documents.iter().filter_map(|document| entry(document, &mut problems)).collect();
    if problems.is_empty() {
        return Ok(entries);
    }
    problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.range.start));
    Err(problems)
}

fn entry(document: &Node, problems: &mut Vec<Diagnostic>) -> Option<Entry> {
    let before = problems.len();
    let spec = Spec::read(document, &document.span, problems)?;
    if let Err(other_version) = check_version(&spec) {
        problems.push(other_version);
        return None;
    }
    let Some(release) = &spec.release else {
        // One that cannot be read was spoken of already.
        if problems.len() > before {
            return None;
        }
        problems.push(
            Diagnostic::new("this image follows no release")
                .at(document.span.clone())
                .help("say where its disks are published, under `release:`"),
        );
        return None;
    };
    let Some(image) = &spec.image else {
        problems.push(
            Diagnostic::new("an image that follows a release needs a name")
                .at(release.span.clone())
                .help("add `image:` with the repository"),
        );
        return None;
    };
    // Tags may have placeholders, which are filled in when the release is known.
    names(Some(image), None, problems);
    let platforms = match spec.platforms? {
        Platforms::Names(names) => platforms(&names, problems),
        Platforms::Each(each) => {
            problems.push(
                Diagnostic::new("an image that follows a release has no disks of its own")
                    .at(each.span)
                    .help("list the platforms alone: `platforms: [linux/amd64, linux/arm64]`"),
            );
            return None;
        }
    };
    let source = source(&release.value, problems)?;
    let (image, origin) = (image.value.clone(), release.span.clone());
    Some(Entry { image, platforms, release: source, origin })
}

fn platforms(names: &Located<Vec<Text>>, problems: &mut Vec<Diagnostic>) -> Vec<Platform> {
    let mut found: Vec<Platform> = Vec::new();
    for name in &names.value {
        let Some(platform) = platform(name, problems) else { continue };
        if found.contains(&platform) {
            problems.push(
                Diagnostic::new(format!("the platform `{platform}` is given twice"))
                    .at(name.span.clone())
                    .help("remove one"),
            );
            continue;
        }
        found.push(platform);
    }
    found
}

fn source(release: &ReleaseSpec, problems: &mut Vec<Diagnostic>) -> Option<Source> {
    let before = problems.len();
    let url = template(&release.url, Template::fill, problems);
    let file = release.file.as_ref();
    let file = file.and_then(|file| template(file, Template::pattern, problems));
    let mirrors = release.mirrors.iter().flatten();
    let mirrors = mirrors.filter_map(|mirror| template(mirror, Template::fill, problems)).collect();
    let kind = kind(release.from.value);
    if file.is_none() && kind.needs_file() && release.file.is_none() {
        problems.push(
            Diagnostic::new("`file` is missing: the list has more than disks for virtual machines")
                .at(release.from.span.clone())
                .help("add `file:` with a regular expression that the disk's whole name matches"),
        );
    }
    let signed = signed(release, problems);
    let source = Source {
        kind,
        url: url?,
        file,
        version: release.version.as_ref().map(|version| version.value.clone()),
        checksums: release.checksums.as_ref().map(|name| name.value.clone()),
        mirrors,
        signed,
    };
    (problems.len() == before).then_some(source)
}

/// Returns a template that can be used: what it makes of some platform is tried.
fn template<T>(
    text: &Text,
    fill: impl Fn(&Template, &Platform) -> Result<T, crate::upstream::TemplateError>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Template> {
    let template = Template::new(text.value.clone());
    let any = Platform::of_this_machine();
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

fn signed(release: &ReleaseSpec, problems: &mut Vec<Diagnostic>) -> Option<Signed> {
    let fingerprints = release.fingerprints.iter().flatten();
    let Some(keyring) = &release.keyring else {
        let others = fingerprints.chain(&release.signature).next();
        if let Some(other) = others {
            problems.push(
                Diagnostic::new(
                    "a signature is spoken of, and there is no `keyring` to check it with",
                )
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
    let signature = release.signature.as_ref();
    let signature = signature.and_then(|text| template(text, Template::fill, problems));
    let keyring = Keyring { path: keyring.value.clone(), fingerprints: known };
    Some(Signed { keyring, signature })
}

fn kind(kind: ReleaseKind) -> Kind {
    match kind {
        ReleaseKind::Checksums => Kind::Checksums,
        ReleaseKind::FedoraReleases => Kind::FedoraReleases,
        ReleaseKind::DebianCloud => Kind::DebianCloud,
        ReleaseKind::Simplestreams => Kind::Simplestreams,
        ReleaseKind::CoreosStream => Kind::CoreosStream,
        ReleaseKind::Directory => Kind::Directory,
        ReleaseKind::VirtBuilder => Kind::VirtBuilder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(document: &str) -> Result<Vec<Entry>, Vec<String>> {
        let text = document.replace("HEAD", "apiVersion: diskette/v1\nimage: a.example/b");
        let source = SourceText { name: "c.yaml".into(), text };
        load_catalogue(&Arc::new(source))
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn entries_are_read() {
        let text = "HEAD\ntags: [\"9\", \"{version}\"]\nplatforms: [linux/amd64, arm64]\n\
            release: {from: debian-cloud, url: \"https://a/{arch}.json\", keyring: k.asc, \
            fingerprints: [\"0123456789abcdef0123 456789abcdef01234567\"], signature: s}\n";
        let entries = load(text).unwrap();
        let [entry] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(entry.image, "a.example/b");
        let platforms: Vec<String> = entry.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        let signed = entry.release.signed.as_ref().unwrap();
        assert_eq!(signed.keyring.fingerprints, ["0123456789ABCDEF0123456789ABCDEF01234567"]);
        assert_eq!(entry.release.kind, Kind::DebianCloud);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        let check = |document: &str, expected: &[&str]| {
            assert_eq!(load(document).unwrap_err(), expected, "{document}");
        };
        let release = "release: {from: debian-cloud, url: \"https://a/b\"}";
        check("", &["`c.yaml` holds no spec"]);
        let none = "c.yaml:1:1: this image follows no release";
        check("HEAD\nplatforms: {linux/amd64: {disk: a}}", &[none]);
        let unnamed = "c.yaml:3:1: an image that follows a release needs a name";
        check(&format!("apiVersion: diskette/v1\nplatforms: [amd64]\n{release}"), &[unnamed]);
        let fixed = "c.yaml:3:1: an image that follows a release has no disks of its own";
        check(&format!("HEAD\nplatforms: {{linux/amd64: {{disk: a}}}}\n{release}"), &[fixed]);
        let twice = "c.yaml:3:20: the platform `linux/amd64` is given twice";
        let unknown = "c.yaml:3:33: `a/b/c/d` is not a platform";
        check(
            &format!("HEAD\nplatforms: [amd64, linux/amd64, a/b/c/d]\n{release}"),
            &[twice, unknown],
        );
        let empty = "c.yaml:3:12: nothing is listed here";
        check(&format!("HEAD\nplatforms: []\n{release}"), &[empty]);
        let form = "c.yaml:4:17: unknown form `checksum`";
        let key = "c.yaml:4:27: unknown key `uri` in `release`";
        check("HEAD\nplatforms: [amd64]\nrelease: {from: checksum, uri: x}", &[form, key]);
        let other = "apiVersion: diskette/v2\nimage: a\nplatforms: [amd64]";
        check(other, &["c.yaml:1:13: unknown version `diskette/v2`"]);
    }

    #[test]
    fn releases_are_checked_where_they_stand() {
        let check = |release: &str, expected: &[&str]| {
            let text = format!("HEAD\nplatforms: [amd64]\nrelease: {{from: checksums, {release}}}");
            assert_eq!(load(&text).unwrap_err(), expected, "{release}");
        };
        let missing =
            "c.yaml:4:17: `file` is missing: the list has more than disks for virtual machines";
        let placeholder = "c.yaml:4:33: `{b}` stands for nothing";
        check("url: \"https://a/{b}\"", &[missing, placeholder]);
        let pattern = "c.yaml:4:52: not a regular expression: unclosed group";
        check("url: \"https://a\", file: \"(\"", &[pattern]);
        let keyring = "a signature is spoken of, and there is no `keyring` to check it with";
        let file = "url: \"https://a\", file: a";
        check(&format!("{file}, fingerprints: [ab]"), &[&format!("c.yaml:4:70: {keyring}")]);
        check(&format!("{file}, signature: s"), &[&format!("c.yaml:4:66: {keyring}")]);
        let digits = "c.yaml:4:82: this is not a fingerprint";
        check(&format!("{file}, keyring: k, fingerprints: [ab]"), &[digits]);
    }
}
