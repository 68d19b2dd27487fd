use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use regex::Regex;
use serde_json::{Value, json};

use super::{PrunePlan, RemovalScope, RetentionRules, whole_tag};
use crate::oci::image::digest::Digest;
use crate::oci::image::format::{OCI_INDEX, OCI_MANIFEST};
use crate::oci::images::Images;
use crate::oci::images::testing::MemoryImages;
use crate::oci::progress::NoProgress;

/// 2026-06-01.
const NOW: i64 = 1_780_272_000;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A repository in memory, whose documents have names in plans.
#[derive(Default)]
struct Repository {
    memory: MemoryImages,
    called: BTreeMap<Digest, String>,
}

impl Repository {
    fn put(&mut self, name: &str, value: &Value) -> Digest {
        let digest = self.memory.put(serde_json::to_vec(value).unwrap());
        self.called.insert(digest, name.to_owned());
        digest
    }

    /// Writes an image whose config says a time.
    fn image(&mut self, name: &str, created: &str) -> Digest {
        let config = json!({ "created": created, "x": name });
        let config = serde_json::to_vec(&config).unwrap();
        let size = config.len();
        let config = self.memory.put(config).to_string();
        let config = json!({ "mediaType": CONFIG, "digest": config, "size": size });
        let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [] });
        self.put(name, &manifest)
    }

    fn index(&mut self, name: &str, children: &[Digest]) -> Digest {
        let entry = |child: &Digest| {
            let bytes = self.memory.blobs.get(child);
            let is_index =
                bytes.is_some_and(|it| String::from_utf8_lossy(it).contains("manifests"));
            let kind = if is_index { OCI_INDEX } else { OCI_MANIFEST };
            json!({ "mediaType": kind, "digest": child.to_string(), "size": bytes.map_or(1, Vec::len) })
        };
        let all: Vec<Value> = children.iter().map(entry).collect();
        self.put(name, &json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": all, "annotations": { "x": name } }))
    }

    /// Writes an artifact, perhaps one that refers to an image.
    fn artifact(&mut self, name: &str, subject: Option<Digest>) -> Digest {
        let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of_bytes(b"{}").to_string(), "size": 2 });
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "a/b", "config": empty, "layers": [], "annotations": { "x": name } });
        if let Some(subject) = subject {
            manifest["subject"] =
                json!({ "mediaType": OCI_MANIFEST, "digest": subject.to_string(), "size": 1 });
        }
        self.put(name, &manifest)
    }

    fn tag(&mut self, tag: &str, digest: Digest) {
        self.memory.names.insert(tag.into(), digest);
    }

    /// Gives a document the tag that cosign makes of an image.
    fn attach(&mut self, digest: Digest, image: Digest, suffix: &str) {
        self.tag(&format!("sha256-{}{suffix}", image.to_hex()), digest);
    }

    /// Returns what is deleted, and which tags of images stay.
    fn plan(&self, rules: &RetentionRules) -> String {
        let images = &&self.memory as &dyn Images;
        let plan = PrunePlan::read(images, rules, NOW, &NoProgress).unwrap();
        let called = |digest: &Digest| self.called[digest].as_str();
        let mut text = String::new();
        for image in &plan.removed {
            let tags: Vec<&str> =
                image.tags.iter().map(crate::oci::image::ref_name::RefName::as_str).collect();
            let with = match &image.scope {
                RemovalScope::Tags => "tag".to_owned(),
                RemovalScope::Image(all) => {
                    let mut all: Vec<&str> = all.iter().map(called).collect();
                    all.sort_unstable();
                    format!("image {}", all.join(","))
                }
            };
            writeln!(text, "-{} {}", tags.join(","), with.trim_end()).unwrap();
        }
        for kept in plan.kept.iter().filter(|kept| !kept.name.is_of_attachments()) {
            writeln!(text, "+{} {}", kept.name, kept.reason).unwrap();
        }
        for kept in plan.kept.iter().filter(|kept| kept.name.is_of_attachments()) {
            writeln!(text, "+({}) {}", called(&kept.digest), kept.reason).unwrap();
        }
        text
    }
}

fn keep(count: usize) -> RetentionRules {
    RetentionRules { newest: Some(count), ..RetentionRules::default() }
}

