use std::sync::Arc;

use super::*;
use crate::frontend::spec::load_catalogue;
use crate::recipe::diagnostic::SourceText;
use crate::upstream::{FetchError, FetchErrorKind, ListKeyring, SignedText};

/// One list, whatever the URL is; none is an error.
struct List(Option<String>);

impl FetchList for List {
    fn fetch(&self, url: &str, _: u64) -> Result<Arc<[u8]>, FetchError> {
        let list = self.0.as_ref().map(|list| list.as_bytes().into());
        let (url, why) = (url.to_owned(), "the server answered 503".to_owned());
        list.ok_or(FetchError { url, why, kind: FetchErrorKind::Temporary })
    }

    fn check_reach(&self, _: &str, _: &str) -> Result<(), FetchError> {
        Ok(())
    }
}

impl VerifySignature for List {
    fn verify(&self, _: &ListKeyring, _: &[u8], _: Option<&[u8]>) -> Result<SignedText, String> {
        Err("nothing is signed".into())
    }
}

fn load(tags: &str, release: &str) -> Result<Vec<CatalogueEntry>, Vec<String>> {
    let text = format!(
        "apiVersion: diskette/v1\nimage: a.example/fedora\ntags: [{tags}]\nplatforms: [amd64, s390x]\n\
         release:\n  url: https://a/releases.json\n  {release}\n"
    );
    load_catalogue(&Arc::new(SourceText { name: "c.yaml".into(), text }))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// Returns a list of files, each `VERSION ARCH`.
fn list(files: &[(&str, &str)]) -> String {
    let file = |(version, arch): &(&str, &str)| {
        format!(
            r#"{{"version": "{version}", "arch": "{arch}", "link": "https://a/f-{}.{arch}.qcow2"}}"#,
            version.replace(' ', "_")
        )
    };
    format!("[{}]", files.iter().map(file).collect::<Vec<_>>().join(","))
}

/// Returns `TAGS of LISTED: ARCHITECTURES` of each entry.
fn summary(entries: &[CatalogueEntry]) -> Vec<String> {
    let line = |entry: &CatalogueEntry| {
        let tags: Vec<String> = entry.tags.iter().map(ToString::to_string).collect();
        let platforms = entry.platforms.iter();
        let names: Vec<&str> = platforms.map(|it| it.platform.architecture.as_str()).collect();
        let listed = entry.platforms[0].release.version.as_deref().unwrap_or_default();
        format!("{} of {listed}: {}", tags.join(" "), names.join(" "))
    };
    entries.iter().map(line).collect()
}

const FILE: &str =
    "from: fedora-releases\n  file: 'f-(?<version>.*)\\.{arch.uname}\\.qcow2'\n  versions: ";

#[test]
fn each_release_becomes_an_entry() {
    let check = |rule: &str, files: &[(&str, &str)], expected: &[&str]| {
        let entries = load("\"{release}\", \"{release}-{timestamp}\"", &format!("{FILE}{rule}"));
        let [entry] = &entries.unwrap()[..] else { panic!("{rule}") };
        assert_eq!(entry.short_name(), "fedora:*");
        let lists = List(Some(list(files)));
        let found = entry.expand(&lists, &lists);
        let found = found.map_or_else(|error| vec![error.to_string()], |found| summary(&found));
        assert_eq!(found, expected, "{rule}");
    };
    let files = [
        ("37", "x86_64"),
        ("9", "x86_64"),
        ("46 Beta", "x86_64"),
        ("Rawhide", "x86_64"),
        ("", "x86_64"),
        ("38", "s390x"),
        ("100", "x86_64"),
        ("38", "x86_64"),
        ("44", "aarch64"),
        ("39", "s390x"),
        ("37 Beta", "s390x"),
    ];
    let all = "{from: \"38\", prereleases: true, newest: [latest, stable]}";
    check(
        all,
        &files,
        &[
            "100-{timestamp} latest stable 100 of 100: amd64",
            "39-{timestamp} 39 of 39: s390x",
            "38-{timestamp} 38 of 38: amd64 s390x",
            "46-beta-{timestamp} 46-beta of 46 Beta: amd64",
        ],
    );
    let finished = "{from: \"39\", newest: [latest]}";
    check(
        finished,
        &files,
        &["100-{timestamp} latest 100 of 100: amd64", "39-{timestamp} 39 of 39: s390x"],
    );
    // An unfinished release is never the newest, and counts as the one that it becomes.
    let beta = [("38 Beta", "x86_64"), ("38 RC1", "x86_64")];
    let betas = &[
        "38-rc1-{timestamp} 38-rc1 of 38 RC1: amd64",
        "38-beta-{timestamp} 38-beta of 38 Beta: amd64",
    ];
    check(all, &beta, betas);
    let none = "no file of https://a/releases.json matches `file` and is of a release from 39 on";
    check(finished, &beta, &[none]);
    let many: Vec<String> = (38..1200).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|it| (it.as_str(), "x86_64")).collect();
    check(
        all,
        &many,
        &[
            "https://a/releases.json is not Fedora's list of releases: it has 1162 releases, and 1000 \
           at most are read",
        ],
    );
}

