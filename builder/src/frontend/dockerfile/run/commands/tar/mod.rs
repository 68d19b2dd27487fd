//! `tar -x` unpacks an archive, `tar -c` makes one of what is in the tree.

mod create;
mod exclusion;
mod extract;
mod members;

use self::create::create;
use self::extract::extract;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::compression::CompressionFormat;

const OPTIONS: &[KnownOption] = &[
    ("x", "extract", OptionValue::Nothing),
    ("c", "create", OptionValue::Nothing),
    ("t", "list", OptionValue::Nothing),
    ("f", "file", OptionValue::Value),
    ("C", "directory", OptionValue::Value),
    ("z", "gzip", OptionValue::Nothing),
    ("j", "bzip2", OptionValue::Nothing),
    ("J", "xz", OptionValue::Nothing),
    ("", "zstd", OptionValue::Nothing),
    ("a", "auto-compress", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("m", "touch", OptionValue::Nothing),
    ("p", "preserve-permissions", OptionValue::Nothing),
    ("", "same-permissions", OptionValue::Nothing),
    ("o", "no-same-owner", OptionValue::Nothing),
    ("", "same-owner", OptionValue::Nothing),
    ("", "numeric-owner", OptionValue::Nothing),
    ("", "strip-components", OptionValue::Value),
    ("O", "to-stdout", OptionValue::Nothing),
    ("S", "sparse", OptionValue::Nothing),
    ("", "no-same-permissions", OptionValue::Nothing),
    ("", "warning", OptionValue::Value),
    ("", "exclude", OptionValue::Value),
    ("", "owner", OptionValue::Value),
    ("", "group", OptionValue::Value),
    ("", "mtime", OptionValue::Value),
    ("", "sort", OptionValue::Value),
    ("", "format", OptionValue::Value),
    ("", "no-recursion", OptionValue::Nothing),
    ("", "keep-directory-symlink", OptionValue::Nothing),
];

/// Options of a compression.
const COMPRESSIONS: [(&str, CompressionFormat); 4] = [
    ("gzip", CompressionFormat::Gzip),
    ("bzip2", CompressionFormat::Bzip2),
    ("xz", CompressionFormat::Xz),
    ("zstd", CompressionFormat::Zstd),
];

pub(super) fn tar(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let words = modern_options(words);
    let arguments = CommandArguments::parse("tar", OPTIONS, &words)?;
    let (extracts, creates) = (arguments.has("extract"), arguments.has("create"));
    if extracts == creates || arguments.has("list") {
        return Err(CommandRefusal::new("`tar` is evaluated with `-x` or `-c` only"));
    }
    let is_printed = if creates { arguments.has_file() } else { !arguments.has("to-stdout") };
    // The names are written to standard error if standard output has something else.
    if arguments.has("verbose") && process.output.is_some() && is_printed {
        return Err(CommandRefusal::new("the names that `tar -v` prints are not evaluated"));
    }
    let (mode, positional): (_, &[&str]) = if creates {
        ("-c", &["directory", "exclude", "no-recursion"])
    } else {
        ("-x", &["directory"])
    };
    if let Some(option) = positional.iter().find(|option| arguments.is_behind_operand(option)) {
        let message = format!("`--{option}` of `tar {mode}` stands in front of the names of files");
        return Err(CommandRefusal::new(message));
    }
    if arguments.values("directory").count() > 1 {
        return Err(CommandRefusal::new("`tar` is evaluated with one `-C`"));
    }
    let state = process.state();
    let status = if creates { create(process, &arguments) } else { extract(process, &arguments) };
    process.set_state(state);
    status
}

/// Changes to the directory of `-C`; returns whether that succeeded.
fn enter_directory(
    process: &mut Process<'_>,
    arguments: &CommandArguments,
    status: &mut CommandStatus,
) -> Result<bool, CommandRefusal> {
    let Some(directory) = arguments.value("directory") else { return Ok(true) };
    let what = || format!("{}: Cannot open", escaped(directory));
    Ok(status.record(process.enter(directory), what)?.is_some())
}

impl CommandArguments {
    /// Returns whether the archive is a file, and no stream.
    fn has_file(&self) -> bool {
        self.value("file").is_some_and(|path| path != "-")
    }

    /// Returns the compression that an option names.
    fn compression(&self) -> Option<CompressionFormat> {
        let mut named = COMPRESSIONS.iter().filter(|(name, _)| self.has(name));
        named.next().map(|(_, format)| *format)
    }
}

/// Returns the words with a dash in front of options in the old form: `tar xzf a.tgz`.
fn modern_options(words: &[String]) -> Vec<String> {
    let [first, rest @ ..] = words else { return Vec::new() };
    if first.starts_with('-') {
        return words.to_vec();
    }
    // The values of old options stand behind all of them, in their order.
    let mut modern = Vec::new();
    let mut values = rest.iter();
    for letter in first.chars() {
        modern.push(format!("-{letter}"));
        if matches!(letter, 'f' | 'C') {
            modern.extend(values.next().cloned());
        }
    }
    modern.extend(values.cloned());
    modern
}