fn check(repository: &Repository, rules: &RetentionRules, expected: &[&str]) {
    let plan = repository.plan(rules);
    assert_eq!(plan.lines().collect::<Vec<_>>(), expected);
}

const JANUARY: &str = "2026-01-01T00:00:00Z";
const MARCH: &str = "2026-03-01T00:00:00Z";
const MAY: &str = "2026-05-20T00:00:00Z";
const FIXED: &str = "1970-01-01T00:00:00Z";

#[test]
fn the_newest_and_the_young_stay() {
    let mut it = Repository::default();
    for (tag, created) in [("1", JANUARY), ("2", MARCH), ("3", MAY)] {
        let image = it.image(tag, created);
        it.tag(tag, image);
    }
    let newest = it.memory.names["3"];
    it.tag("latest", newest);
    check(&it, &keep(1), &["-1 image", "-2 image", "+3 the newest", "+latest the newest"]);
    check(
        &it,
        &keep(2),
        &[
            "-1 image",
            "+2 one of the newest 2",
            "+3 one of the newest 2",
            "+latest one of the newest 2",
        ],
    );
    check(
        &it,
        &keep(9),
        &[
            "+1 one of the newest 9",
            "+2 one of the newest 9",
            "+3 one of the newest 9",
            "+latest one of the newest 9",
        ],
    );
    let days = |days: u64| RetentionRules {
        within: Some(Duration::from_secs(days * 86_400)),
        ..RetentionRules::default()
    };
    check(&it, &days(12), &["-1 image", "-2 image", "+3 recent", "+latest recent"]);
    // The newest is not deleted, except if that is said.
    check(&it, &days(11), &["-1 image", "-2 image", "+3 the newest", "+latest the newest"]);
    let none = |rules| RetentionRules { newest: Some(0), ..rules };
    check(&it, &none(days(11)), &["-1 image", "-2 image", "-3,latest image"]);
    check(&it, &none(days(12)), &["-1 image", "-2 image", "+3 recent", "+latest recent"]);
    check(
        &it,
        &RetentionRules { within: days(100).within, ..keep(1) },
        &["-1 image", "+2 recent", "+3 recent", "+latest recent"],
    );
    // A tag of an image that stays is deleted alone.
    let named =
        RetentionRules { keep_tags: vec![Regex::new("^latest$|^1$").unwrap()], ..none(days(1)) };
    check(&it, &named, &["-2 image", "-3 tag", "+1 its name is kept", "+latest its name is kept"]);
    let selected =
        RetentionRules { only_tags: Some(vec![whole_tag(r"\d").unwrap()]), ..none(days(1)) };
    check(&it, &selected, &["-1 image", "-2 image", "-3 tag", "+latest not selected"]);
}

#[test]
fn all_tags_of_a_current_image_stay() {
    let mut it = Repository::default();
    for tag in ["9.1-20240101", "9.0-20260520"] {
        let image = it.image(tag, FIXED);
        it.tag(tag, image);
    }
    let current = it.memory.names["9.1-20240101"];
    let days = RetentionRules {
        within: Some(Duration::from_secs(86_400)),
        newest: Some(0),
        ..RetentionRules::default()
    };
    check(&it, &days, &["-9.1-20240101 image", "-9.0-20260520 image"]);
    let rules = RetentionRules { current: [current].into(), ..days.clone() };
    let expected = ["-9.0-20260520 image", "+9.1-20240101 the current image"];
    check(&it, &rules, &expected);
    // A tag that follows the releases names it.
    it.tag("9", current);
    let tags = ["9".parse().unwrap()].into();
    let expected =
        ["-9.0-20260520 image", "+9 the current image", "+9.1-20240101 the current image"];
    check(&it, &RetentionRules { current_tags: tags, ..days }, &expected);
}

#[test]
fn images_of_different_repositories_are_not_compared() {
    let mut it = Repository::default();
    let (old, new) = (it.image("old", JANUARY), it.image("new", MAY));
    it.tag("q.io/b/a:v1", old);
    it.tag("q.io/c/a:v1", new);
    it.tag("q.io/c/a:v0", old);
    it.tag("v0", old);
    check(
        &it,
        &keep(1),
        &[
            "-q.io/c/a:v0 tag",
            "+q.io/b/a:v1 the newest",
            "+q.io/c/a:v1 the newest",
            "+v0 the newest",
        ],
    );
    let old = RetentionRules { within: Some(Duration::ZERO), ..RetentionRules::default() };
    assert_eq!(it.plan(&old), it.plan(&keep(1)));
}

