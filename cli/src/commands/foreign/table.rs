//! The table of foreign options. `docs/docker-flags.md` shows it.
//!
//! Its sources are `commands/build.go` of buildx, `pkg/cli/common.go` of buildah (which podman
//! uses too), and `docker build --help` of the legacy builder.

use Treatment::{Noted, NotedIfOff, Refused};

/// Options of other programs that are treated alike, for one reason.
#[derive(Debug)]
pub(super) struct OptionGroup {
    pub(super) treatment: Treatment,
    /// Why they mean nothing here.
    pub(super) reason: &'static str,
    /// What to do instead; empty if they are always left out.
    pub(super) help: &'static str,
    /// Names of those that take a value after `=` only.
    switches: &'static str,
    /// Names of those that take a value after `=` or as the next word.
    words: &'static str,
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

impl OptionGroup {
    /// Returns the group of an option.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        FOREIGN_OPTIONS.iter().find(|group| group.names().any(|it| it == name))
    }

    /// Returns the names of all its options.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.switches.split_whitespace().chain(self.words.split_whitespace())
    }

    /// Returns whether the option's value may be the next word.
    pub(super) fn takes_word(&self, name: &str) -> bool {
        self.words.split_whitespace().any(|it| it == name)
    }

    /// Returns whether its options change nothing with this value.
    pub(super) fn is_harmless(&self, value: Option<&str>) -> bool {
        match self.treatment {
            Noted => true,
            NotedIfOff => matches!(value, Some("false" | "0" | "disabled=true")),
            Refused => false,
        }
    }
}

/// What most groups have in common.
const NOTED: OptionGroup =
    OptionGroup { treatment: Noted, reason: "", help: "", switches: "", words: "" };

/// All options.
pub(super) const FOREIGN_OPTIONS: &[OptionGroup] = &[
    OptionGroup {
        reason: "no container is run, and nothing is left over",
        switches: "--rm --purge --force-rm --layers --log-rusage --save-stages --stage-labels \
                --stdin",
        words: "--rusage-logfile --layer-label",
        ..NOTED
    },
    OptionGroup {
        reason: "unchanged layers are found in the cache of this machine and in the registry",
        words: "--cache-from --cache-to --cache-ttl --blob-cache",
        ..NOTED
    },
    OptionGroup {
        reason: "nothing is executed that could use a network",
        switches: "--no-hosts --no-hostname --http-proxy",
        words: "--network --net --add-host --dns --dns-option --dns-search",
        ..NOTED
    },
    OptionGroup {
        reason: "nothing is executed that it could confine",
        switches: "--no-pivot",
        words: "--isolation --security-opt --cap-add --cap-drop --userns --userns-uid-map \
                --userns-gid-map --userns-uid-map-user --userns-gid-map-group --group-add \
                --pid --ipc --uts --cgroupns --cgroup-parent --cgroup-manager --runtime \
                --runtime-flag --allow --hooks-dir",
        ..NOTED
    },
    OptionGroup {
        reason: "nothing is executed that it could limit",
        words: "--memory -m --memory-swap --cpu-period --cpu-quota --cpu-shares -c \
                --cpuset-cpus --cpuset-mems --shm-size --ulimit --resource",
        ..NOTED
    },
    OptionGroup {
        reason: "nothing is executed that could use it",
        switches: "--compat-volumes",
        words: "--ssh --secret --device --cdi-config-dir",
        ..NOTED
    },
    OptionGroup {
        reason: "there is no daemon and no local store",
        switches: "--compress --transient-store",
        words: "--builder --root --runroot --imagestore --storage-driver --storage-opt",
        ..NOTED
    },
    OptionGroup {
        reason: "`--compression` says how layers are compressed, for all outputs",
        switches: "--disable-compression -D --force-compression",
        ..NOTED
    },
    OptionGroup {
        reason: "diskette always builds in this way, or has its own",
        switches: "--disable-content-trust --skip-unused-stages --rewrite-timestamp --logsplit",
        words: "--retry-delay --log-level",
        ..NOTED
    },
    OptionGroup {
        treatment: NotedIfOff,
        reason: "attestations are made by `--attest`",
        help: "use `--attest provenance`",
        words: "--provenance --sbom",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "a build makes no such attestations or signatures, and encrypts or decrypts no image",
        help: "leave it out; `--sign-key` signs an image, and `diskette sign` one that exists",
        words: "--sign-by --cw --decryption-key --sbom-scanner-image \
                --sbom-scanner-command --sbom-output --sbom-image-output --sbom-purl-output \
                --sbom-image-purl-output --sbom-merge-strategy",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "a build evaluates no source policies",
        help: "leave it out; `--verify-policy policy.json` requires signatures of bases, and `--lock` pins them",
        words: "--source-policy-file --policy",
        ..NOTED
    },
    OptionGroup {
        treatment: NotedIfOff,
        reason: "each layer has only what its instruction adds",
        help: "leave it out",
        switches: "--squash --squash-all",
        ..NOTED
    },
    OptionGroup {
        treatment: NotedIfOff,
        reason: "the history has an entry for each instruction",
        help: "leave it out",
        switches: "--omit-history",
        ..NOTED
    },
    OptionGroup {
        treatment: NotedIfOff,
        reason: "nothing is added to the image that the input does not have",
        help: "use `--label` and `--annotation`",
        switches: "--identity-label --created-annotation",
        ..NOTED
    },
    OptionGroup {
        treatment: NotedIfOff,
        reason: "the platforms of an image are named, and not taken from its base",
        help: "use `--platform OS/ARCH,OS/ARCH`",
        switches: "--all-platforms",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "nothing is executed that could see it",
        help: "COPY what is needed, or use `--build-context`",
        words: "--volume -v --mount",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "the cache is used for all stages or for none",
        help: "use `--no-cache`",
        words: "--no-cache-filter",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "messages go to standard error",
        help: "redirect standard error",
        words: "--logfile",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "files have the digests as they are",
        help: "use `--iidfile FILE`",
        words: "--iidfile-raw",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "build arguments are given one by one",
        help: "use `--build-arg KEY=VALUE`",
        words: "--build-arg-file",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "a platform is named as a whole",
        help: "use `--platform OS/ARCH[/VARIANT]`",
        words: "--arch --override-arch --os --override-os --variant",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "images for Windows are not built",
        help: "leave it out",
        words: "--os-feature --os-version",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "labels, variables and annotations are set, and not removed",
        help: "set the value with `--env`, `--label` or `--annotation`",
        switches: "--inherit-labels --inherit-annotations",
        words: "--unsetenv --unsetlabel --unsetannotation",
    },
    OptionGroup {
        treatment: Refused,
        reason: "compression is chosen by name",
        help: "use `--compression gzip`, `zstd`, `zstd:chunked` or `none`",
        words: "--compression-format",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "the base is what the Dockerfile says",
        help: "use `--build-context NAME=docker-image://REF`",
        words: "--from",
        ..NOTED
    },
    OptionGroup {
        treatment: Refused,
        reason: "Containerfile.in is not preprocessed",
        help: "run the preprocessor first",
        words: "--cpp-flag",
        ..NOTED
    },
];
