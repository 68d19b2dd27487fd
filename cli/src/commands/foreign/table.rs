//! The table of foreign options. `docs/docker-flags.md` shows it.

/// An option of another program.
#[derive(Debug)]
pub(super) struct ForeignOption {
    pub(super) name: &'static str,
    pub(super) value: ForeignValue,
    pub(super) treatment: Treatment,
    /// Why it means nothing here.
    pub(super) reason: &'static str,
    /// What to do instead; empty if it is always left out.
    pub(super) help: &'static str,
}

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForeignValue {
    /// Only after `=`.
    Switch,
    /// After `=`, or as the next word.
    Word,
}

/// What happens to an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It is ignored with a note.
    Noted,
    /// It is ignored with a note if it is switched off, and refused otherwise.
    NotedIfOff,
    /// It is refused.
    Refused,
}

impl ForeignOption {
    /// Returns whether the option with this value changes nothing.
    pub(super) fn is_harmless(&self, value: Option<&str>) -> bool {
        match self.treatment {
            Treatment::Noted => true,
            Treatment::NotedIfOff => matches!(value, Some("false" | "0" | "disabled=true")),
            Treatment::Refused => false,
        }
    }
}

const fn option(
    name: &'static str,
    value: ForeignValue,
    treatment: Treatment,
    reason: &'static str,
    help: &'static str,
) -> ForeignOption {
    ForeignOption { name, value, treatment, reason, help }
}

use ForeignValue::{Switch, Word};
use Treatment::{Noted, NotedIfOff, Refused};