#[test]
fn a_doubtful_date_is_none() {
    let mut it = Repository::default();
    let tags = ["build-1709251159", "9-2605201200", "9-2604201200", "run-2604301200", "b-20481231"];
    for tag in tags {
        let image = it.image(tag, FIXED);
        it.tag(tag, image);
    }
    let undated = |tag: &str| format!("+{tag} no date");
    let mut expected = tags.map(undated);
    expected.sort_unstable();
    assert_eq!(it.plan(&keep(1)).lines().collect::<Vec<_>>(), expected);
    let timestamp_tags = vec![whole_tag(r"9-\d{10}").unwrap()];
    check(
        &it,
        &RetentionRules { timestamp_tags, ..keep(1) },
        &[
            "-9-2604201200 image",
            "+9-2605201200 the newest",
            "+b-20481231 no date",
            "+build-1709251159 no date",
            "+run-2604301200 no date",
        ],
    );
}

#[test]
fn images_without_a_date_stay() {
    let mut it = Repository::default();
    for tag in ["a-20260101", "a-20260301", "b-202605201200", "latest", "v1"] {
        let image = it.image(tag, FIXED);
        it.tag(tag, image);
    }
    // They do not count either.
    check(
        &it,
        &keep(1),
        &[
            "-a-20260101 image",
            "-a-20260301 image",
            "+b-202605201200 the newest",
            "+latest no date",
            "+v1 no date",
        ],
    );
    // A tag of the same image with a date gives it one.
    let first = it.memory.names["a-20260101"];
    it.tag("v1", first);
    check(
        &it,
        &keep(2),
        &[
            "-a-20260101,v1 image",
            "+a-20260301 one of the newest 2",
            "+b-202605201200 one of the newest 2",
            "+latest no date",
        ],
    );
    // Images of the same time cannot be told apart: all stay.
    let mut it = Repository::default();
    for tag in ["1", "2", "3"] {
        let image = it.image(tag, MAY);
        it.tag(tag, image);
    }
    check(&it, &keep(1), &["+1 the newest", "+2 the newest", "+3 the newest"]);
}

#[test]
fn what_an_index_lists_goes_and_stays_with_it() {
    let mut it = Repository::default();
    // Two releases share the image of a platform, and each image of a platform has its own tag.
    let shared = it.image("shared", JANUARY);
    let (old, new) = (it.image("old", JANUARY), it.image("new", MAY));
    let first = it.index("first", &[old, shared]);
    let second = it.index("second", &[new, shared]);
    for (tag, digest) in [
        ("1", first),
        ("1-amd64", old),
        ("1-arm64", shared),
        ("2", second),
        ("2-amd64", new),
        ("2-arm64", shared),
    ] {
        it.tag(tag, digest);
    }
    check(
        &it,
        &keep(1),
        &[
            "-1 image",
            "-1-amd64 image",
            "+1-arm64 part of `2`",
            "+2 the newest",
            "+2-amd64 part of `2`",
            "+2-arm64 part of `2`",
        ],
    );
    check(
        &it,
        &keep(2),
        &[
            "+1 one of the newest 2",
            "+1-amd64 part of `1`",
            "+1-arm64 part of `1`",
            "+2 one of the newest 2",
            "+2-amd64 part of `2`",
            "+2-arm64 part of `1`",
        ],
    );
    // Without tags of their own, they are deleted with the index, except what the other lists.
    for tag in ["1-amd64", "1-arm64", "2-amd64", "2-arm64"] {
        it.memory.names.remove(tag);
    }
    check(&it, &keep(1), &["-1 image old", "+2 the newest"]);
    // An index in an index.
    let outer = it.index("outer", &[first]);
    it.tag("all-20260525", outer);
    check(
        &it,
        &keep(1),
        &["-2 image new", "+1 part of `all-20260525`", "+all-20260525 the newest"],
    );
}

