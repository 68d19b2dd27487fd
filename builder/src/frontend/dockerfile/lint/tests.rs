//! Tests of the rules. Expectations are those of BuildKit for the same texts.

use std::sync::Arc;

use super::*;
use crate::recipe::diagnostic::SourceText;

/// Environment of the image `base`.
const BASE: [(&str, &str); 2] = [("PATH", "/bin"), ("VERSION", "1")];

/// Returns the findings as `Rule:line`, with build arguments like `A=1`.
fn findings(text: &str, arguments: &[&str]) -> Result<LintReport, Diagnostic> {
    let source = Arc::new(SourceText { name: "Dockerfile".into(), text: text.into() });
    let dockerfile = crate::frontend::dockerfile::parse(&source).unwrap();
    let pairs = arguments.iter().filter_map(|pair| pair.split_once('='));
    let build_args: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let amd64: Platform = "linux/amd64".parse().unwrap();
    let scope = |build_args: &BTreeMap<String, String>| {
        let mut scope = GlobalScope::new(&amd64, &amd64, "", build_args);
        for (name, default) in dockerfile.globals() {
            scope.declare_global(&name.text, default.as_ref().map(|word| word.text.clone()));
        }
        scope
    };
    let (scope, defaults) = (scope(&build_args), scope(&BTreeMap::new()));
    let base_names: Vec<String> =
        dockerfile.stages.iter().map(|stage| stage.from.base.text.clone()).collect();
    let environment: BTreeMap<String, String> =
        BASE.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let arm64 = "linux/arm64".parse().unwrap();
    let base = |name: &str| match name {
        "base" => Some(BaseFacts { environment: environment.clone(), ..BaseFacts::default() }),
        "bash" => Some(BaseFacts { has_shell: true, ..BaseFacts::default() }),
        "foreign" => {
            let platforms = Some((amd64.clone(), arm64));
            Some(BaseFacts { platforms, ..BaseFacts::default() })
        }
        _ => None,
    };
    let numbered = base_names.iter().enumerate();
    let bases = numbered.filter_map(|(number, name)| Some((number, base.clone()(name)?))).collect();
    check(&LintSubject {
        dockerfile: &dockerfile,
        scope: &scope,
        defaults: &defaults,
        build_args: &build_args,
        stages: &(0..dockerfile.stages.len()).collect(),
        base_names: &base_names,
        bases: &bases,
    })
}