/// All options.
pub(super) const FOREIGN_OPTIONS: &[ForeignOption] = &[
    option("--rm", Switch, Noted, "no container is run, and nothing is left over", ""),
    option("--force-rm", Switch, Noted, "no container is run, and nothing is left over", ""),
    option("--layers", Switch, Noted, "no container is run, and nothing is left over", ""),
    option("--log-rusage", Switch, Noted, "no container is run, and nothing is left over", ""),
    option(
        "--cache-from",
        Word,
        Noted,
        "unchanged layers are found in the cache of this machine and in the registry",
        "",
    ),
    option(
        "--cache-to",
        Word,
        Noted,
        "unchanged layers are found in the cache of this machine and in the registry",
        "",
    ),
    option(
        "--cache-ttl",
        Word,
        Noted,
        "unchanged layers are found in the cache of this machine and in the registry",
        "",
    ),
    option("--network", Word, Noted, "nothing is executed that could use a network", ""),
    option("--net", Word, Noted, "nothing is executed that could use a network", ""),
    option("--add-host", Word, Noted, "nothing is executed that could use a network", ""),
    option("--dns", Word, Noted, "nothing is executed that could use a network", ""),
    option("--dns-option", Word, Noted, "nothing is executed that could use a network", ""),
    option("--dns-search", Word, Noted, "nothing is executed that could use a network", ""),
    option("--no-hosts", Word, Noted, "nothing is executed that could use a network", ""),
    option("--no-hostname", Word, Noted, "nothing is executed that could use a network", ""),
    option("--http-proxy", Word, Noted, "nothing is executed that could use a network", ""),
    option("--isolation", Word, Noted, "nothing is executed that it could confine", ""),
    option("--security-opt", Word, Noted, "nothing is executed that it could confine", ""),
    option("--cap-add", Word, Noted, "nothing is executed that it could confine", ""),
    option("--cap-drop", Word, Noted, "nothing is executed that it could confine", ""),
    option("--userns", Word, Noted, "nothing is executed that it could confine", ""),
    option("--userns-uid-map", Word, Noted, "nothing is executed that it could confine", ""),
    option("--userns-gid-map", Word, Noted, "nothing is executed that it could confine", ""),
    option("--userns-uid-map-user", Word, Noted, "nothing is executed that it could confine", ""),
    option("--userns-gid-map-group", Word, Noted, "nothing is executed that it could confine", ""),
    option("--pid", Word, Noted, "nothing is executed that it could confine", ""),
    option("--ipc", Word, Noted, "nothing is executed that it could confine", ""),
    option("--uts", Word, Noted, "nothing is executed that it could confine", ""),
    option("--cgroupns", Word, Noted, "nothing is executed that it could confine", ""),
    option("--cgroup-parent", Word, Noted, "nothing is executed that it could confine", ""),
    option("--seccomp-policy", Word, Noted, "nothing is executed that it could confine", ""),
    option("--runtime", Word, Noted, "nothing is executed that it could confine", ""),
    option("--runtime-flag", Word, Noted, "nothing is executed that it could confine", ""),
    option("--allow", Word, Noted, "nothing is executed that it could confine", ""),
    option("--hooks-dir", Word, Noted, "nothing is executed that it could confine", ""),
    option("--memory", Word, Noted, "nothing is executed that it could limit", ""),
    option("--memory-swap", Word, Noted, "nothing is executed that it could limit", ""),
    option("--cpu-period", Word, Noted, "nothing is executed that it could limit", ""),
    option("--cpu-quota", Word, Noted, "nothing is executed that it could limit", ""),
    option("--cpu-shares", Word, Noted, "nothing is executed that it could limit", ""),
    option("--cpuset-cpus", Word, Noted, "nothing is executed that it could limit", ""),
    option("--cpuset-mems", Word, Noted, "nothing is executed that it could limit", ""),
    option("--shm-size", Word, Noted, "nothing is executed that it could limit", ""),
    option("--ulimit", Word, Noted, "nothing is executed that it could limit", ""),
    option("--blkio-weight", Word, Noted, "nothing is executed that it could limit", ""),
    option("--builder", Word, Noted, "there is no daemon and no local store", ""),
    option("--device", Word, Noted, "there is no daemon and no local store", ""),
    option("--root", Word, Noted, "there is no daemon and no local store", ""),
    option("--runroot", Word, Noted, "there is no daemon and no local store", ""),
    option("--storage-driver", Word, Noted, "there is no daemon and no local store", ""),
    option("--storage-opt", Word, Noted, "there is no daemon and no local store", ""),
    option("--retry-delay", Word, Noted, "there is no daemon and no local store", ""),
    option("--ssh", Word, Noted, "nothing is executed that could use it", ""),
    option("--secret", Word, Noted, "nothing is executed that could read it", ""),
    option("--compress", Switch, Noted, "it makes no difference here", ""),
    option("--disable-content-trust", Switch, Noted, "it makes no difference here", ""),
    option("--no-pivot", Switch, Noted, "it makes no difference here", ""),
    option("--skip-unused-stages", Switch, Noted, "it makes no difference here", ""),
    option("--rewrite-timestamp", Switch, Noted, "it makes no difference here", ""),
    option(
        "--provenance",
        Word,
        NotedIfOff,
        "no attestations are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom",
        Word,
        NotedIfOff,
        "no attestations are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--attest",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sign-by",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--cw",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--decryption-key",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom-scanner-image",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom-scanner-command",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom-output",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom-purl-output",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom-merge-strategy",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--sbom-preset",
        Word,
        Refused,
        "no attestations or signatures are made",
        "leave it out; sign and attest the digest that is printed",
    ),
    option(
        "--squash",
        Switch,
        NotedIfOff,
        "each layer has only what its instruction adds",
        "leave it out",
    ),
    option(
        "--squash-all",
        Switch,
        NotedIfOff,
        "each layer has only what its instruction adds",
        "leave it out",
    ),
    option(
        "--disable-compression",
        Switch,
        NotedIfOff,
        "layers are compressed in one way for all outputs",
        "use `--compression none`",
    ),
    option(
        "--volume",
        Word,
        Refused,
        "nothing is executed that could see it",
        "COPY what is needed, or use `--build-context`",
    ),
    option(
        "--mount",
        Word,
        Refused,
        "nothing is executed that could see it",
        "COPY what is needed, or use `--build-context`",
    ),
    option(
        "--no-cache-filter",
        Word,
        Refused,
        "the cache is used for all stages or for none",
        "use `--no-cache`",
    ),
    option("--logfile", Word, Refused, "messages go to standard error", "redirect standard error"),
    option(
        "--arch",
        Word,
        Refused,
        "a platform is named as a whole",
        "use `--platform OS/ARCH[/VARIANT]`",
    ),
    option(
        "--os",
        Word,
        Refused,
        "a platform is named as a whole",
        "use `--platform OS/ARCH[/VARIANT]`",
    ),
    option(
        "--variant",
        Word,
        Refused,
        "a platform is named as a whole",
        "use `--platform OS/ARCH[/VARIANT]`",
    ),
    option("--os-feature", Word, Refused, "images for Windows are not built", "leave it out"),
    option("--os-version", Word, Refused, "images for Windows are not built", "leave it out"),
    option(
        "--add-history",
        Switch,
        NotedIfOff,
        "the history has an entry for each instruction anyway",
        "leave it out",
    ),
    option(
        "--unsetenv",
        Word,
        Refused,
        "it would change the config",
        "set the value with `--env` or `--label`",
    ),
    option(
        "--unsetlabel",
        Word,
        Refused,
        "it would change the config",
        "set the value with `--env` or `--label`",
    ),
    option(
        "--layer-label",
        Word,
        Refused,
        "it would change the config",
        "set the value with `--env` or `--label`",
    ),
    option(
        "--identity-label",
        Switch,
        NotedIfOff,
        "no label is added that the input does not have",
        "use `--label`",
    ),
    option(
        "--from",
        Word,
        Refused,
        "the base is what the Dockerfile says",
        "use `--build-context NAME=docker-image://REF`",
    ),
    option("--group-add", Word, Noted, "nothing is executed that could use it", ""),
    option("--chroot", Word, Noted, "nothing is executed that could use it", ""),
    option(
        "--cpp-flag",
        Word,
        Refused,
        "Containerfile.in is not preprocessed",
        "run the preprocessor first",
    ),
];
