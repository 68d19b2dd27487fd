//! The *release* part of a spec: where a distribution publishes its disks, and how images of them
//! are published.

use schemars::JsonSchema;

use super::fields::{Fields, FromNode, read_choice};
use super::keep::KeepSpec;
use super::keys::{DOCS_KEYS, POLICY_KEYS, RELEASE_CHANGES_KEYS, RELEASE_KEYS};
use super::located::{Located, LocatedText};
use super::node::Node;
use super::source::SwitchSpec;
use super::versions::VersionsSpec;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::upstream::UpstreamKind;

/// Where a distribution publishes its disks, and which of them is meant. In `url`, `file`,
/// `signature` and `mirrors`, `{arch}` stands for the architecture as images call it (`amd64`),
/// `{arch.uname}` for what the machine itself says (`x86_64`).
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Release", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReleaseSpec {
    /// Format of the list at `url`.
    pub(super) from: Located<UpstreamKind>,
    /// The list of what is published.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub(super) url: LocatedText,
    /// A regular expression that the whole name of the file matches. The newest is chosen by its
    /// group `version`: `disk-(?<version>[0-9.]+)[.]qcow2`.
    pub(super) file: Option<LocatedText>,
    /// Name of the release in the list, if the list has several.
    pub(super) version: Option<LocatedText>,
    /// All releases of the list, each for an image of its own.
    pub(super) versions: Option<Located<VersionsSpec>>,
    /// Of a directory: the file that has the checksums; `{file}` stands for the disk's name.
    /// `SHA256SUMS` when left out.
    #[schemars(extend("examples" = ["{file}.sha256"]))]
    pub(super) checksums: Option<LocatedText>,
    /// Mirrors of the list's directory: URLs with the same files.
    pub(super) mirrors: Option<Vec<LocatedText>>,
    /// OpenPGP keys of which one must have signed the list: a path relative to this file.
    pub(super) keyring: Option<LocatedText>,
    /// Accept only these keys of the `keyring`.
    #[schemars(inner(regex(pattern = "^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$")))]
    pub(super) fingerprints: Option<Vec<LocatedText>>,
    /// The signature's URL, relative to the list, where it is neither in the list nor beside it.
    pub(super) signature: Option<LocatedText>,
}

/// What is published otherwise for one platform.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "ReleaseChanges", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReleaseChanges {
    /// The list of what is published.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub(super) url: Option<LocatedText>,
    /// A regular expression that the whole name of the file matches.
    pub(super) file: Option<LocatedText>,
    /// The release that is wanted, as the list calls it.
    pub(super) version: Option<LocatedText>,
    /// Of a directory: the file that has the checksums.
    pub(super) checksums: Option<LocatedText>,
    /// The signature's URL, relative to the list.
    pub(super) signature: Option<LocatedText>,
}

/// Description of the image.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Docs", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DocsSpec {
    /// A Markdown file that describes the image: a path relative to this file.
    #[schemars(extend("examples" = ["fedora.md"]))]
    pub(super) description: Option<LocatedText>,
    /// The user that cloud-init creates on first boot.
    #[schemars(extend("examples" = ["cloud-user"]))]
    pub(super) user: Option<LocatedText>,
    /// Whether the example of a virtual machine starts with UEFI and secure boot.
    #[schemars(with = "Option<bool>")]
    pub(super) secure_boot: Option<Located<SwitchSpec>>,
}

impl DocsSpec {
    /// Returns the span of one of its values.
    pub(super) fn span(&self) -> Option<&Span> {
        let text = self.description.as_ref().or(self.user.as_ref()).map(|text| &text.span);
        text.or(self.secure_boot.as_ref().map(|switch| &switch.span))
    }
}

/// What happens to an image when there is no new disk for one of its platforms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "PlatformsPolicy", rename_all = "kebab-case")]
pub enum PlatformsPolicy {
    /// It stays as it is for all of them.
    #[default]
    AllOrNothing,
    /// The others get theirs; the one keeps the disk that it has.
    BestEffort,
}

/// How an image that follows a release is published.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Policy", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicySpec {
    /// What happens when there is no new disk for one of the platforms; `all-or-nothing` when left
    /// out.
    pub(super) platforms: Option<Located<PlatformsPolicy>>,
    /// Which old images stay in the repository; all when left out.
    pub(super) keep: Option<Located<KeepSpec>>,
}

impl FromNode for Located<ReleaseSpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, RELEASE_KEYS, problems)?;
        fields.require("from", "set the format of the list, for example `checksums`", problems);
        fields.require("url", "say where the list is", problems);
        let (from, url) = (fields.get("from", problems), fields.get("url", problems));
        let (file, version) = (fields.get("file", problems), fields.get("version", problems));
        let versions = fields.get("versions", problems);
        let (checksums, mirrors) =
            (fields.get("checksums", problems), fields.get("mirrors", problems));
        let (keyring, signature) =
            (fields.get("keyring", problems), fields.get("signature", problems));
        let fingerprints = fields.get("fingerprints", problems);
        let (from, url) = (from?, url?);
        let value = ReleaseSpec {
            from,
            url,
            file,
            version,
            versions,
            checksums,
            mirrors,
            keyring,
            fingerprints,
            signature,
        };
        Some(Self { value, span: owner.clone() })
    }
}

impl FromNode for Located<ReleaseChanges> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, RELEASE_CHANGES_KEYS, problems)?;
        let value = ReleaseChanges {
            url: fields.get("url", problems),
            file: fields.get("file", problems),
            version: fields.get("version", problems),
            checksums: fields.get("checksums", problems),
            signature: fields.get("signature", problems),
        };
        Some(Self { value, span: owner.clone() })
    }
}

impl FromNode for Located<UpstreamKind> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [
            ("checksums", UpstreamKind::Checksums),
            ("fedora-releases", UpstreamKind::FedoraReleases),
            ("debian-cloud", UpstreamKind::DebianCloud),
            ("simplestreams", UpstreamKind::Simplestreams),
            ("coreos-stream", UpstreamKind::CoreosStream),
            ("directory", UpstreamKind::Directory),
            ("virt-builder", UpstreamKind::VirtBuilder),
        ];
        read_choice(node, owner, "form", &known, problems)
    }
}

impl FromNode for DocsSpec {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, DOCS_KEYS, problems)?;
        Some(Self {
            description: fields.get("description", problems),
            user: fields.get("user", problems),
            secure_boot: fields.get("secureBoot", problems),
        })
    }
}

impl FromNode for Located<PolicySpec> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let fields = Fields::from_mapping(node, owner, POLICY_KEYS, problems)?;
        let value = PolicySpec {
            platforms: fields.get("platforms", problems),
            keep: fields.get("keep", problems),
        };
        Some(Self { value, span: owner.clone() })
    }
}

impl FromNode for Located<PlatformsPolicy> {
    fn from_node(node: &Node, owner: &Span, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let known = [
            ("all-or-nothing", PlatformsPolicy::AllOrNothing),
            ("best-effort", PlatformsPolicy::BestEffort),
        ];
        read_choice(node, owner, "policy", &known, problems)
    }
}
