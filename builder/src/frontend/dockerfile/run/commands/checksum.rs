//! `sha256sum -c` and `sha512sum -c`: what is not read now is checked when the layer is made.

use sha2::{Digest as _, Sha256, Sha512};

use super::super::content::Content;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::oci::image::digest::encode_hex;
use crate::recipe::{Checksum, SourceLocation, SourceRecipe};

const OPTIONS: &[KnownOption] = &[
    ("c", "check", OptionValue::Nothing),
    ("", "strict", OptionValue::Nothing),
    ("", "quiet", OptionValue::Nothing),
    ("s", "status", OptionValue::Nothing),
    ("w", "warn", OptionValue::Nothing),
    ("", "ignore-missing", OptionValue::Nothing),
];

pub(super) fn sha256sum(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    check_sums(process, words, "sha256sum", |digits| {
        (digits.len() == 64).then_some(Checksum::Sha256(digits))
    })
}

pub(super) fn sha512sum(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    check_sums(process, words, "sha512sum", |digits| {
        (digits.len() == 128).then_some(Checksum::Sha512(digits))
    })
}

fn check_sums(
    process: &mut Process<'_>,
    words: &[String],
    command: &str,
    parse: impl Fn(String) -> Option<Checksum>,
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse(command, OPTIONS, words)?;
    if !arguments.has("check") {
        return Err(CommandRefusal::new(format!("`{command}` is evaluated with `-c` only")));
    }
    let mut status = CommandStatus::default();
    let list = match arguments.operands.as_slice() {
        [] => Some(std::mem::take(&mut process.input)),
        [path] if path == "-" => Some(std::mem::take(&mut process.input)),
        [path] => status.record(process.read(path), || escaped(path))?,
        _ => return Err(CommandRefusal::new(format!("`{command}` is evaluated with one list"))),
    };
    let Some(list) = list else { return Ok(status) };
    let Some(list) = list.text(process.inputs) else {
        let message = format!("the list of `{command}` is not known before the build");
        return Err(CommandRefusal::new(message));
    };
    let list = String::from_utf8_lossy(&list);
    let lines = list.lines().filter_map(|line| parse_line(line, &parse));
    let lines: Vec<(Checksum, &str)> = lines.collect();
    if lines.is_empty() {
        status.fail("no properly formatted checksum lines found");
    }
    for (checksum, path) in lines {
        if arguments.has("ignore-missing") && !process.exists(path) {
            process.tree.use_base();
            continue;
        }
        check_file(process, &checksum, path, &mut status)?;
    }
    Ok(status)
}

/// Parses a line like `DIGITS  PATH` or `DIGITS *PATH`.
fn parse_line(line: &str, parse: impl Fn(String) -> Option<Checksum>) -> Option<(Checksum, &str)> {
    let (digits, rest) = line.trim_start().split_once(' ')?;
    let path = rest.strip_prefix([' ', '*'])?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let checksum = is_hex.then(|| parse(digits.to_ascii_lowercase())).flatten()?;
    (!path.is_empty()).then_some((checksum, path))
}

fn check_file(
    process: &mut Process<'_>,
    checksum: &Checksum,
    path: &str,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let Some(content) = status.record(process.read(path), || escaped(path))? else {
        return Ok(());
    };
    let is_right = match &content {
        Content::Text(text) => match checksum {
            Checksum::Sha256(digits) => encode_hex(&Sha256::digest(text)) == *digits,
            Checksum::Sha512(digits) => encode_hex(&Sha512::digest(text)) == *digits,
        },
        Content::Source(source, _) => check_source(source, checksum, path)?,
        // No file has it.
        Content::Archive(_) => false,
    };
    if !is_right {
        status.fail(format!("{}: FAILED", escaped(path)));
    } else if let Content::Source(..) = content {
        let changed = process.change_source(path, |source| {
            if source.compression.is_none() {
                source.checksum = Some(checksum.clone());
            } else {
                let details = source.download.get_or_insert_default();
                details.decompressed = Some(checksum.clone());
            }
        });
        status.record(changed, || escaped(path))?;
    }
    Ok(())
}

/// Returns whether a source may have a checksum, which is then checked when it is read.
fn check_source(
    source: &SourceRecipe,
    checksum: &Checksum,
    path: &str,
) -> Result<bool, CommandRefusal> {
    let is_download = matches!(source.location, SourceLocation::Url(_));
    let known = match source.compression {
        _ if source.changes_disk() => None,
        None if matches!(source.location, SourceLocation::Member(_)) => None,
        None => Some(source.checksum.as_ref()),
        Some(_) if is_download => {
            Some(source.download.as_ref().and_then(|details| details.decompressed.as_ref()))
        }
        Some(_) => None,
    };
    let Some(known) = known else {
        let message = format!("the checksum of `{path}` is not known before the build");
        return Err(
            CommandRefusal::new(message).help("check the file before it is unpacked or converted")
        );
    };
    Ok(known.is_none_or(|known| known == checksum))
}
