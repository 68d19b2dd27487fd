//! *Foreign* options: those of `docker build`, `docker buildx build`, `podman build` and
//! `buildah bud` that mean nothing here. What can only be harmless is ignored with a note; what
//! would change the image is refused with a reason.

mod table;

use std::ffi::{OsStr, OsString};

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use diskette_builder::recipe::diagnostic::Diagnostic;

use self::table::OptionGroup;
use crate::commands::Arguments;
use crate::files::disk_file::has_disk_name;

/// The command whose foreign options are known.
const COMMAND: &str = "build";

/// A command line without the foreign options that are harmless, and the notes about them.
pub(super) struct StrippedCommandLine {
    pub(super) words: Vec<OsString>,
    pub(super) notes: Vec<String>,
}

/// Removes harmless foreign options of `build` from the command line.
pub(super) fn strip_options(words: impl IntoIterator<Item = OsString>) -> StrippedCommandLine {
    let words: Vec<_> = words.into_iter().collect();
    let mut stripped = StrippedCommandLine { words: Vec::new(), notes: Vec::new() };
    let start = options_of_build(&words).unwrap_or(words.len());
    let mut input = words.into_iter();
    stripped.words.extend(input.by_ref().take(start));
    let mut input = input.peekable();
    while let Some(word) = input.next_if(|word| word != "--") {
        let Some((name, group, value)) = word.to_str().and_then(find_option) else {
            stripped.words.push(word);
            continue;
        };
        // A value that follows belongs to the option, whatever it is.
        let takes_word = value.is_none() && group.takes_word(name);
        let next = input.next_if(|next| takes_word && !next.as_encoded_bytes().starts_with(b"--"));
        if group.is_harmless(next.as_deref().and_then(OsStr::to_str).or(value)) {
            stripped.notes.push(format!("`{name}` is ignored: {}", group.reason));
        } else {
            stripped.words.extend([word].into_iter().chain(next));
        }
    }
    stripped.words.extend(input);
    stripped
}

/// Returns where the options of `build` begin, if that is the command.
fn options_of_build(words: &[OsString]) -> Option<usize> {
    let commands = Arguments::command();
    let position =
        words.iter().skip(1).position(|word| commands.find_subcommand(word).is_some())?;
    (words[position + 1] == COMMAND).then_some(position + 2)
}

/// Returns the name of a foreign option, its group, and the value that the same word has.
fn find_option(word: &str) -> Option<(&str, &'static OptionGroup, Option<&str>)> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        // `-m4g` is `-m=4g`.
        None if !word.starts_with("--") && word.len() > 2 => {
            let (name, value) = word.split_at_checked(2)?;
            (name, Some(value))
        }
        None => (word, None),
    };
    Some((name, OptionGroup::find(name)?, value))
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
    let group = OptionGroup::find(name)?;
    Some(Diagnostic::new(format!("`{name}` is not supported: {}", group.reason)).help(group.help))
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

    use super::table::{FOREIGN_OPTIONS, Treatment};
    use super::*;

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
        check("diskette push build --rm", "diskette push build --rm", 0);
        check("diskette build --no-hosts .", "diskette build .", 1);
        check("diskette build --http-proxy=false .", "diskette build .", 1);
        check("diskette build -m 4g -c512 -m=4g .", "diskette build .", 3);
        check("diskette build -D .", "diskette build .", 1);
        check("diskette build -v /a:/b .", "diskette build -v /a:/b .", 0);
        check("diskette build -t m -f c .", "diskette build -t m -f c .", 0);
        check(
            "diskette --message-format json build --rm x",
            "diskette --message-format json build x",
            1,
        );
    }

    #[test]
    fn other_options_are_refused_with_a_reason() {
        for name in FOREIGN_OPTIONS.iter().flat_map(OptionGroup::names) {
            for word in [name.to_owned(), format!("{name}=x")] {
                let line = format!("diskette build {word}");
                let (words, notes) = strip(&line);
                if notes == 1 {
                    continue;
                }
                let parsed = Arguments::try_parse_from(words.split(' '));
                let error = explain_option(&parsed.unwrap_err());
                let message = error.map(|it| it.message).unwrap_or_default();
                let expected = format!("`{name}` is not supported");
                assert!(message.starts_with(&expected), "{word}: {message}");
            }
        }
        let unknown = Arguments::try_parse_from(["diskette", "build", "--outptu"]).unwrap_err();
        assert_eq!(explain_option(&unknown), None);
    }

    /// Returns the page with the table.
    fn page() -> String {
        let rows = FOREIGN_OPTIONS.iter().map(|group| {
            let treatment = match group.treatment {
                Treatment::Noted => "ignored with a note",
                Treatment::NotedIfOff => "ignored with a note if `false`, else refused",
                Treatment::Refused => "refused",
            };
            let names: Vec<_> = group.names().map(|name| format!("`{name}`")).collect();
            let help = if group.help.is_empty() { "" } else { "; " };
            let names = names.join(", ");
            format!("| {names} | {treatment} | {}{help}{} |\n", group.reason, group.help)
        });
        let rows: String = rows.collect();
        format!("{INTRODUCTION}{rows}")
    }

    const INTRODUCTION: &str = "# Flags of docker, buildx, podman and buildah\n\n\
        `diskette build` stands in for `docker build`, `docker buildx build`, `podman build` and `buildah bud`. Flags that have the same meaning have the same name\n\
        (see `diskette build --help`). Of the others, those that cannot change the image are ignored with a note, and those that would change it are refused with\n\
        the reason and what to do. `-o` takes the fields of buildx: `type=oci|docker|registry|image`, `dest`, `name`, `push`, `push-by-digest`, `tar`, `compression`,\n\
        `compression-level`, `oci-mediatypes`, `annotation.KEY` and `annotation-LEVEL[PLATFORM].KEY`.\n\n\
        | flags | | why, and what to do |\n|---|---|---|\n";

    /// `SNAPSHOTS=overwrite` writes the page anew.
    #[test]
    fn the_page_has_the_table() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/docker-flags.md");
        let expected = snapbox::Data::read_from(std::path::Path::new(file), None);
        snapbox::assert_data_eq!(page(), expected.raw());
    }

    #[test]
    fn no_option_of_diskette_is_foreign() {
        let command = Arguments::command();
        let build = command.find_subcommand(COMMAND).unwrap();
        let own = build.get_arguments().flat_map(|it| {
            let names = it.get_long_and_visible_aliases().unwrap_or_default();
            let short = it.get_short().map(|name| format!("-{name}"));
            names.into_iter().map(|name| format!("--{name}")).chain(short).collect::<Vec<_>>()
        });
        for name in own {
            assert!(OptionGroup::find(&name).is_none(), "{name}");
        }
        let all: Vec<_> = FOREIGN_OPTIONS.iter().flat_map(OptionGroup::names).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
