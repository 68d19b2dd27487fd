use std::sync::Arc;

use super::super::syntax;
use super::*;
use crate::recipe::diagnostic::SourceText;

fn read_all(text: &str) -> (Vec<Instruction>, Vec<String>) {
    let source = Arc::new(SourceText { name: "D".into(), text: text.into() });
    let mut problems = Vec::new();
    let written = syntax::parse(&source, &mut problems).instructions;
    let read = written
        .into_iter()
        .filter_map(|written| read_instruction(written, &mut problems))
        .collect();
    (read, problems.iter().map(ToString::to_string).collect())
}

/// Compares the problems of one instruction.
fn check(text: &str, expected: &str) {
    let (read, problems) = read_all(text);
    assert_eq!(problems.join("; "), expected, "{text}");
    assert_eq!(read.is_empty(), !expected.is_empty(), "{text}");
}

#[test]
fn what_is_right_is_read() {
    for text in [
        "FROM scratch",
        "FROM --platform=$BUILDPLATFORM a:1@sha256:2 AS Stage_1.b-c",
        "COPY a b",
        "COPY --from=x --chown=1:2 --chmod=u=rw --link --parents --exclude=a --exclude=b c d",
        "COPY [\"a b\", \"c\"]",
        "COPY <<A /d/\nA",
        "ADD --checksum=sha256:1 --unpack=false https://a/b.qcow2 /disk/",
        "ADD https://a/b.git.tar /c",
        "ENV A 1",
        "LABEL a= b=",
        "ARG A B=1 C=",
        "EXPOSE $PORT 80/tcp",
        "VOLUME [\"/a\"]",
        "CMD",
        "CMD a b",
        "ENTRYPOINT [\"a\"]",
        "SHELL [\"/bin/bash\", \"-c\"]",
        "HEALTHCHECK NONE",
        "HEALTHCHECK --interval=1m --retries=3 CMD true",
        "STOPSIGNAL 9",
        "USER a:b",
        "WORKDIR /a b",
        "MAINTAINER a <b@c>",
        "ONBUILD COPY . /a",
        "RUN --mount=type=cache true",
    ] {
        check(text, "");
    }
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    check("RNU true", "D:1:1: unknown instruction: RNU");
    check("FROM", "D:1:1: FROM requires either one or three arguments");
    check("FROM a b", "D:1:1: FROM requires either one or three arguments");
    check("FROM a of b", "D:1:1: FROM requires either one or three arguments");
    check("FROM a AS 1b", "D:1:11: invalid name for build stage: `1b`");
    check("FROM --plattform=a b", "D:1:6: unknown flag: --plattform");
    check("COPY a", "D:1:1: COPY requires at least two arguments, a source and a destination");
    check("COPY", "D:1:1: COPY requires at least two arguments, a source and a destination");
    check("ADD [\"a\"]", "D:1:1: ADD requires at least two arguments, a source and a destination");
    check("COPY --chown a b", "D:1:6: missing a value on flag: --chown");
    check("COPY --link=yes a b", "D:1:6: expecting boolean value for flag --link");
    check("COPY --link --link a b", "D:1:13: duplicate flag specified: --link");
    check("COPY --form=a b c", "D:1:6: unknown flag: --form");
    check("COPY a <<B\nB", "D:1:8: COPY cannot accept a heredoc as a destination");
    check(
        "ADD git@github.com:a/b.git /c",
        "D:1:5: `git@github.com:a/b.git` is a git repository, which is not cloned here",
    );
    check(
        "ADD https://a/b.git#v1 /c",
        "D:1:5: `https://a/b.git#v1` is a git repository, which is not cloned here",
    );
    check(
        "ADD --keep-git-dir a /c",
        "D:1:5: --keep-git-dir is for git repositories, which are not cloned here",
    );
    check("ENV", "D:1:1: ENV requires at least one argument");
    check("ENV =a", "D:1:5: ENV names can not be blank");
    check("LABEL --a b=c", "D:1:7: unknown flag: --a");
    check("ARG", "D:1:1: ARG requires at least one argument");
    check("ARG =a", "D:1:5: ARG names can not be blank");
    check("EXPOSE", "D:1:1: EXPOSE requires at least one argument");
    check("VOLUME", "D:1:1: VOLUME requires at least one argument");
    check("USER", "D:1:1: USER requires exactly one argument");
    check("WORKDIR", "D:1:1: WORKDIR requires exactly one argument");
    check("SHELL a", "D:1:1: SHELL requires the arguments to be in JSON form");
    check("SHELL []", "D:1:1: SHELL requires the arguments to be in JSON form");
    check("RUN", "D:1:1: RUN requires at least one argument");
    check("HEALTHCHECK", "D:1:1: HEALTHCHECK requires at least one argument");
    check("HEALTHCHECK NONE a", "D:1:13: HEALTHCHECK NONE takes no arguments");
    check("HEALTHCHECK CMD", "D:1:13: missing command after HEALTHCHECK CMD");
    check("HEALTHCHECK TCP 1", "D:1:13: unknown type `TCP` in HEALTHCHECK (try CMD)");
    check("HEALTHCHECK --interval=1 CMD a", "D:1:13: `1` is not a duration");
    check("HEALTHCHECK --timeout=1us CMD a", "D:1:13: `--timeout` cannot be less than 1ms");
    check("HEALTHCHECK --retries=-1 CMD a", "D:1:13: `--retries` is `-1`");
    check("ONBUILD", "D:1:1: ONBUILD requires at least one argument");
    check("ONBUILD FROM a", "D:1:9: FROM isn't allowed as an ONBUILD trigger");
    check("ONBUILD ONBUILD RUN a", "D:1:9: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    check("ONBUILD WHAT", "D:1:9: unknown instruction: WHAT");
}

#[test]
fn healthchecks_are_written_as_docker_does() {
    let check = |text: &str, expected: serde_json::Value| {
        let (read, _) = read_all(text);
        let [Instruction { kind: InstructionKind::Healthcheck(check), .. }] = &read[..] else {
            panic!("{read:?}");
        };
        assert_eq!(check.to_json(), expected, "{text}");
    };
    check("HEALTHCHECK NONE", serde_json::json!({"Test": ["NONE"]}));
    check("HEALTHCHECK CMD a  b", serde_json::json!({"Test": ["CMD-SHELL", "a  b"]}));
    check(
        "HEALTHCHECK --interval=2s --timeout=0s --retries=0 --start-interval=1s CMD [\"a\", \"b\"]",
        serde_json::json!({
            "Test": ["CMD", "a", "b"], "Interval": 2_000_000_000_u64, "StartInterval": 1_000_000_000,
        }),
    );
}

#[test]
fn every_flag_is_in_the_documents() {
    let page = include_str!("../../../../../docs/dockerfile.md");
    let flags = super::files::COPY_FLAGS.iter().chain(super::files::ADD_FLAGS);
    for (flag, _) in flags.chain(super::health::HEALTHCHECK_FLAGS) {
        assert!(page.contains(&format!("`--{flag}`")), "--{flag}");
    }
}
