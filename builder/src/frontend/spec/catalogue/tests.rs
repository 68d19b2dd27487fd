use super::*;
use crate::recipe::{RecipeStep, SourceLocation};
use crate::upstream::{UpstreamDisk, UpstreamKind, UrlRewrite};

fn load(document: &str) -> Result<Vec<CatalogueEntry>, Vec<String>> {
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
    let platforms: Vec<String> = entry.platforms.iter().map(|it| it.platform.to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let signed = entry.platforms[0].release.signature.as_ref().unwrap();
    assert_eq!(signed.keyring.fingerprints, ["0123456789ABCDEF0123456789ABCDEF01234567"]);
    assert_eq!(entry.platforms[1].release.kind, UpstreamKind::DebianCloud);
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
    check(&format!("HEAD\nplatforms: [amd64, linux/amd64, a/b/c/d]\n{release}"), &[twice, unknown]);
    let empty = "c.yaml:3:12: nothing is listed here";
    check(&format!("HEAD\nplatforms: []\n{release}"), &[empty]);
    let form = "c.yaml:4:17: unknown form `checksum`";
    let key = "c.yaml:4:27: unknown key `uri` in `release`";
    check("HEAD\nplatforms: [amd64]\nrelease: {from: checksum, uri: x}", &[form, key]);
    let vm = "c.yaml:3:7: a VM artifact follows no release";
    check(&format!("HEAD\nkind: vm\nvm: v.yaml\nplatforms: [amd64]\n{release}"), &[vm]);
    let env = "c.yaml:4:1: `env` is for images";
    let compressed = "c.yaml:5:21: `compression` is for images";
    check(
        &format!(
            "HEAD\nformat: artifact\nenv: {{A: b}}\nplatforms: {{amd64: {{compression: zstd}}}}\n{release}"
        ),
        &[env, compressed],
    );
    let subject = "c.yaml:3:10: an image that follows a release refers to no other";
    check(&format!("HEAD\nsubject: a\nplatforms: [amd64]\n{release}"), &[subject]);
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
    assert_eq!(
        (entry.short_name().as_str(), entry.policy),
        ("b:latest", PlatformsPolicy::BestEffort)
    );
    assert_eq!(entry.annotations, [("k".to_owned(), "v".to_owned())].into());
    assert_eq!(entry.docs.user.as_deref(), Some("u"));
    let [amd64, s390x] = &entry.platforms[..] else { panic!("{entry:?}") };
    assert_eq!(amd64.release.url.to_string(), "https://a/b");
    assert_eq!(s390x.release.url.to_string(), "https://b/c");
    let preference = |entry: &CataloguePlatform| {
        entry
            .recipe_without_disk
            .config
            .image()
            .unwrap()
            .env()
            .next()
            .map(|(_, value)| value.to_owned())
            .unwrap()
    };
    assert_eq!((preference(amd64), preference(s390x)), ("p".into(), "p.s390x".into()));
    let disk = UpstreamDisk {
        url: "https://b/d-1.qcow2.xz".into(),
        mirrors: vec!["https://m/d-1.qcow2.xz".into()],
        checksum: crate::recipe::Checksum::Sha256("a".repeat(64)),
        uncompressed_checksum: None,
        size: Some(7),
        compression: Some(crate::compression::CompressionFormat::Xz),
        version: "1".into(),
        groups: BTreeMap::new(),
        lists: Vec::new(),
    };
    let near = UrlRewrite { from: "https://b/".into(), to: "http://near/b/".into() };
    let mut warnings = Vec::new();
    let recipe = amd64.recipe_with_disk(&disk, &[near], &mut warnings);
    assert_eq!(warnings, []);
    let RecipeStep::Layer(layer) = &recipe.steps[0] else { panic!("{recipe:?}") };
    assert_eq!(layer.history, "disk/d-1.qcow2");
    let crate::recipe::LayerEntryKind::File(source) = &layer.entries()[1].kind else { panic!() };
    assert_eq!(source.location, SourceLocation::Url("http://near/b/d-1.qcow2.xz".into()));
    let download = source.download.as_ref().unwrap();
    assert_eq!((download.size, download.mirrors.len()), (Some(7), 1));
    let disk = UpstreamDisk { url: "https://b/d%201.qcow2".into(), compression: None, ..disk };
    let recipe = amd64.recipe_with_disk(&disk, &[], &mut warnings);
    let RecipeStep::Layer(layer) = &recipe.steps[0] else { panic!("{recipe:?}") };
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(layer.history, "disk/d-201.qcow2");
    let renamed = "`d%201.qcow2` is named `d-201.qcow2` in the image: its name has `%`";
    assert_eq!(warning.message, renamed);
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
    let keyring = "a signature is configured without a `keyring` to check it with";
    let file = "url: \"https://a\", file: a";
    check(&format!("{file}, fingerprints: [ab]"), &[&format!("c.yaml:4:70: {keyring}")]);
    check(&format!("{file}, signature: s"), &[&format!("c.yaml:4:66: {keyring}")]);
    let digits = "c.yaml:4:82: this is not a fingerprint";
    check(&format!("{file}, keyring: k, fingerprints: [ab]"), &[digits]);
}
