//! The *report* on a plan: as text and as JSON.

use std::fmt::{self, Write as _};

use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::retention::{KeptTag, PrunePlan, RemovalScope, RemovedImage};
use serde_json::{Value, json};

/// How many tags and manifests are deleted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PruneCount {
    pub(super) tags: usize,
    pub(super) manifests: usize,
}

impl PruneCount {
    /// Returns what a plan deletes.
    pub(super) fn of_plan(plan: &PrunePlan) -> Self {
        let tags = plan.removed.iter().map(|image| image.tags.len()).sum();
        let manifests = plan.removed.iter().map(|image| manifest_count(&image.scope)).sum();
        Self { tags, manifests }
    }
}

impl fmt::Display for PruneCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let Self { tags, manifests } = *self;
        write!(f, "{tags} tag{}", plural(tags))?;
        if manifests > 0 {
            write!(f, " and {manifests} manifest{}", plural(manifests))?;
        }
        Ok(())
    }
}

fn manifest_count(scope: &RemovalScope) -> usize {
    match scope {
        RemovalScope::Tags => 0,
        RemovalScope::Image(attached) => attached.len() + 1,
    }
}

/// Returns a line for each tag: what becomes of it, its name, its digest, and why it stays or what goes with it.
pub(super) fn plan_text(plan: &PrunePlan) -> String {
    let mut text = String::new();
    for image in &plan.removed {
        let date = image.date.to_text().unwrap_or_else(|| "no date".into());
        let what = match &image.scope {
            RemovalScope::Tags => "only the tag".to_owned(),
            RemovalScope::Image(attached) if attached.is_empty() => "the image".to_owned(),
            RemovalScope::Image(attached) => {
                let plural = if attached.len() == 1 { "" } else { "s" };
                format!("the image, with {} other manifest{plural}", attached.len())
            }
        };
        let dating =
            image.dating_tag.as_ref().map(|tag| format!("dated by its tag `{}`", tag.as_str()));
        for tag in &image.tags {
            let digest = image.digest.to_string();
            let mut fields = vec!["delete", tag.as_str(), &digest, &date, &what];
            fields.extend(dating.as_deref());
            line(&mut text, &fields);
        }
    }
    for KeptTag { name, digest, reason } in &plan.kept {
        line(&mut text, &["keep", name.as_str(), &digest.to_string(), &reason.to_string()]);
    }
    text
}

fn line(text: &mut String, fields: &[&str]) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{}", fields.join("\t"));
}

/// Returns the plan as JSON.
pub(super) fn plan_json(plan: &PrunePlan) -> Value {
    let kept = plan.kept.iter().map(|KeptTag { name, digest, reason }| {
        json!({ "tag": name.as_str(), "digest": digest.to_string(), "reason": reason.to_string() })
    });
    let removed = plan.removed.iter().map(removed_json);
    json!({ "delete": removed.collect::<Vec<_>>(), "keep": kept.collect::<Vec<_>>() })
}

fn removed_json(image: &RemovedImage) -> Value {
    let tags: Vec<&str> = image.tags.iter().map(RefName::as_str).collect();
    let manifests: Vec<String> = match &image.scope {
        RemovalScope::Tags => Vec::new(),
        RemovalScope::Image(attached) => {
            std::iter::once(&image.digest).chain(attached).map(ToString::to_string).collect()
        }
    };
    let (digest, date) = (image.digest.to_string(), image.date.to_text());
    let dating_tag = image.dating_tag.as_ref().map(RefName::as_str);
    json!({ "digest": digest, "tags": tags, "created": date, "datedByTag": dating_tag, "manifests": manifests })
}
