//! *Foreign* options: those of `docker build`, `docker buildx build`, `podman build` and
//! `buildah bud` that mean nothing here. What can only be harmless is ignored with a note; what
//! would change the image is refused with a reason.

mod table;

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::files::disk_file::has_disk_name;

use self::table::{FOREIGN_OPTIONS, ForeignValue, Treatment};

/// The command whose foreign options are known.
const COMMAND: &str = "build";

/// A command line without the foreign options that are harmless, and the notes about them.
pub(super) struct StrippedCommandLine {
    pub(super) words: Vec<OsString>,
    pub(super) notes: Vec<String>,
}

/// Removes harmless foreign options of `build` from the command line.
pub(super) fn strip_options(words: impl IntoIterator<Item = OsString>) -> StrippedCommandLine {
    let mut input = words.into_iter().peekable();
    let mut stripped = StrippedCommandLine { words: Vec::new(), notes: Vec::new() };
    let mut is_build = false;
    while let Some(word) = input.next() {
        if word == "--" {
            stripped.words.push(word);
            break;
        }
        is_build |= word == COMMAND;
        let (name, value) = split_option(&word);
        let found = name.filter(|_| is_build).and_then(|name| find_option(name, value));
        let Some((option, value)) = found else {
            stripped.words.push(word);
            continue;
        };
        // A value that follows belongs to the option, whatever it is.
        let next = match (option.value, value) {
            (ForeignValue::Word, None) => input.next_if(|next| !is_option(next)),
            _ => None,
        };
        let given = next.as_deref().and_then(OsStr::to_str).or(value);
        if option.is_harmless(given) {
            let name = option.name;
            stripped.notes.push(format!("`{name}` is ignored: {}", option.reason));
        } else {
            stripped.words.push(word);
            stripped.words.extend(next);
        }
    }
    stripped.words.extend(input);
    stripped
}

fn is_option(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| word.starts_with("--"))
}

fn split_option(word: &OsStr) -> (Option<&str>, Option<&str>) {
    match word.to_str() {
        Some(word) if word.starts_with("--") => match word.split_once('=') {
            Some((name, value)) => (Some(name), Some(value)),
            None => (Some(word), None),
        },
        _ => (None, None),
    }
}

fn find_option<'v>(
    name: &str,
    value: Option<&'v str>,
) -> Option<(&'static table::ForeignOption, Option<&'v str>)> {
    let found = FOREIGN_OPTIONS.iter().find(|option| option.name == name)?;
    (!matches!(found.treatment, Treatment::Refused)).then_some((found, value))
}

/// Returns the message about an option of another program, if the error is about one.
pub(crate) fn explain_option(error: &clap::Error) -> Option<Diagnostic> {
    if error.kind() == ErrorKind::InvalidSubcommand {
        return explain_disk(error);
    }
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = option.split('=').next().unwrap_or(option);
    let option = FOREIGN_OPTIONS.iter().find(|option| option.name == name)?;
    Some(Diagnostic::new(format!("`{name}` is not supported: {}", option.reason)).help(option.help))
}