#[test]
fn a_list_that_cannot_be_read_is_an_error_of_the_entry() {
    let entries = load("\"{release}\"", &format!("{FILE}{{from: \"38\"}}")).unwrap();
    let error = entries[0].expand(&List(None), &List(None)).unwrap_err();
    assert_eq!(error.to_string(), "cannot fetch https://a/releases.json: the server answered 503");
    let other = List(Some("{}".into()));
    let error = entries[0].expand(&other, &other).unwrap_err().to_string();
    assert!(error.starts_with("https://a/releases.json is not Fedora's list"), "{error}");
}

#[test]
fn an_entry_of_one_release_stays() {
    let entries = load("latest", "from: fedora-releases\n  file: a").unwrap();
    let found = entries[0].expand(&List(None), &List(None)).unwrap();
    assert_eq!((found.len(), found[0].short_name().as_str()), (1, "fedora:latest"));
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let check = |tags: &str, release: &str, expected: &[&str]| {
        assert_eq!(load(tags, release).unwrap_err(), expected, "{tags} {release}");
    };
    let rule = |rule: &str| format!("{FILE}{rule}");
    let release = "\"{release}\"";
    let kind = "c.yaml:9:3: a list of this form has no releases that are told apart";
    let other = "from: checksums\n  file: a\n  versions: {from: \"1\"}";
    check(release, other, &[kind]);
    let both = "c.yaml:9:3: `version` and `versions` contradict each other";
    check(release, &rule("{from: \"1\"}\n  version: \"1\""), &[both]);
    let number = "c.yaml:9:20: `38 Beta` is not the number of a release";
    check(release, &rule("{from: \"38 Beta\"}"), &[number]);
    check(release, &rule("{newest: [a]}"), &["c.yaml:9:3: `versions` has no `from`"]);
    check(
        release,
        &rule("{from: \"1\", prereleases: \"yes\"}"),
        &["c.yaml:9:38: expected `true` or `false`, found text"],
    );
    let tag = "c.yaml:9:34: `{release}` is not a tag";
    check(release, &rule("{from: \"1\", newest: [\"{release}\"]}"), &[tag]);
    let constant = "c.yaml:3:21: the tag `latest` would be that of all releases";
    check("\"{release}\", latest", &rule("{from: \"1\"}"), &[constant]);
    let main = "c.yaml:3:1: no tag stays the same from one release to the next";
    check("\"{release}-{timestamp}\"", &rule("{from: \"1\"}"), &[main]);
    let unknown = "c.yaml:3:8: `{release}` stands for nothing";
    check("\"{release}\", latest", "from: fedora-releases\n  file: a", &[unknown]);
}
