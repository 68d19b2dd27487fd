//! `truncate` sets the length of a file, `dd` copies a whole one.

use super::super::content::{Content, TEXT_MAX};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, quoted};

const OPTIONS: &[KnownOption] =
    &[("s", "size", OptionValue::Value), ("c", "no-create", OptionValue::Nothing)];

pub(super) fn truncate(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("truncate", OPTIONS, words)?;
    let Some(text) = arguments.value("size") else {
        return Ok(CommandStatus::Failure(
            "you must specify either '--size' or '--reference'".into(),
        ));
    };
    let Some(size) = parse_size(text) else {
        return Err(CommandRefusal::new(format!(
            "the size `{text}` of `truncate` is not evaluated"
        )));
    };
    if arguments.operands.is_empty() {
        return Ok(CommandStatus::Failure("missing file operand".into()));
    }
    let mut status = CommandStatus::default();
    for path in &arguments.operands {
        if arguments.has("no-create") && !process.exists(path) {
            continue;
        }
        let what = || format!("cannot open {} for writing", quoted(path));
        if status.record(process.create(path), what)?.is_none() {
            continue;
        }
        let Some(content) = status.record(process.read(path), what)? else { continue };
        let content = resized(content, size, path, process)?;
        status.record(process.write(path, content), what)?;
    }
    Ok(status)
}

fn resized(
    content: Content,
    size: u64,
    path: &str,
    process: &Process<'_>,
) -> Result<Content, CommandRefusal> {
    if let Content::Source(_, Some(own)) = &content
        && *own == size
    {
        return Ok(content);
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size == 0 {
        return Ok(Content::default());
    }
    let text = content.text(process.inputs).filter(|_| size <= TEXT_MAX);
    let Some(mut text) = text else {
        let message = format!("`truncate` of `{path}` is evaluated for small files only");
        return Err(CommandRefusal::new(message)
            .help("make the disk outside of the build, and COPY it; a sparse file is read fast"));
    };
    text.resize(size, 0);
    Ok(Content::Text(text))
}

/// Parses a size like `10G`, in bytes; one that depends on the old size is `None`.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" | "KiB" | "k" => 1 << 10,
        "M" | "MiB" | "m" => 1 << 20,
        "G" | "GiB" | "g" => 1 << 30,
        "T" | "TiB" | "t" => 1 << 40,
        "KB" | "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

pub(super) fn dd(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let (mut from, mut to, mut is_kept) = (None, None, false);
    for word in words {
        let refused = || CommandRefusal::new(format!("`{word}` of `dd` is not evaluated"));
        let (name, value) = word.split_once('=').ok_or_else(refused)?;
        match name {
            "if" => from = Some(value),
            "of" => to = Some(value),
            "bs" | "ibs" | "obs" | "status" | "iflag" | "oflag" => {}
            "conv" => {
                for conversion in value.split(',') {
                    match conversion {
                        "notrunc" => is_kept = true,
                        "fsync" | "fdatasync" | "sparse" | "noerror" => {}
                        _ => return Err(refused()),
                    }
                }
            }
            _ => return Err(refused()),
        }
    }
    let mut status = CommandStatus::default();
    let content = match from {
        None => Some(std::mem::take(&mut process.input)),
        Some(path) => {
            status.record(process.read(path), || format!("failed to open {}", quoted(path)))?
        }
    };
    let Some(content) = content else { return Ok(status) };
    match to {
        None => process.print(content)?,
        Some(path) if is_kept && process.exists(path) => {
            return Err(CommandRefusal::new(
                "`dd conv=notrunc` on a file that exists is not evaluated",
            ));
        }
        Some(path) => {
            let what = || format!("failed to open {}", quoted(path));
            status.record(process.write(path, content), what)?;
        }
    }
    Ok(status)
}