/// Returns the message about a disk in place of a command.
fn explain_disk(error: &clap::Error) -> Option<Diagnostic> {
    let Some(ContextValue::String(text)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    has_disk_name(text).then(|| {
        Diagnostic::new(format!("`{text}` is a disk and not a command"))
            .help(format!(
                "`diskette build {text} -t REF --push` makes an image of it and pushes it"
            ))
            .help(format!("`diskette inspect {text}` shows what is in it"))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::commands::Arguments;

    fn strip(line: &str) -> (String, usize) {
        let words = line.split(' ').map(OsString::from);
        let StrippedCommandLine { words, notes } = strip_options(words);
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        (words.join(" "), notes.len())
    }

    #[test]
    fn harmless_options_are_left_out() {
        let check = |line: &str, expected: &str, notes: usize| {
            assert_eq!(strip(line), (expected.to_owned(), notes), "{line}");
        };
        check("diskette build --rm --layers .", "diskette build .", 2);
        check("diskette build --rm=true .", "diskette build .", 1);
        check("diskette build --provenance=false .", "diskette build .", 1);
        check("diskette build --provenance false .", "diskette build .", 1);
        check("diskette build --provenance=true .", "diskette build --provenance=true .", 0);
        check("diskette build --provenance .", "diskette build --provenance .", 0);
        check("diskette build --cache-from type=gha .", "diskette build .", 1);
        check("diskette build --cache-from=a --cache-to=b .", "diskette build .", 2);
        check("diskette build --network host .", "diskette build .", 1);
        check("diskette build --isolation=chroot .", "diskette build .", 1);
        check("diskette build --squash .", "diskette build --squash .", 0);
        check("diskette build --squash=false .", "diskette build .", 1);
        check("diskette build -- --rm", "diskette build -- --rm", 0);
        check("diskette push --rm", "diskette push --rm", 0);
        check(
            "diskette --message-format json build --rm x",
            "diskette --message-format json build x",
            1,
        );
    }

    #[test]
    fn other_options_are_refused_with_a_reason() {
        for option in FOREIGN_OPTIONS {
            for word in [option.name.to_owned(), format!("{}=x", option.name)] {
                let line = format!("diskette build {word}");
                let (words, notes) = strip(&line);
                if notes == 1 {
                    continue;
                }
                let parsed = Arguments::try_parse_from(words.split(' '));
                let error = explain_option(&parsed.unwrap_err());
                let message = error.map(|it| it.message).unwrap_or_default();
                let expected = format!("`{}` is not supported", option.name);
                assert!(message.starts_with(&expected), "{word}: {message}");
            }
        }
        let unknown = Arguments::try_parse_from(["diskette", "build", "--outptu"]).unwrap_err();
        assert_eq!(explain_option(&unknown), None);
    }

    /// Returns the page with the table.
    fn page() -> String {
        let rows = FOREIGN_OPTIONS.iter().map(|option| {
            let treatment = match option.treatment {
                Treatment::Noted => "ignored with a note",
                Treatment::NotedIfOff => "ignored with a note if `false`, else refused",
                Treatment::Refused => "refused",
            };
            let help =
                if option.help.is_empty() { String::new() } else { format!("; {}", option.help) };
            format!("| `{}` | {treatment} | {}{help} |\n", option.name, option.reason)
        });
        let rows: String = rows.collect();
        format!("{INTRODUCTION}{rows}")
    }

    const INTRODUCTION: &str = "# Flags of docker, buildx, podman and buildah\n\n\
        `diskette build` stands in for `docker build`, `docker buildx build`, `podman build` and `buildah bud`. Flags that have the same meaning have the same name\n\
        (see `diskette build --help`). Of the others, those that cannot change the image are ignored with a note, and those that would change it are refused with\n\
        the reason and what to do. `-o` takes the fields of buildx: `type=oci|docker|registry|image`, `dest`, `name`, `push`, `tar`.\n\n\
        | flag | | why, and what to do |\n|---|---|---|\n";

    /// `SNAPSHOTS=overwrite` writes the page anew.
    #[test]
    fn the_page_has_the_table() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/docker-flags.md");
        let expected = snapbox::Data::read_from(std::path::Path::new(file), None);
        snapbox::assert_data_eq!(page(), expected.raw());
    }

    #[test]
    fn no_option_of_diskette_is_foreign() {
        use clap::CommandFactory as _;
        let command = Arguments::command();
        let build = command.find_subcommand(COMMAND).unwrap();
        let own: Vec<String> = build
            .get_arguments()
            .filter_map(|it| it.get_long())
            .map(|name| format!("--{name}"))
            .collect();
        for option in FOREIGN_OPTIONS {
            assert!(!own.iter().any(|name| name == option.name), "{}", option.name);
        }
    }
}
