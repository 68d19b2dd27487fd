//! The *decision* which tags stay by the rules. What else stays because it is needed is found by the search for what lives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::date::ImageDate;
use super::rules::RetentionRules;
use super::snapshot::{Snapshot, TaggedImage};
use crate::oci::image::digest::Digest;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::tag::Tag;

/// Why a tag stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    /// Its name is one that is kept.
    Name,
    /// It is none of the tags that may be deleted.
    NotSelected,
    /// The image is in use.
    Current,
    /// The image is one of so many newest ones.
    Newest(usize),
    /// The image is young enough.
    Recent,
    /// Nothing says when the image was made.
    Undated,
    /// The image is listed by the index that this tag names.
    PartOf(RefName),
    /// It belongs to an image that stays, or whose state is not known.
    Attached,
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("its name is kept"),
            Self::NotSelected => f.write_str("not selected"),
            Self::Current => f.write_str("the current image"),
            Self::Newest(1) => f.write_str("the newest"),
            Self::Newest(count) => write!(f, "one of the newest {count}"),
            Self::Recent => f.write_str("recent"),
            Self::Undated => f.write_str("no date"),
            Self::PartOf(tag) => write!(f, "part of `{tag}`"),
            Self::Attached => f.write_str("belongs to an image that stays"),
        }
    }
}

/// How an image with tags depends on others.
#[derive(Debug, Default)]
struct Dependence {
    /// Images whose indexes list it.
    owners: BTreeSet<Digest>,
    /// Whether it refers to an image with tags, or to a part of one.
    refers: bool,
}

/// Decides for each tag whether it stays, and why. `now` is in seconds since 1970. Tags of attachments are not decided.
pub(super) fn decide(
    snapshot: &Snapshot,
    rules: &RetentionRules,
    now: i64,
) -> BTreeMap<RefName, Option<KeepReason>> {
    let dependences = find_dependences(snapshot);
    let least = least_dates(snapshot, &dependences, rules);
    let mut decided = BTreeMap::new();
    for (digest, image) in &snapshot.images {
        let dependence = &dependences[digest];
        let is_current = rules.is_current(*digest, &image.tags);
        for name in &image.tags {
            let least = least.get(&name.repository()).copied();
            let reason = tag_reason(image, name, rules)
                .or_else(|| is_current.then_some(KeepReason::Current))
                .or_else(|| image_reason(image, rules, now, least, dependence));
            decided.insert(name.clone(), reason);
        }
    }
    keep_parts(snapshot, &dependences, &mut decided);
    decided
}

fn find_dependences(snapshot: &Snapshot) -> BTreeMap<Digest, Dependence> {
    let mut owners: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for (root, image) in &snapshot.images {
        for document in image.documents.keys() {
            owners.entry(*document).or_default().push(*root);
        }
    }
    let dependence = |(digest, image): (&Digest, &TaggedImage)| {
        let own = owners.get(digest).into_iter().flatten().filter(|owner| *owner != digest);
        let refers = image.subjects().any(|subject| owners.contains_key(&subject));
        (*digest, Dependence { owners: own.copied().collect(), refers })
    };
    snapshot.images.iter().map(dependence).collect()
}

/// Returns for each repository the date of the last image that is kept because it is among the newest. Images that are part
/// of others, refer to others, or may not be deleted do not count.
fn least_dates(
    snapshot: &Snapshot,
    dependences: &BTreeMap<Digest, Dependence>,
    rules: &RetentionRules,
) -> BTreeMap<Option<String>, ImageDate> {
    let Some(position) = rules.newest_count().checked_sub(1) else { return BTreeMap::new() };
    let mut series: BTreeMap<Option<String>, Vec<ImageDate>> = BTreeMap::new();
    for (digest, image) in &snapshot.images {
        let Dependence { owners, refers } = &dependences[digest];
        if !owners.is_empty() || *refers || image.date.seconds().is_none() {
            continue;
        }
        let selected = image.tags.iter().filter(|name| is_selected(image, name, rules));
        let repositories: BTreeSet<_> = selected.map(RefName::repository).collect();
        for repository in repositories {
            series.entry(repository).or_default().push(image.date);
        }
    }
    let least = |(repository, mut dates): (_, Vec<ImageDate>)| {
        dates.sort_unstable_by(|one, other| other.cmp(one));
        // Fewer images than that are all kept.
        let date = dates.get(position).or(dates.last()).copied()?;
        Some((repository, date))
    };
    series.into_iter().filter_map(least).collect()
}

/// Returns why an image stays; a part of another stays with that only.
fn image_reason(
    image: &TaggedImage,
    rules: &RetentionRules,
    now: i64,
    least: Option<ImageDate>,
    dependence: &Dependence,
) -> Option<KeepReason> {
    if !dependence.owners.is_empty() {
        return None;
    }
    let Some(seconds) = image.date.seconds() else { return Some(KeepReason::Undated) };
    let oldest = rules.within.and_then(|age| now.checked_sub(i64::try_from(age.as_secs()).ok()?));
    if oldest.is_some_and(|oldest| seconds >= oldest) {
        return Some(KeepReason::Recent);
    }
    let is_newest = !dependence.refers && least.is_some_and(|least| image.date >= least);
    is_newest.then(|| KeepReason::Newest(rules.newest_count()))
}

fn tag_reason(image: &TaggedImage, name: &RefName, rules: &RetentionRules) -> Option<KeepReason> {
    if rules.keeps_tag(&tag_text(name)) {
        return Some(KeepReason::Name);
    }
    (!is_selected(image, name, rules)).then_some(KeepReason::NotSelected)
}

/// Returns whether a tag may be deleted.
fn is_selected(image: &TaggedImage, name: &RefName, rules: &RetentionRules) -> bool {
    let is_made = rules.annotation.as_ref().is_none_or(|it| image.annotations.contains(it));
    is_made && rules.may_delete(&tag_text(name))
}

/// Keeps the tags of images that an index with a tag that stays lists.
fn keep_parts(
    snapshot: &Snapshot,
    dependences: &BTreeMap<Digest, Dependence>,
    decided: &mut BTreeMap<RefName, Option<KeepReason>>,
) {
    for (digest, image) in &snapshot.images {
        // The documents of an index are those of the indexes in it too, so that one step is enough.
        let owners =
            dependences[digest].owners.iter().flat_map(|owner| &snapshot.images[owner].tags);
        let Some(owner) = owners.filter(|name| decided[*name].is_some()).min().cloned() else {
            continue;
        };
        for name in &image.tags {
            let reason = decided.entry(name.clone()).or_default();
            *reason = reason.take().or_else(|| Some(KeepReason::PartOf(owner.clone())));
        }
    }
}

/// Returns the tag of a name; of a name without one, the name itself.
fn tag_text(name: &RefName) -> String {
    name.tag().as_ref().map_or(name.as_str(), Tag::as_str).to_owned()
}
