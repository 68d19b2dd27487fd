//! The *plan* of a removal: the tags that stay, and the images that are removed with what belongs to them.

use std::collections::{BTreeMap, BTreeSet};

use super::date::ImageDate;
use super::decide::{KeepReason, decide};
use super::live::LiveSearch;
use super::rules::RetentionRules;
use super::snapshot::{Snapshot, WIDTH, stop_if_cancelled};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::ref_name::RefName;
use crate::oci::images::Images;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;

/// The most manifests that belong to one image.
const ATTACHED_MAX: usize = 10_000;

/// What is removed, and what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunePlan {
    /// Tags that stay, in alphabetical order.
    pub kept: Vec<KeptTag>,
    /// Images that are removed, the oldest first.
    pub removed: Vec<RemovedImage>,
    /// All tags that were found, with what they name.
    pub(crate) tags: BTreeMap<RefName, Digest>,
}

/// A tag that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTag {
    /// The tag, or the name in a layout.
    pub name: RefName,
    /// Digest of the image.
    pub digest: Digest,
    /// Why it stays.
    pub reason: KeepReason,
}

/// An image that loses tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedImage {
    /// Digest of the image.
    pub digest: Digest,
    /// Tags that are deleted.
    pub tags: Vec<RefName>,
    /// When the image was made.
    pub date: ImageDate,
    /// The tag that has the date, if the image says none of itself, or an earlier one.
    pub dating_tag: Option<RefName>,
    /// What else is deleted.
    pub scope: RemovalScope,
}

/// What is deleted with the tags of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovalScope {
    /// Nothing: something that stays needs the image.
    Tags,
    /// The image, and these manifests, which nothing names without it: those of its platforms, its signatures and other
    /// artifacts that belong to it. What an index lists comes after it.
    Image(Vec<Digest>),
}

impl PrunePlan {
    /// Reads images, and plans which of them are removed. `now` is in seconds since 1970.
    pub fn read(
        images: &dyn Images,
        rules: &RetentionRules,
        now: i64,
        progress: &dyn Progress,
    ) -> Result<Self, StorageError> {
        let snapshot = Snapshot::read(images, rules, now, progress)?;
        let decided = decide(&snapshot, rules, now);
        let mut live = LiveSearch::new(images, &snapshot.tags, progress);
        for image in snapshot.images.values() {
            live.add_known(&image.documents);
        }
        let stays = |name: &RefName| decided.get(name).is_some_and(Option::is_some);
        live.add(snapshot.tags.iter().filter(|(name, _)| stays(name)).map(|(_, digest)| *digest))?;
        let condemned = find_condemned(&snapshot, &mut live, progress)?;
        // Attachments of images that are not known here stay.
        let unknown = snapshot.tags.iter().filter(|(name, digest)| {
            name.is_of_attachments() && !condemned.values().any(|all| all.contains(digest))
        });
        live.add(unknown.map(|(_, digest)| *digest))?;
        add_needed(&condemned, &mut live)?;
        Ok(Self::compose(snapshot, &decided, &condemned, &live))
    }

    fn compose(
        snapshot: Snapshot,
        decided: &BTreeMap<RefName, Option<KeepReason>>,
        condemned: &BTreeMap<Digest, Vec<Digest>>,
        live: &LiveSearch<'_>,
    ) -> Self {
        let mut plan = Self::default();
        let gone: BTreeSet<Digest> =
            condemned.values().flatten().filter(|digest| !live.has(**digest)).copied().collect();
        for (name, digest) in &snapshot.tags {
            let image = snapshot.images.get(digest);
            let is_attached = match image {
                // What refers to an image that stays, stays with its tags.
                Some(image) => image.subjects().any(|subject| live.has(subject)),
                None => !gone.contains(digest),
            };
            let decided = decided.get(name).cloned().flatten();
            let reason = decided.or_else(|| is_attached.then_some(KeepReason::Attached));
            if let Some(reason) = reason {
                plan.kept.push(KeptTag { name: name.clone(), digest: *digest, reason });
            }
        }
        plan.removed = list_removed(&snapshot, &plan.kept, condemned, live);
        plan.tags = snapshot.tags;
        plan
    }
}

