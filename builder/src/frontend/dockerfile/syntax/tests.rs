use std::fmt::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;
use snapbox::{IntoData, assert_data_eq, str};

use super::*;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "Dockerfile".into(), text: text.into() })
}

/// Formats what was parsed as BuildKit's own tests do.
fn dump(text: &str) -> (String, Vec<String>) {
    let mut problems = Vec::new();
    let syntax = parse(&source(text), &mut problems);
    let mut dump = String::new();
    for written in &syntax.instructions {
        writeln!(dump, "({})", show(written)).unwrap();
    }
    (dump, problems.iter().map(ToString::to_string).collect())
}

fn show(written: &WrittenInstruction) -> String {
    let mut shown = written.keyword.text.to_lowercase();
    if !written.flags.is_empty() {
        let flags: Vec<String> = written.flags.iter().map(|flag| quote(&flag.text)).collect();
        write!(shown, " [{}]", flags.join(" ")).unwrap();
    }
    shown + &show_arguments(&written.arguments)
}

fn show_arguments(arguments: &InstructionArguments) -> String {
    let quoted = |word: &DockerfileWord| format!(" {}", quote(&word.text));
    match arguments {
        InstructionArguments::Text(word) if word.text.is_empty() => String::new(),
        InstructionArguments::Text(word) => quoted(word),
        InstructionArguments::Words(words) | InstructionArguments::Json(words) => {
            words.iter().map(quoted).collect()
        }
        InstructionArguments::Pairs(pairs) => {
            pairs.iter().fold(String::new(), |shown, (name, value)| {
                let is_equation = name.span.source.text[name.span.range.end..].starts_with('=');
                let sign = if is_equation { "=" } else { "" };
                shown + &quoted(name) + &quoted(value) + " " + &quote(sign)
            })
        }
        InstructionArguments::Typed(kind, _) if kind.text.is_empty() => String::new(),
        InstructionArguments::Typed(kind, rest) => quoted(kind) + &show_arguments(rest),
        InstructionArguments::Instruction(inner) => format!(" ({})", show(inner)),
        InstructionArguments::Unknown => " ?".into(),
    }
}

/// Quotes as Go's `strconv.Quote`.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c.is_ascii_control() => write!(quoted, "\\x{:02x}", u32::from(c)).unwrap(),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Cases of other projects, which are in a folder beside this repository.
fn conformance() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance");
    let folder = PathBuf::from(option_env!("DISKETTE_CONFORMANCE").unwrap_or(beside));
    folder.join("dockerfile").is_dir().then(|| folder.join("dockerfile"))
}

#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test reads its cases")]
fn buildkits_own_cases_are_read_as_it_reads_them() {
    let Some(folder) = conformance() else {
        eprintln!("skipped: shared/conformance is not there");
        return;
    };
    let mut count = 0;
    for case in folder.join("parser").read_dir().unwrap() {
        let case = case.unwrap().path();
        let text = std::fs::read_to_string(case.join("Dockerfile")).unwrap();
        let expected = std::fs::read_to_string(case.join("result")).unwrap();
        let (found, problems) = dump(&text);
        assert_eq!(found.trim(), expected.trim(), "{}", case.display());
        assert_eq!(problems, Vec::<String>::new(), "{}", case.display());
        count += 1;
    }
    assert!(count > 20, "{count} cases");
}

fn check(text: &str, expected: impl IntoData) {
    let (dump, problems) = dump(text);
    assert_data_eq!(format!("{dump}{}", problems.join("\n")), expected.raw());
}

