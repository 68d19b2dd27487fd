//! The *rules* of BuildKit about a Dockerfile's text, by their names
//! (moby/buildkit `frontend/dockerfile/linter/ruleset.go`).

/// A rule about a Dockerfile's text.
#[derive(Debug, PartialEq, Eq)]
pub struct LintRule {
    /// Name in BuildKit.
    pub name: &'static str,
    /// What the rule demands, in one line.
    pub summary: &'static str,
    /// How to follow it.
    pub help: &'static str,
    /// Last part of the address of its page in docker's documentation; may be empty.
    page: &'static str,
}

impl LintRule {
    /// Returns the address of the rule's page, if it has one.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let is_known = !self.page.is_empty();
        is_known.then(|| format!("https://docs.docker.com/go/dockerfile/rule/{}/", self.page))
    }
}

macro_rules! rules {
    ($($(#[$note:meta])* $id:ident = $name:literal, $page:literal, $summary:literal, $help:literal;)*) => {
        $($(#[$note])* pub(super) static $id: LintRule =
            LintRule { name: $name, summary: $summary, help: $help, page: $page };)*
        /// All rules, in the order of their names.
        pub static LINT_RULES: &[&LintRule] = &[$(&$id),*];
    };
}

rules! {
    CONSISTENT_INSTRUCTION_CASING = "ConsistentInstructionCasing", "consistent-instruction-casing",
        "All keywords have the same case", "write all keywords in upper case, or all in lower case";
    COPY_IGNORED_FILE = "CopyIgnoredFile", "copy-ignored-file",
        "What is copied is not excluded by the ignore file", "remove the line of the ignore file, or copy something else";
    DUPLICATE_STAGE_NAME = "DuplicateStageName", "duplicate-stage-name",
        "Names of stages are unique", "give one of the stages another name";
    EXPOSE_INVALID_FORMAT = "ExposeInvalidFormat", "expose-invalid-format",
        "EXPOSE names no address and no port of the host", "write the port of the container alone, e.g. `80/tcp`";
    EXPOSE_PROTO_CASING = "ExposeProtoCasing", "expose-proto-casing",
        "Protocols of EXPOSE are in lower case", "write `tcp`, `udp` or `sctp`";
    FROM_AS_CASING = "FromAsCasing", "from-as-casing",
        "AS has the case of its FROM", "write `FROM … AS`, or `from … as`";
    FROM_PLATFORM_CONST = "FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
        "FROM --platform is not a constant", "leave it out, write `$BUILDPLATFORM`, or name the stage after the platform";
    INVALID_BASE_IMAGE_PLATFORM = "InvalidBaseImagePlatform", "",
        "The base is for the platform that is built", "take a base for this platform, or build for that of the base";
    INVALID_DEFAULT_ARG_IN_FROM = "InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
        "FROM names an image without --build-arg too", "give the ARG a default: `ARG NAME=VALUE`";
    INVALID_DEFINITION_DESCRIPTION = "InvalidDefinitionDescription", "invalid-definition-description",
        "A comment in front of ARG or FROM … AS begins with the name that it describes",
        "begin it with the name, or write an empty comment `#` behind it";
    JSON_ARGS_RECOMMENDED = "JSONArgsRecommended", "json-args-recommended",
        "CMD and ENTRYPOINT are JSON lists", "write a JSON list: then signals reach the program itself";
    LEGACY_KEY_VALUE_FORMAT = "LegacyKeyValueFormat", "legacy-key-value-format",
        "ENV and LABEL have `=` between name and value", "write `NAME=VALUE`";
    MAINTAINER_DEPRECATED = "MaintainerDeprecated", "maintainer-deprecated",
        "A label names the author, not MAINTAINER", "write `LABEL org.opencontainers.image.authors=…`";
    MULTIPLE_INSTRUCTIONS = "MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
        "A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK", "remove all but the last";
    NO_EMPTY_CONTINUATION = "NoEmptyContinuation", "no-empty-continuation",
        "No line of an instruction is empty", "remove the empty line";
    REDUNDANT_TARGET_PLATFORM = "RedundantTargetPlatform", "redundant-target-platform",
        "FROM --platform is not $TARGETPLATFORM, which is the default", "leave `--platform` out";
    RESERVED_STAGE_NAME = "ReservedStageName", "reserved-stage-name",
        "No stage is named `scratch` or `context`", "give the stage another name";
    SECRETS_IN_ARG_OR_ENV = "SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
        "Neither ARG nor ENV has a secret", "keep the secret out of the image: its config shows it to everyone";
    STAGE_NAME_CASING = "StageNameCasing", "stage-name-casing",
        "Names of stages are in lower case", "write the name in lower case";
    UNDEFINED_ARG_IN_FROM = "UndefinedArgInFrom", "undefined-arg-in-from",
        "The variables of FROM are declared in front of the first FROM", "declare it with ARG in front of the first FROM";
    UNDEFINED_VAR = "UndefinedVar", "undefined-var",
        "A variable is declared before it is used", "declare it with ARG or ENV; where it may be missing, write `${NAME:-}`";
    WORKDIR_RELATIVE_PATH = "WorkdirRelativePath", "workdir-relative-path",
        "The first WORKDIR is absolute", "begin the path with `/`";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_all_rules() {
        const HEAD: &str = "# The rules of `diskette build --check`\n\n\
             What BuildKit's rules find in a Dockerfile, by their names; they are skipped and made errors as there: `# check=skip=NAME,NAME;error=true` at the top, `# check=skip=NAME` in front of an \
             instruction. `InvalidDefinitionDescription` is checked if `# check=experimental=InvalidDefinitionDescription` asks for it. Without `--target` all stages are checked. \
             [rules.md](rules.md) has the rules about the image and its disk, which `--check` reports too.\n\n| rule | | |\n|---|---|---|\n";
        let line = |rule: &&LintRule| {
            let name = rule.url().map_or(rule.name.into(), |url| format!("[{}]({url})", rule.name));
            format!("| {name} | {} | {} |\n", rule.summary, rule.help)
        };
        let text = HEAD.to_owned() + &LINT_RULES.iter().map(line).collect::<String>();
        snapbox::assert_data_eq!(text, snapbox::file!["../../../../../docs/check-rules.md"].raw());
    }

    #[test]
    fn rules_are_in_the_order_of_their_names() {
        assert!(LINT_RULES.is_sorted_by_key(|rule| rule.name));
        assert_eq!(LINT_RULES.len(), 22);
        let url = "https://docs.docker.com/go/dockerfile/rule/undefined-var/";
        assert_eq!(UNDEFINED_VAR.url().as_deref(), Some(url));
        assert_eq!(INVALID_BASE_IMAGE_PLATFORM.url(), None);
    }
}
