//! The *contract* is what KubeVirt and its importer, CDI, accept in an image. The same rules refuse
//! a wrong image before it is built and judge a finished one.
//!
//! [`rules`] are what must hold, [`facts`] what is known of an image, and [`judge_index`] and
//! [`judge_image`] judge the facts by the rules. Nothing is read here.

mod blob;
mod disk_blob;
pub(crate) mod facts;
mod fixes;
mod flaws;
mod judge;
pub(crate) mod labels;
mod mounts;
mod names;
pub(crate) mod placement;
mod rules;
mod view;

use std::fmt;

pub(crate) use self::blob::BlobStart;
pub(crate) use self::disk_blob::DiskBlobFacts;
pub(crate) use self::fixes::{fill_fix, flaw_fix, unpacked_name};
pub(crate) use self::flaws::sort_flaws;
pub use self::flaws::{examine_disk_by_rules, flaw_rule};
pub(crate) use self::judge::{LAYERS_MAX, judge_plan};
pub(crate) use self::judge::{judge_image, judge_index};
pub(crate) use self::mounts::placement_conflict;
pub(crate) use self::names::{importable_name, name_problem};
pub(crate) use self::placement::DISK_DIRECTORY;
pub use self::placement::parse_disk_path;
pub(crate) use self::rules::{
    ARTIFACT_CONFIG, ARTIFACT_KUBEVIRT, ARTIFACT_LAYER, ARTIFACT_RUNTIME, ARTIFACT_TITLE,
    BLOB_DIGEST, BLOB_SIZE, BLOB_UNREADABLE, DISK_ARCHITECTURE, DISK_NAME, DOCUMENT,
    NEED_ALL_MEMBERS, VM_CLUSTER, VM_CONFIG, VM_DISK_FORMAT, VM_DISK_NAME, VM_DISK_SIZE,
    VM_DISK_VOLUME, VM_KUBEVIRT, VM_LAYER, VM_PLATFORM, VM_TYPE,
};
pub use self::rules::{ContractRule, Severity, all_rules};
pub(crate) use self::view::{
    KERNEL_DIRECTORY, Rootfs, SeenMember, agreed_disk, cdi_disks, cdi_takes, is_disk, is_on_way,
    is_relevant, named_disk,
};
use crate::disk::Flaw;
use crate::oci::image::platform::Platform;

/// A rule that an image breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static ContractRule,
    /// Platform of the image; nothing if the finding is about the whole index.
    pub platform: Option<Platform>,
    /// What it is about, e.g. `/disk/a.qcow2` or `layer 1`.
    pub subject: String,
    /// What was found: a phrase in lower case without a period.
    pub detail: String,
    /// What to do about it: the rule's fix, unless the disk's flaw has a remedy of its own.
    pub fix: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

/// Collects the findings about one platform's image, or about an index.
#[derive(Debug)]
pub(crate) struct Findings {
    platform: Option<Platform>,
    all: Vec<Finding>,
}

impl Findings {
    pub(crate) fn new(platform: Option<Platform>) -> Self {
        Self { platform, all: Vec::new() }
    }

    pub(crate) fn add(
        &mut self,
        rule: &'static ContractRule,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) {
        let (subject, detail) = (subject.into(), detail.into());
        let platform = self.platform.clone();
        self.all.push(Finding { rule, platform, subject, detail, fix: rule.fix });
    }

    /// Adds a flaw of the disk at `subject`.
    pub(crate) fn add_flaw(&mut self, flaw: &Flaw, subject: impl Into<String>) {
        let (rule, platform) = (flaw_rule(flaw.kind), self.platform.clone());
        let (subject, detail, fix) = (subject.into(), flaw.to_string(), flaw_fix(flaw));
        self.all.push(Finding { rule, platform, subject, detail, fix });
    }

    /// Returns all findings, worst first.
    pub(crate) fn into_sorted(mut self) -> Vec<Finding> {
        self.all.sort_by_key(|finding| finding.rule.severity);
        self.all
    }
}
