//! The *keys* that may stand in a mapping of a spec.

/// The keys of each kind of mapping, by what people call it.
pub(super) const KEYS: &[(&str, &[&str])] =
    &[SPEC, PLATFORM, KUBEVIRT, FILE, DETAILS, RELEASE, RELEASE_CHANGES, DOCS, POLICY];

/// What people call a kind of mapping, and its keys.
pub(super) type Keys = (&'static str, &'static [&'static str]);

pub(super) const SPEC: Keys = (
    "the spec",
    &[
        "apiVersion",
        "image",
        "tags",
        "platforms",
        "release",
        "policy",
        "docs",
        "kubevirt",
        "files",
        "env",
        "labels",
        "annotations",
    ],
);
pub(super) const RELEASE: Keys = (
    "`release`",
    &[
        "from",
        "url",
        "file",
        "version",
        "checksums",
        "mirrors",
        "keyring",
        "fingerprints",
        "signature",
    ],
);
pub(super) const RELEASE_CHANGES: Keys =
    ("a platform's `release`", &["url", "file", "version", "checksums", "signature"]);
pub(super) const POLICY: Keys = ("`policy`", &["platforms"]);
pub(super) const DOCS: Keys = ("`docs`", &["description", "user"]);
pub(super) const PLATFORM: Keys =
    ("a platform", &["disk", "release", "kubevirt", "files", "env", "labels"]);
pub(super) const KUBEVIRT: Keys =
    ("`kubevirt`", &["instancetype", "instancetypeKind", "preference", "preferenceKind", "labels"]);
pub(super) const FILE: Keys = ("a file", &["path", "source"]);
pub(super) const DETAILS: Keys =
    ("a source", &["path", "url", "sha256", "sha512", "unpack", "name", "convert", "compress"]);
