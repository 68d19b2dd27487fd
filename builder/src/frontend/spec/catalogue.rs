//! A *catalogue* is a spec whose documents follow releases: instead of recipes, entries come of it, which
//! say where the disks are to be looked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::environment::Layered;
use super::lower::{check_version, disk_in, lower_without_disk, platform, texts};
use super::names::names;
use super::node::Node;
use super::read::Read;
use super::release::{Policy, ReleaseChanges, ReleaseSpec};
use super::source::check_name;
use super::tags::{TagTemplate, tags};
use super::types::{Located, PlatformSpec, Platforms, Spec, Text};
use super::{empty, yaml};
use crate::diagnostic::{Diagnostic, SourceText, Span};
use crate::image::platform::Platform;
use crate::recipe::{Download, Location, PlatformRecipe, Role, SourceRecipe, Step};
use crate::upstream::{Disk, Keyring, Rewrite, Signed, Source, Template};

/// What a disk is called whose own name cannot stand in an image.
const DISK_NAME: &str = "disk.img";

/// One image that follows a release.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The repository, e.g. `quay.io/containerdisks/almalinux`.
    pub image: String,
    /// In the order in which they are set; the last is the one that the image is known by.
    pub tags: Vec<TagTemplate>,
    /// In the order of the file.
    pub platforms: Vec<EntryPlatform>,
    /// What happens when there is no new disk for one of the platforms.
    pub policy: Policy,
    /// Set on the index and on every manifest.
    pub annotations: BTreeMap<String, String>,
    /// What the image's description says.
    pub docs: Docs,
    /// Where the release is spoken of, for messages.
    pub origin: Span,
}

/// What an image's description says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docs {
    /// A file of Markdown, relative to the catalogue.
    pub description: Option<String>,
    /// The user that cloud-init makes.
    pub user: Option<String>,
}

/// One platform of an image that follows a release.
#[derive(Debug, Clone)]
pub struct EntryPlatform {
    /// What it runs on.
    pub platform: Platform,
    /// Where the disk comes from.
    pub release: Source,
    /// All of the image but the disk.
    pub rest: PlatformRecipe,
    /// Where the release is spoken of, for messages.
    pub origin: Span,
}

impl Entry {
    /// Returns the tag that the image is known by: it is set last, and what stands there says what
    /// was published.
    pub fn known_by(&self) -> String {
        self.tags.last().map(ToString::to_string).unwrap_or_default()
    }

    /// Returns what the image is called in results and on the command line: `fedora:42`.
    pub fn key(&self) -> String {
        format!("{}:{}", self.name(), self.known_by())
    }

    /// Returns the last part of the repository.
    pub fn name(&self) -> &str {
        self.image.rsplit('/').next().unwrap_or_default()
    }
}

impl EntryPlatform {
    /// Returns the recipe of the image that has this disk.
    pub fn recipe(&self, disk: &Disk, rewrites: &[Rewrite]) -> PlatformRecipe {
        let at = |url: &str| Rewrite::apply(rewrites, url);
        let location = Location::Url(at(&disk.url));
        let file = location.file_name();
        let name = disk.packing.map_or(file, |packing| packing.strip(file));
        let name = check_name(name).map_or(DISK_NAME, |()| name).to_owned();
        let source = SourceRecipe {
            packing: disk.packing,
            checksum: Some(disk.checksum.clone()),
            origin: Some(self.origin.clone()),
            download: Some(Box::new(Download {
                mirrors: disk.mirrors.iter().map(|mirror| at(mirror)).collect(),
                size: disk.size,
                unpacked: disk.unpacked.clone(),
            })),
            ..SourceRecipe::new(location, Role::Disk)
        };
        let mut recipe = self.rest.clone();
        recipe.steps.insert(0, Step::Layer(disk_in(&name, source)));
        recipe
    }
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
    // What stands at the top of a document is judged once for each platform.
    problems.dedup();
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
    names(Some(image), None, problems);
    let platforms = platforms(&spec, release, problems);
    let annotations = Layered { top: spec.annotations.as_ref(), own: None };
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let docs = spec.docs.as_ref();
    let policy = spec.policy.as_ref().and_then(|policy| policy.value.platforms.as_ref());
    Some(Entry {
        image: image.value.clone(),
        tags: tags(spec.tags.as_ref(), &groups(&platforms), problems),
        platforms,
        policy: policy.map(|policy| policy.value).unwrap_or_default(),
        annotations: texts("an annotation", &annotations, problems),
        docs: docs.map_or_else(Docs::default, |docs| Docs {
            description: text(&docs.description),
            user: text(&docs.user),
        }),
        origin: release.span.clone(),
    })
}