/// Lists the images that lose tags, the oldest first.
fn list_removed(
    snapshot: &Snapshot,
    kept: &[KeptTag],
    condemned: &BTreeMap<Digest, Vec<Digest>>,
    live: &LiveSearch<'_>,
) -> Vec<RemovedImage> {
    let kept: BTreeSet<&RefName> = kept.iter().map(|kept| &kept.name).collect();
    let mut images: Vec<_> = snapshot.images.iter().collect();
    images.sort_by_key(|(_, image)| (image.date.seconds(), &image.tags));
    let (mut removed, mut listed) = (Vec::new(), BTreeSet::new());
    for (&digest, image) in images {
        let tags = image.tags.iter().filter(|name| !kept.contains(name));
        let tags: Vec<RefName> = tags.cloned().collect();
        if tags.is_empty() {
            continue;
        }
        let scope = if live.has(digest) {
            RemovalScope::Tags
        } else {
            let own = condemned.get(&digest).into_iter().flatten();
            // What two images share is deleted with the first; what has a tag of its own, with that.
            let own = own.filter(|it| {
                !live.has(**it) && !snapshot.images.contains_key(it) && listed.insert(**it)
            });
            RemovalScope::Image(own.copied().collect())
        };
        let (date, dating_tag) = (image.date, image.dating_tag.clone());
        removed.push(RemovedImage { digest, tags, date, dating_tag, scope });
    }
    removed
}

/// Returns the images that do not live, with all that belongs to them. Images without a tag that refer to them live: they
/// are used by their digests.
fn find_condemned(
    snapshot: &Snapshot,
    live: &mut LiveSearch<'_>,
    progress: &dyn Progress,
) -> Result<BTreeMap<Digest, Vec<Digest>>, StorageError> {
    let roots: Vec<Digest> =
        snapshot.images.keys().filter(|digest| !live.has(**digest)).copied().collect();
    let found = in_parallel(&roots, WIDTH, |_, root| {
        stop_if_cancelled(progress)?;
        belongings(*root, snapshot, live)
    })?;
    let mut condemned = BTreeMap::new();
    let mut images = Vec::new();
    for (root, (all, referring)) in roots.into_iter().zip(found) {
        condemned.insert(root, all);
        images.extend(referring);
    }
    live.add(images)?;
    Ok(condemned)
}

/// Returns an image with all that belongs to it, and the images without a tag that refer to these.
fn belongings(
    root: Digest,
    snapshot: &Snapshot,
    live: &LiveSearch<'_>,
) -> Result<(Vec<Digest>, Vec<Digest>), StorageError> {
    let (mut all, mut referring) = (vec![root], Vec::new());
    let mut seen = BTreeSet::from([root]);
    let mut next = 0;
    while let Some(&digest) = all.get(next) {
        next += 1;
        let children = live.links(digest)?.children.into_iter();
        all.extend(children.filter(|child| seen.insert(*child)));
        for attached in live.attached(digest)? {
            if live.has(attached) || !seen.insert(attached) {
                continue;
            }
            // A list of referrers is an index, and the signatures of cosign have the config of an image.
            if live.is_named_attachment(attached) || !live.links(attached)?.is_image {
                all.push(attached);
            } else if !snapshot.images.contains_key(&attached) {
                referring.push(attached);
            }
        }
        if all.len() > ATTACHED_MAX {
            let problem = format!("has more than {ATTACHED_MAX} manifests that belong to it");
            return Err(StorageError::Unexpected { path: root.to_string(), problem });
        }
    }
    Ok((all, referring))
}

/// Adds what is condemned and refers to something that lives.
fn add_needed(
    condemned: &BTreeMap<Digest, Vec<Digest>>,
    live: &mut LiveSearch<'_>,
) -> Result<(), StorageError> {
    let all: BTreeSet<Digest> = condemned.values().flatten().copied().collect();
    loop {
        let mut needed = Vec::new();
        for digest in all.iter().filter(|digest| !live.has(**digest)) {
            if live.links(*digest)?.subject.is_some_and(|subject| live.has(subject)) {
                needed.push(*digest);
            }
        }
        if needed.is_empty() {
            return Ok(());
        }
        live.add(needed)?;
    }
}