#[test]
fn lines_are_joined() {
    check(
        "FROM a\\\nb \\\n# c\n\n  d\n",
        str![[r#"
(from "ab" "d")

"#]],
    );
    check(
        "\u{feff}from a\r\nRun a \\\r\n  b\r\n",
        str![[r#"
(from "a")
(run "a   b")

"#]],
    );
    check(
        "  # c\nRUN a # b\n  RUN\tb \\",
        str![[r#"
(run "a # b")
(run "b")

"#]],
    );
    check(
        "# escape=`\nRUN a `\nb\\\nRUN c",
        str![[r#"
(run "a b\\")
(run "c")

"#]],
    );
}

#[test]
fn arguments_are_cut_as_each_instruction_wants() {
    check(
        "COPY --chown=1:2 --link a 'b c' [d]\nCOPY [\"a b\", \"c\"]\nVOLUME [\"a\"] b\nSHELL [\"a\", \"b\"]",
        str![[r#"
(copy ["--chown=1:2" "--link"] "a" "'b" "c'" "[d]")
(copy "a b" "c")
(volume "[\"a\"]" "b")
(shell "a" "b")

"#]],
    );
    check(
        "ENV A=1 B='2 3' C=4\\ 5\nENV D 6 7=8\nLABEL \"a b\"=c",
        str![[r#"
(env "A" "1" "=" "B" "'2 3'" "=" "C" "4\\ 5" "=")
(env "D" "6 7=8" "")
(label "\"a b\"" "c" "=")

"#]],
    );
    check(
        "ARG A B=1\nWORKDIR  /a b \nHEALTHCHECK NONE\nONBUILD COPY --a b c\nEXPOSE 1  2",
        str![[r#"
(arg "A" "B=1")
(workdir "/a b")
(healthcheck "NONE")
(onbuild (copy ["--a"] "b" "c"))
(expose "1" "2")

"#]],
    );
    check(
        "WHAT a b\nONBUILD ONBUILD ONBUILD RUN a\nONBUILD",
        str![[r#"
(what ?)
(onbuild "ONBUILD ONBUILD RUN a")
(onbuild)

"#]],
    );
}

#[test]
fn documents_stand_behind_their_instruction() {
    let check = |text: &str, expected: &[(&str, &str)], problems: &[&str]| {
        let mut found = Vec::new();
        let syntax = parse(&source(text), &mut found);
        let first = &syntax.instructions[0];
        let documents = match &first.arguments {
            InstructionArguments::Instruction(inner) => &inner.heredocs,
            _ => &first.heredocs,
        };
        let documents: Vec<(&str, &str)> =
            documents.iter().map(|document| (&*document.name, &*document.content)).collect();
        assert_eq!(documents, expected, "{text}");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, problems, "{text}");
    };
    check("COPY <<A <<-'B' /d/\na\nA\n\tb\n\tB\nRUN c", &[("A", "a\n"), ("B", "b\n")], &[]);
    check("RUN cat <<A \\\n && true\n# a\nA\n", &[("A", "# a\n")], &[]);
    check("ONBUILD COPY <<A /\nx\nA\n", &[("A", "x\n")], &[]);
    check("COPY [\"<<A\", \"b\"]\n", &[], &[]);
    check("ENV A=<<B\n", &[], &[]);
    check("COPY <<A /d/\na\n", &[("A", "a\n")], &["Dockerfile:1:6: unterminated heredoc"]);
}

#[test]
fn what_cannot_be_cut_is_reported() {
    let check = |text: &str, expected: &[&str]| assert_eq!(dump(text).1, expected, "{text}");
    check("ENV A", &["Dockerfile:1:5: ENV must have two arguments"]);
    check("label a", &["Dockerfile:1:7: LABEL must have two arguments"]);
    check("ENV A=1 B", &["Dockerfile:1:9: can't find = in `B`"]);
    check(
        "FROM a\nCMD [\"a\", 1]",
        &["Dockerfile:2:5: when using JSON array syntax, arrays must be comprised of strings only"],
    );
    check(
        &format!("RUN {}", "a".repeat(LINE_MAX)),
        &["Dockerfile:1:1: dockerfile line greater than max allowed size of 65535 bytes"],
    );
}

/// Pieces that Dockerfiles are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "FROM",
        "COPY",
        "ADD",
        "RUN",
        "ENV",
        "ARG",
        "LABEL",
        "ONBUILD",
        "HEALTHCHECK",
        "CMD",
        " ",
        " ",
        "\n",
        "\n",
        "\\",
        "\\\n",
        "`",
        "#",
        "# escape=`\n",
        "--chown=1",
        "--",
        "=",
        "a",
        "é",
        "\"",
        "'",
        "[",
        "]",
        ",",
        "<<",
        "<<-E",
        "E",
        "\t",
        "\r\n",
        "$",
        "{",
        "}",
        "\u{feff}",
        ":",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_where_it_stands(text in pieces()) {
        let Err(problems) = crate::frontend::dockerfile::parse(&source(&text)) else { return Ok(()) };
        prop_assert!(!problems.is_empty());
        for problem in problems {
            prop_assert!(problem.span.is_none_or(|span| text.get(span.range).is_some()));
        }
    }
}
