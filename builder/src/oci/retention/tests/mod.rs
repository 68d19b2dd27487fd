//! Plans for a repository in memory.
//!
//! - `decisions`: which tags stay by the rules
//! - `living`: what else stays, because something that stays needs it

mod decisions;
mod living;

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