/// Returns the names of groups that the patterns of all platforms have.
fn groups(platforms: &[EntryPlatform]) -> Vec<String> {
    let names = |entry: &EntryPlatform| {
        let pattern = entry.release.file.as_ref()?.pattern(&entry.platform).ok()?;
        Some(pattern.capture_names().flatten().map(str::to_owned).collect::<Vec<_>>())
    };
    let mut all = platforms.iter().map(|entry| names(entry).unwrap_or_default());
    let first = all.next().unwrap_or_default();
    let rest: Vec<Vec<String>> = all.collect();
    first.into_iter().filter(|name| rest.iter().all(|other| other.contains(name))).collect()
}

/// Returns what is published for each platform.
fn platforms(
    spec: &Spec,
    release: &Located<ReleaseSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<EntryPlatform> {
    let listed: Vec<(&Text, Option<&PlatformSpec>)> = match &spec.platforms {
        None => Vec::new(),
        Some(Platforms::Names(names)) => names.value.iter().map(|name| (name, None)).collect(),
        Some(Platforms::Each(each)) => {
            each.value.0.iter().map(|(name, own)| (name, Some(own))).collect()
        }
    };
    let mut found: Vec<EntryPlatform> = Vec::new();
    for (name, own) in listed {
        if own.is_some_and(|own| own.disk.is_some()) {
            problems.push(
                Diagnostic::new("an image that follows a release has no disks of its own")
                    .at(name.span.clone())
                    .help("list the platforms alone: `platforms: [linux/amd64, linux/arm64]`"),
            );
        }
        let Some(platform) = platform(name, problems) else { continue };
        if found.iter().any(|other| other.platform == platform) {
            problems.push(
                Diagnostic::new(format!("the platform `{platform}` is given twice"))
                    .at(name.span.clone())
                    .help("remove one"),
            );
            continue;
        }
        let changes = own.and_then(|own| own.release.as_ref());
        let Some(source) = source(&release.value, changes, problems) else { continue };
        let rest = lower_without_disk(platform.clone(), spec, own, problems);
        let origin = changes.map_or(&release.span, |changes| &changes.span).clone();
        found.push(EntryPlatform { platform, release: source, rest, origin });
    }
    found
}

/// Returns where the disk of one platform comes from.
fn source(
    release: &ReleaseSpec,
    changes: Option<&Located<ReleaseChanges>>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Source> {
    let own =
        |of: fn(&ReleaseChanges) -> Option<&Text>| changes.and_then(|changes| of(&changes.value));
    let before = problems.len();
    let url = own(|changes| changes.url.as_ref()).unwrap_or(&release.url);
    let url = template(url, Template::fill, problems);
    let text = own(|changes| changes.file.as_ref()).or(release.file.as_ref());
    let file = text.and_then(|file| template(file, Template::pattern, problems));
    let mirrors = release.mirrors.iter().flatten();
    let mirrors = mirrors.filter_map(|mirror| template(mirror, Template::fill, problems)).collect();
    let kind = release.from.value;
    if text.is_none() && kind.needs_file() {
        problems.push(
            Diagnostic::new("`file` is missing: the list has more than disks for virtual machines")
                .at(release.from.span.clone())
                .help("add `file:` with a regular expression that the disk's whole name matches"),
        );
    }
    let signature = own(|changes| changes.signature.as_ref()).or(release.signature.as_ref());
    let signed = signed(release, signature, problems);
    let version = own(|changes| changes.version.as_ref()).or(release.version.as_ref());
    let checksums = own(|changes| changes.checksums.as_ref()).or(release.checksums.as_ref());
    let source = Source {
        kind,
        url: url?,
        file,
        version: version.map(|version| version.value.clone()),
        checksums: checksums.map(|name| name.value.clone()),
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

fn signed(
    release: &ReleaseSpec,
    signature: Option<&Text>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Signed> {
    let fingerprints = release.fingerprints.iter().flatten();
    let Some(keyring) = &release.keyring else {
        let others = fingerprints.chain(signature).next();
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
    let signature = signature.and_then(|text| template(text, Template::fill, problems));
    let keyring = Keyring { path: keyring.value.clone(), fingerprints: known };
    Some(Signed { keyring, signature })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Kind;

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
        let platforms: Vec<String> =
            entry.platforms.iter().map(|it| it.platform.to_string()).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        let signed = entry.platforms[0].release.signed.as_ref().unwrap();
        assert_eq!(signed.keyring.fingerprints, ["0123456789ABCDEF0123456789ABCDEF01234567"]);
        assert_eq!(entry.platforms[1].release.kind, Kind::DebianCloud);
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
        let fixed = "c.yaml:3:13: an image that follows a release has no disks of its own";
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
    fn platforms_have_releases_and_labels_of_their_own() {
        let text = "HEAD\ntags: [latest, \"{version}\", \"9\", \"{a}-{timestamp}\"]\n\
            kubevirt: {preference: p}\npolicy: {platforms: best-effort}\n\
            docs: {description: d.md, user: u}\nannotations: {k: v}\nplatforms:\n  amd64: {}\n  \
            s390x: {kubevirt: {preference: p.s390x}, release: {url: \"https://b/c\", \
            file: \"(?<a>.)-(?<version>.)\"}}\n\
            release: {from: checksums, url: \"https://a/b\", file: \"(?<version>.)(?<a>.)\"}";
        let entries = load(text).unwrap();
        let [entry] = &entries[..] else { panic!("{entries:?}") };
        let tags: Vec<String> = entry.tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["{version}", "{a}-{timestamp}", "9", "latest"]);
        assert_eq!((entry.key().as_str(), entry.policy), ("b:latest", Policy::BestEffort));
        assert_eq!(entry.annotations, [("k".to_owned(), "v".to_owned())].into());
        assert_eq!(entry.docs.user.as_deref(), Some("u"));
        let [amd64, s390x] = &entry.platforms[..] else { panic!("{entry:?}") };
        assert_eq!(amd64.release.url.to_string(), "https://a/b");
        assert_eq!(s390x.release.url.to_string(), "https://b/c");
        let preference = |entry: &EntryPlatform| {
            entry.rest.config.env().next().map(|(_, value)| value.to_owned()).unwrap()
        };
        assert_eq!((preference(amd64), preference(s390x)), ("p".into(), "p.s390x".into()));
        let disk = Disk {
            url: "https://b/d-1.qcow2.xz".into(),
            mirrors: vec!["https://m/d-1.qcow2.xz".into()],
            checksum: crate::recipe::Checksum::Sha256("a".repeat(64)),
            unpacked: None,
            size: Some(7),
            packing: Some(crate::recipe::Packing::Xz),
            version: "1".into(),
            groups: BTreeMap::new(),
        };
        let near = Rewrite { from: "https://b/".into(), to: "http://near/b/".into() };
        let recipe = amd64.recipe(&disk, &[near]);
        let Step::Layer(layer) = &recipe.steps[0] else { panic!("{recipe:?}") };
        assert_eq!(layer.history, "disk/d-1.qcow2");
        let crate::recipe::EntryKind::File(source) = &layer.entries[1].kind else { panic!() };
        assert_eq!(source.location, Location::Url("http://near/b/d-1.qcow2.xz".into()));
        let download = source.download.as_ref().unwrap();
        assert_eq!((download.size, download.mirrors.len()), (Some(7), 1));
    }

    #[test]
    fn tags_are_checked_where_they_stand() {
        let check = |tags: &str, expected: &[&str]| {
            let text = format!(
                "HEAD\nplatforms: [amd64]\nrelease: {{from: debian-cloud, url: \"https://a/b\"}}\n\
                 tags: {tags}"
            );
            assert_eq!(load(&text).unwrap_err(), expected, "{tags}");
        };
        let stays = "c.yaml:5:1: no tag stays the same from one release to the next";
        check("[\"{version}\"]", &[stays]);
        check("[a, \"{b}\"]", &["c.yaml:5:11: `{b}` stands for nothing"]);
        check("[a, a]", &["c.yaml:5:11: the tag `a` is given twice"]);
        check("[a b]", &["c.yaml:5:8: `a b` is not a tag"]);
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