#[test]
fn a_manifest_that_is_missing_stops_nothing() {
    let mut it = Repository::default();
    let old = it.image("old", JANUARY);
    let index = it.index("index", &[old, Digest::of_bytes(b"missing")]);
    let new = it.image("new", MAY);
    it.called.insert(Digest::of_bytes(b"missing"), "missing".into());
    it.tag("1", index);
    it.tag("2", new);
    check(&it, &keep(1), &["-1 image missing,old", "+2 the newest"]);
    // What cannot be read does: it may need anything.
    let broken = it.memory.put(br#"{"manifests":[],"layers":[]}"#.to_vec());
    it.tag("3", broken);
    let images = &&it.memory as &dyn Images;
    assert!(PrunePlan::read(images, &keep(1), NOW, &NoProgress).is_err());
}

#[test]
fn attachments_go_and_stay_with_their_image() {
    let mut it = Repository::default();
    let (old, new, platform) =
        (it.image("old", JANUARY), it.image("new", MAY), it.image("platform", JANUARY));
    let index = it.index("index", &[platform]);
    for (name, image) in [("old.sig", old), ("new.sig", new), ("platform.sig", platform)] {
        // The config of a signature is that of an image.
        let signature = it.image(name, FIXED);
        it.attach(signature, image, ".sig");
    }
    let gone = it.image("gone.sig", FIXED);
    it.attach(gone, Digest::of_bytes(b"gone"), ".sig");
    let (sbom, of_sbom) = (it.artifact("sbom", Some(old)), it.artifact("kept sbom", Some(new)));
    it.artifact("sbom of sbom", Some(sbom));
    let list = it.index("list", &[sbom]);
    it.attach(list, old, "");
    let list = it.index("kept list", &[of_sbom]);
    it.attach(list, new, "");
    it.tag("1", old);
    it.tag("2", new);
    it.tag("3-20260102", index);
    check(
        &it,
        &keep(1),
        &[
            "-1 image list,old.sig,sbom,sbom of sbom",
            "-3-20260102 image platform,platform.sig",
            "+2 the newest",
            "+(gone.sig) belongs to an image that stays",
            "+(kept list) belongs to an image that stays",
            "+(new.sig) belongs to an image that stays",
        ],
    );
}

#[test]
fn what_refers_to_an_image_and_has_a_tag_is_judged_alone() {
    let mut it = Repository::default();
    let (old, new) = (it.image("old", JANUARY), it.image("new", MAY));
    let (of_old, of_new) = (it.artifact("of old", Some(old)), it.artifact("of new", Some(new)));
    let alone = it.artifact("alone", None);
    for (tag, digest) in [
        ("1", old),
        ("2", new),
        ("sbom-20260102", of_old),
        ("sbom-20260521", of_new),
        ("chart-20260103", alone),
        ("tool", alone),
    ] {
        it.tag(tag, digest);
    }
    // One that refers to an image that stays is not deleted; it takes no place among the newest.
    check(
        &it,
        &keep(1),
        &[
            "-1 image",
            "-sbom-20260102 image",
            "-chart-20260103,tool image",
            "+2 the newest",
            "+sbom-20260521 belongs to an image that stays",
        ],
    );
    // One without a date stays, and so does its image, without its tag.
    it.memory.names.remove("sbom-20260102");
    it.tag("sbom", of_old);
    check(
        &it,
        &keep(1),
        &[
            "-1 tag",
            "-chart-20260103,tool image",
            "+2 the newest",
            "+sbom no date",
            "+sbom-20260521 belongs to an image that stays",
        ],
    );
}

#[test]
fn an_image_without_a_tag_that_refers_to_another_stays() {
    let mut it = Repository::default();
    let (old, new, inner) =
        (it.image("old", JANUARY), it.image("new", MAY), it.image("inner", JANUARY));
    let first = it.index("first", &[old, inner]);
    // An index that somebody uses by its digest.
    let entry = json!({ "mediaType": OCI_MANIFEST, "digest": inner.to_string(), "size": 1 });
    let subject =
        |of: Digest| json!({ "mediaType": OCI_INDEX, "digest": of.to_string(), "size": 1 });
    let index = |of: Digest| json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry], "subject": subject(of) });
    it.tag("1", first);
    it.tag("2", new);
    let referring = it.put("referring", &index(new));
    check(&it, &keep(1), &["-1 image old", "+2 the newest"]);
    it.memory.blobs.remove(&referring);
    check(&it, &keep(1), &["-1 image inner,old", "+2 the newest"]);
    // It refers to the image that is to be deleted, and keeps it.
    it.put("referring", &index(first));
    check(&it, &keep(1), &["-1 tag", "+2 the newest"]);
}