#[track_caller]
fn check_with(text: &str, arguments: &[&str], expected: &[&str]) {
    let found = findings(text, arguments).unwrap().findings;
    let found: Vec<String> = found
        .iter()
        .map(|it| {
            let line = it.span.as_ref().map_or(0, |span| span.line_column().0);
            format!("{}:{line}", it.rule.unwrap_or_default())
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[track_caller]
fn check_rules(text: &str, expected: &[&str]) {
    check_with(text, &[], expected);
}

#[track_caller]
fn check_message(text: &str, expected: &str) {
    let found = findings(text, &[]).unwrap().findings;
    let found: Vec<&str> = found.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(found, [expected], "{text}");
}

#[test]
fn cases_of_keywords_and_names() {
    check_rules("FROM scratch AS base\nFROM base AS Final\n", &["StageNameCasing:2"]);
    check_message("FROM scratch AS A1", "Stage name 'A1' should be lowercase");
    check_rules("FROM scratch as base", &["FromAsCasing:1"]);
    check_rules("from scratch AS base", &["FromAsCasing:1"]);
    check_rules("FROM scratch As base", &["FromAsCasing:1"]);
    check_rules("from scratch as base", &[]);
    check_rules("From scratch as base", &["ConsistentInstructionCasing:1"]);
    check_message("FROM scratch as b", "'as' and 'FROM' keywords' casing do not match");
    check_rules("FROM scratch\ncopy a /\nCOPY b /", &["ConsistentInstructionCasing:2"]);
    check_rules("FROM scratch\ncopy a /\n", &["ConsistentInstructionCasing:2"]);
    check_rules("from scratch\ncopy a /\nLABEL a=b", &["ConsistentInstructionCasing:3"]);
    check_rules("FROM scratch\nCopy a /", &["ConsistentInstructionCasing:2"]);
    check_rules("arg A=1\nFROM scratch", &[]);
    check_message(
        "FROM scratch\nCopy a /",
        "Command 'Copy' should match the case of the command majority (uppercase)",
    );
}

#[test]
fn names_of_stages() {
    check_rules("FROM scratch AS b\nFROM scratch AS b", &["DuplicateStageName:2"]);
    check_rules(
        "FROM scratch AS b\nFROM scratch AS B",
        &["StageNameCasing:2", "DuplicateStageName:2"],
    );
    check_rules("FROM scratch AS scratch", &["ReservedStageName:1"]);
    check_rules("FROM scratch AS context", &["ReservedStageName:1"]);
    check_rules("FROM scratch AS other", &[]);
}

#[test]
fn lines_and_comments() {
    check_rules("FROM scratch\nCOPY a \\\n\n /", &["NoEmptyContinuation:3"]);
    check_rules("FROM scratch\nCOPY a \\\n# comment\n /", &[]);
    check_rules("FROM scratch\n\nCOPY a /", &[]);
    check_rules("FROM scratch\nMAINTAINER me", &["MaintainerDeprecated:2"]);
    let experimental = "# check=experimental=InvalidDefinitionDescription\n";
    let check = |text: &str, expected: &[&str]| {
        check_rules(&format!("{experimental}{text}"), expected);
        check_rules(text, &[]);
    };
    check("# what it is\nARG A=1\nFROM scratch", &["InvalidDefinitionDescription:3"]);
    check("# A is it\nARG A=1\nFROM scratch", &[]);
    check("# what it is\n#\nARG A=1\nFROM scratch", &[]);
    check("# other\n# A is it\nARG A=1\nFROM scratch", &[]);
    check("# the stage\nFROM scratch AS b", &["InvalidDefinitionDescription:3"]);
    check("# b is the stage\nFROM scratch AS b", &[]);
    check("# a comment\nFROM scratch", &[]);
}

#[test]
fn instructions_of_which_the_last_counts() {
    check_rules("FROM scratch\nCMD [\"a\"]\nCMD [\"b\"]", &["MultipleInstructionsDisallowed:2"]);
    check_rules(
        "FROM scratch\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\nENTRYPOINT [\"c\"]",
        &["MultipleInstructionsDisallowed:2", "MultipleInstructionsDisallowed:3"],
    );
    check_rules(
        "FROM scratch\nHEALTHCHECK CMD [\"a\"]\nHEALTHCHECK NONE",
        &["MultipleInstructionsDisallowed:2"],
    );
    check_rules("FROM scratch AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]", &[]);
    check_rules("FROM scratch\nCMD a", &["JSONArgsRecommended:2"]);
    check_rules("FROM scratch\nENTRYPOINT a", &["JSONArgsRecommended:2"]);
    check_rules("FROM scratch\nSHELL [\"/bin/bash\", \"-c\"]\nCMD a", &[]);
    check_rules("FROM scratch AS a\nSHELL [\"/bin/bash\", \"-c\"]\nFROM a\nCMD a", &[]);
    check_rules("FROM bash\nCMD a", &[]);
    check_rules("FROM scratch\nCMD [\"a\"]", &[]);
}

#[test]
fn names_and_values() {
    check_rules("FROM scratch\nENV a b", &["LegacyKeyValueFormat:2"]);
    check_rules("FROM scratch\nLABEL a b c=d", &["LegacyKeyValueFormat:2"]);
    check_rules("FROM scratch\nENV a=b c='d e'\nLABEL \\\n a=b", &[]);
    check_message(
        "FROM scratch\nENV a b",
        "\"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
    );
    for name in ["SECRET", "api_key", "GITHUB_TOKEN", "auth", "db_PASSWORD_1", "apikey"] {
        check_rules(&format!("FROM scratch\nARG {name}"), &["SecretsUsedInArgOrEnv:2"]);
        check_rules(&format!("FROM scratch\nENV {name}=1"), &["SecretsUsedInArgOrEnv:2"]);
    }
    for name in ["PUBLIC_KEY", "KEYBOARD", "TOKEN_FILE", "author", "KEY_VERSION", "monkey"] {
        check_rules(&format!("FROM scratch\nARG {name}\nENV X_{name}=1"), &[]);
    }
    check_rules("ARG PASSWORD=1\nFROM scratch", &[]);
}

#[test]
fn variables_that_are_not_set() {
    check_rules("FROM scratch\nCOPY $A /", &["UndefinedVar:2"]);
    check_rules("FROM scratch\nCOPY a $A/", &["UndefinedVar:2"]);
    check_rules("FROM scratch\nLABEL a=$A b=$B", &["UndefinedVar:2", "UndefinedVar:2"]);
    check_rules("FROM scratch\nENV A=1 B=$A", &["UndefinedVar:2"]);
    check_rules("FROM scratch\nENV A=1\nENV B=$A PATH=$PATH:/x", &[]);
    check_rules("FROM scratch\nARG A\nCOPY $A /", &[]);
    check_rules("FROM scratch\nLABEL a=${A:-} b=${B:+x}", &[]);
    check_rules("ARG A=1\nFROM scratch\nLABEL a=$A", &["UndefinedVar:3"]);
    check_rules("FROM scratch AS a\nARG A=1\nFROM a\nLABEL a=$A", &[]);
    check_rules("FROM base\nLABEL a=$VERSION b=$VERSIONS", &["UndefinedVar:2"]);
    check_rules("FROM unknown\nLABEL a=$A", &[]);
    check_rules("FROM scratch\nARG A=$B", &["UndefinedVar:2"]);
    check_with("FROM scratch\nARG A=$B", &["A=1"], &[]);
    check_rules("FROM scratch\nRUN echo $A\nCMD [\"$A\"]", &[]);
    check_rules("FROM scratch\nCOPY <<E /a\n$A\nE", &["UndefinedVar:2"]);
    check_rules("FROM scratch\nCOPY <<'E' /a\n$A\nE", &[]);
    check_message(
        "FROM base\nLABEL a=$VERSIO",
        "Usage of undefined variable '$VERSIO' (did you mean $VERSION?)",
    );
    check_message("FROM base\nLABEL a=$other", "Usage of undefined variable '$other'");
}

#[test]
fn bases_and_platforms() {
    check_rules("FROM base:$TAG", &["InvalidDefaultArgInFrom:1", "UndefinedArgInFrom:1"]);
    check_rules("ARG TAG=1\nFROM base:$TAG", &[]);
    check_rules("ARG TAG\nFROM base:$TAG", &["InvalidDefaultArgInFrom:2"]);
    check_with("ARG TAG\nFROM base:${TAG:-1}", &["TAG=2"], &[]);
    check_with("ARG TAG\nFROM base:$TAG", &["TAG=2"], &["InvalidDefaultArgInFrom:2"]);
    check_rules("FROM --platform=$TARGETPLATFORM base", &["RedundantTargetPlatform:1"]);
    check_rules("FROM --platform=${TARGETPLATFORM} base", &["RedundantTargetPlatform:1"]);
    check_rules("FROM --platform=$BUILDPLATFORM base", &[]);
    check_rules("FROM --platform=linux/$TARGETARCH base", &[]);
    check_rules("FROM --platform=linux/amd64 base", &["FromPlatformFlagConstDisallowed:1"]);
    check_rules("FROM --platform=linux/amd64 base AS build_amd64", &[]);
    check_rules("FROM --platform=$BULIDPLATFORM base", &["UndefinedArgInFrom:1"]);
    check_message(
        "FROM --platform=$BULIDPLATFORM base",
        "FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)",
    );
    check_rules("FROM foreign", &["InvalidBaseImagePlatform:1"]);
}

#[test]
fn directories_and_ports() {
    check_rules("FROM scratch\nWORKDIR app", &["WorkdirRelativePath:2"]);
    check_rules("FROM scratch\nWORKDIR /app\nWORKDIR src", &[]);
    check_rules("FROM scratch AS a\nWORKDIR /app\nFROM a\nWORKDIR src", &[]);
    check_rules("FROM scratch\nEXPOSE 80/TCP", &["ExposeProtoCasing:2"]);
    check_rules("FROM scratch\nEXPOSE 80/tcp 81 82-83/udp", &[]);
    check_rules("FROM scratch\nEXPOSE 8080:80", &["ExposeInvalidFormat:2"]);
    check_rules(
        "FROM scratch\nEXPOSE 127.0.0.1:8080:80/UDP 80",
        &["ExposeProtoCasing:2", "ExposeInvalidFormat:2"],
    );
}

#[test]
fn rules_are_skipped() {
    let bad = "FROM scratch as a\nCMD a\n";
    check_rules(bad, &["FromAsCasing:1", "JSONArgsRecommended:2"]);
    check_rules(&format!("# check=skip=all\n{bad}"), &[]);
    check_rules(&format!("# check=skip=FromAsCasing\n{bad}"), &["JSONArgsRecommended:3"]);
    check_rules("FROM scratch\n# check=skip=JSONArgsRecommended why\nCMD a\n", &[]);
    check_rules("# check=skip=FromAsCasing\n#\n# check=skip=X\nFROM scratch as a", &[]);
    let argument = "BUILDKIT_DOCKERFILE_CHECK=skip=JSONArgsRecommended";
    check_with(&format!("# check=skip=all\n{bad}"), &[argument], &["FromAsCasing:2"]);
    let is_error = |text: &str| findings(text, &[]).unwrap().is_error;
    assert!(is_error(&format!("# check=error=true\n{bad}")));
    assert!(!is_error(bad));
    let wrong = findings(&format!("# check=skip\n{bad}"), &[]).unwrap_err();
    assert_eq!(wrong.to_string(), "Dockerfile:1:9: invalid check option `skip`");
}

/// Texts that break a rule, the same texts mended, and what BuildKit says to the first (moby/buildkit
/// `frontend/dockerfile/linter/ruleset.go`). `CopyIgnoredFile` is in `cli/tests/dockerfile/check.rs`.
const MESSAGES: &[(&str, &str, &str)] = &[
    (
        "FROM scratch AS a\nFROM scratch AS a",
        "FROM scratch AS a\nFROM scratch AS b",
        "Duplicate stage name \"a\", stage names should be unique",
    ),
    (
        "FROM scratch AS context",
        "FROM scratch AS contexts",
        "Stage name should not use the same name as reserved stage \"context\"",
    ),
    ("FROM scratch\nCOPY a \\\n\n /", "FROM scratch\nCOPY a \\\n /", "Empty continuation line"),
    (
        "FROM scratch\nMAINTAINER me",
        "FROM scratch\nLABEL maintainer=me",
        "Maintainer instruction is deprecated in favor of using label",
    ),
    (
        "# check=experimental=InvalidDefinitionDescription\n# what it is\nARG A=1\nFROM scratch",
        "# check=experimental=InvalidDefinitionDescription\n# A is it\nARG A=1\nFROM scratch",
        "Comment for ARG should follow the format: `# A <description>`",
    ),
    (
        "FROM scratch\nCMD [\"a\"]\nCMD [\"b\"]",
        "FROM scratch\nCMD [\"b\"]",
        "Multiple CMD instructions should not be used in the same stage because only the last one \
         will be used",
    ),
    (
        "FROM scratch\nCMD a",
        "FROM scratch\nCMD [\"a\"]",
        "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
    ),
    (
        "FROM scratch\nENV TOKEN=1",
        "FROM scratch\nENV TOKEN_FILE=1",
        "Do not use ARG or ENV instructions for sensitive data (ENV \"TOKEN\")",
    ),
    (
        "ARG TAG\nFROM base:$TAG",
        "ARG TAG=1\nFROM base:$TAG",
        "Default value for ARG base:$TAG results in empty or invalid base image name",
    ),
    (
        "FROM --platform=$TARGETPLATFORM base",
        "FROM --platform=$BUILDPLATFORM base",
        "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the \
         default behavior",
    ),
    (
        "FROM --platform=linux/amd64 base",
        "FROM --platform=linux/amd64 base AS amd64",
        "FROM --platform flag should not use constant value \"linux/amd64\"",
    ),
    (
        "FROM foreign",
        "FROM base",
        "Base image foreign was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for \
         current build",
    ),
    (
        "FROM scratch\nWORKDIR app",
        "FROM scratch\nWORKDIR /app",
        "Relative workdir \"app\" can have unexpected results if the base image changes",
    ),
    (
        "FROM scratch\nEXPOSE 80/TCP",
        "FROM scratch\nEXPOSE 80/tcp",
        "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    ),
    (
        "FROM scratch\nEXPOSE 8080:80",
        "FROM scratch\nEXPOSE 80",
        "EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
    ),
];

#[test]
fn messages_are_those_of_buildkit() {
    for (bad, good, message) in MESSAGES {
        check_message(bad, message);
        check_rules(good, &[]);
    }
}
