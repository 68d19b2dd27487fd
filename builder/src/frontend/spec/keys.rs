//! The *keys* of the mappings of a spec.

/// The keys of every kind of mapping.
pub(super) const ALL_KEYS: &[(&str, &[&str])] = &[
    SPEC_KEYS,
    PLATFORM_KEYS,
    KUBEVIRT_KEYS,
    FILE_KEYS,
    SOURCE_KEYS,
    OVA_KEYS,
    OVA_MACHINE_KEYS,
    RELEASE_KEYS,
    VERSIONS_KEYS,
    RELEASE_CHANGES_KEYS,
    DOCS_KEYS,
    POLICY_KEYS,
    KEEP_KEYS,
    LAYER_COMPRESSION_KEYS,
];

/// The name of a kind of mapping in messages, and its keys.
pub(super) type MappingKeys = (&'static str, &'static [&'static str]);

pub(super) const SPEC_KEYS: MappingKeys = (
    "the spec",
    &[
        "apiVersion",
        "kind",
        "format",
        "image",
        "tags",
        "subject",
        "attest",
        "vm",
        "platforms",
        "release",
        "policy",
        "docs",
        "kubevirt",
        "files",
        "env",
        "labels",
        "annotations",
        "compression",
    ],
);
pub(super) const RELEASE_KEYS: MappingKeys = (
    "`release`",
    &[
        "from",
        "url",
        "file",
        "version",
        "versions",
        "checksums",
        "mirrors",
        "keyring",
        "fingerprints",
        "signature",
    ],
);
pub(super) const VERSIONS_KEYS: MappingKeys = ("`versions`", &["from", "prereleases", "newest"]);
pub(super) const RELEASE_CHANGES_KEYS: MappingKeys =
    ("a platform's `release`", &["url", "file", "version", "checksums", "signature"]);
pub(super) const POLICY_KEYS: MappingKeys = ("`policy`", &["platforms", "keep"]);
pub(super) const KEEP_KEYS: MappingKeys = ("`keep`", &["newest", "within", "tags"]);
pub(super) const DOCS_KEYS: MappingKeys = ("`docs`", &["description", "user", "secureBoot"]);
pub(super) const PLATFORM_KEYS: MappingKeys = (
    "a platform",
    &["disk", "disks", "path", "release", "kubevirt", "files", "env", "labels", "compression"],
);
pub(super) const LAYER_COMPRESSION_KEYS: MappingKeys = ("`compression`", &["type", "level"]);
pub(super) const KUBEVIRT_KEYS: MappingKeys =
    ("`kubevirt`", &["instancetype", "instancetypeKind", "preference", "preferenceKind", "labels"]);
pub(super) const FILE_KEYS: MappingKeys = ("a file", &["path", "source"]);
pub(super) const OVA_KEYS: MappingKeys = ("`ova`", &["path", "disk"]);
pub(super) const OVA_MACHINE_KEYS: MappingKeys = ("`vm`", &["ova"]);
pub(super) const SOURCE_KEYS: MappingKeys = (
    "a source",
    &[
        "path",
        "url",
        "ova",
        "image",
        "disk",
        "sha256",
        "sha512",
        "unpack",
        "name",
        "convert",
        "compress",
        "flatten",
        "discard",
        "size",
        "headers-file",
        "ca-file",
    ],
);
