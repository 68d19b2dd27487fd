//! `qemu-img` converts and resizes disks. Both are part of the recipe of the file, and done while the
//! layer is made.

use super::super::content::Content;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, quoted};
use crate::disk::DiskSize;
use crate::disk::convert::{ClusterCompression, Conversion};
use crate::engine::source::SequentialSource;
use crate::recipe::SourceRecipe;

const CONVERT_OPTIONS: &[KnownOption] = &[
    ("f", "", OptionValue::Value),
    ("O", "output-format", OptionValue::Value),
    ("o", "options", OptionValue::Value),
    ("c", "compress", OptionValue::Nothing),
    ("p", "progress", OptionValue::Nothing),
    ("q", "quiet", OptionValue::Nothing),
    ("W", "out-of-order", OptionValue::Nothing),
    ("m", "coroutines", OptionValue::Value),
    ("t", "cache", OptionValue::Value),
    ("T", "source-cache", OptionValue::Value),
    ("S", "sparse", OptionValue::Value),
];

const INFO_OPTIONS: &[KnownOption] = &[
    ("f", "", OptionValue::Value),
    ("U", "force-share", OptionValue::Nothing),
    ("", "output", OptionValue::Value),
    ("", "backing-chain", OptionValue::Nothing),
];

const RESIZE_OPTIONS: &[KnownOption] =
    &[("f", "", OptionValue::Value), ("q", "quiet", OptionValue::Nothing)];

/// Options of a qcow2 that do not change what is written.
const DEFAULTS: [&str; 9] = [
    "compat=1.1",
    "compat=v3",
    "cluster_size=65536",
    "cluster_size=64k",
    "cluster_size=64K",
    "preallocation=off",
    "lazy_refcounts=off",
    "refcount_bits=16",
    "encryption=off",
];

pub(super) fn qemu_img(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    match words {
        [action, words @ ..] if action == "convert" => convert(process, words),
        [action, words @ ..] if action == "info" => info(process, words),
        [action, words @ ..] if action == "resize" => resize(process, words),
        [action, ..] => {
            let action = action.escape_debug();
            Err(CommandRefusal::new(format!("`qemu-img {action}` is not evaluated")))
        }
        [] => Ok(CommandStatus::Failure("Not enough arguments".into())),
    }
}

/// Checks that a file exists; what is printed is of no use for an image.
fn info(process: &Process<'_>, words: &[String]) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("qemu-img info", INFO_OPTIONS, words)?;
    let mut status = CommandStatus::default();
    for path in &arguments.operands {
        status.record(process.read(path), || format!("Could not open {}", quoted(path)))?;
    }
    Ok(status)
}

fn convert(process: &mut Process<'_>, words: &[String]) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("qemu-img convert", CONVERT_OPTIONS, words)?;
    let [from, to] = arguments.operands.as_slice() else {
        return Err(CommandRefusal::new(
            "`qemu-img convert` is evaluated with one disk and one target",
        ));
    };
    let conversion = requested_conversion(&arguments)?;
    let mut status = CommandStatus::default();
    let Some(mut source) = read_disk(process, "convert", from, &mut status)? else {
        return Ok(status);
    };
    // A disk that is converted twice is the same disk.
    source.convert = Some(conversion);
    let what = || format!("{}: error while converting", to.escape_debug());
    status.record(process.write(to, Content::Source(source, None)), what)?;
    Ok(status)
}

/// Returns the source of a disk, which has to be readable in any order.
fn read_disk(
    process: &mut Process<'_>,
    action: &str,
    path: &str,
    status: &mut CommandStatus,
) -> Result<Option<Box<SourceRecipe>>, CommandRefusal> {
    let what = || format!("Could not open {}", quoted(path));
    let Some(content) = status.record(process.read(path), what)? else { return Ok(None) };
    let Content::Source(source, _) = content else {
        return Err(CommandRefusal::new(format!("`{path}` is a text and no disk")));
    };
    if let Some(sequential) = SequentialSource::find(&source) {
        let message =
            format!("`qemu-img {action}` reads a disk in any order, and `{path}` is {sequential}");
        return Err(CommandRefusal::new(message)
            .help("download and decompress the disk before the build, and COPY it"));
    }
    Ok(Some(source))
}

/// Sets the size of a disk. That it is not smaller than before is checked when the disk is read.
fn resize(process: &mut Process<'_>, words: &[String]) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("qemu-img resize", RESIZE_OPTIONS, words)?;
    let [path, text] = arguments.operands.as_slice() else {
        let message = "`qemu-img resize` is evaluated with one disk and one size";
        return Err(CommandRefusal::new(message));
    };
    let size = parse_size(text).ok_or_else(|| {
        let message = format!("`{}` is not a size that a disk can get", text.escape_debug());
        CommandRefusal::new(message).help("write a number and a unit, `20G` or `+10G`")
    })?;
    let mut status = CommandStatus::default();
    let Some(mut source) = read_disk(process, "resize", path, &mut status)? else {
        return Ok(status);
    };
    let size = match (source.disk_size(), size) {
        (Some(DiskSize::Total(before)), DiskSize::Added(more)) => {
            DiskSize::Total(before.saturating_add(more))
        }
        (Some(DiskSize::Added(before)), DiskSize::Added(more)) => {
            DiskSize::Added(before.saturating_add(more))
        }
        (Some(DiskSize::Total(before)), DiskSize::Total(size)) if size < before => {
            let message = format!("`{path}` would get smaller, which `qemu-img resize` refuses");
            return Err(CommandRefusal::new(message));
        }
        (_, size) => size,
    };
    source.set_disk_size(size);
    let what = || format!("Could not resize {}", quoted(path));
    status.record(process.write(path, Content::Source(source, None)), what)?;
    Ok(status)
}

/// Parses a size as `qemu-img` does: units are powers of 1024. Returns `None` for less than before.
fn parse_size(text: &str) -> Option<DiskSize> {
    let (number, is_added) = text.strip_prefix('+').map_or((text, false), |number| (number, true));
    let digits = number.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &number[digits.len()..] {
        "" | "b" | "B" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = digits.parse::<u64>().ok().filter(|_| is_plain)?.checked_mul(1 << shift)?;
    Some(if is_added { DiskSize::Added(bytes) } else { DiskSize::Total(bytes) })
}

/// Returns the conversion that the options ask for.
fn requested_conversion(arguments: &CommandArguments) -> Result<Conversion, CommandRefusal> {
    let is_compressed = arguments.has("compress");
    let mut compression = ClusterCompression::Zlib;
    for option in arguments.value("options").unwrap_or_default().split(',') {
        match option {
            "" => {}
            "compression_type=zstd" => compression = ClusterCompression::Zstd,
            "compression_type=zlib" => compression = ClusterCompression::Zlib,
            option if DEFAULTS.contains(&option) => {}
            option => {
                let message = format!("`-o {option}` of `qemu-img convert` is not evaluated");
                return Err(CommandRefusal::new(message));
            }
        }
    }
    match arguments.value("output-format").unwrap_or("raw") {
        "raw" if is_compressed => {
            Err(CommandRefusal::new("a raw disk cannot be compressed by `qemu-img convert -c`"))
        }
        "raw" => Ok(Conversion::Raw),
        "qcow2" if is_compressed => Ok(Conversion::Qcow2(compression)),
        "qcow2" => Ok(Conversion::Qcow2(ClusterCompression::None)),
        format => {
            let message = format!("`qemu-img convert` to `{format}` is not evaluated");
            Err(CommandRefusal::new(message).help("convert to `qcow2` or `raw`"))
        }
    }
}
