//! `qemu-img` converts disks. A conversion is part of the recipe of the file, and done while the
//! layer is made.

use super::super::content::Content;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, quoted};
use crate::disk::convert::{ClusterCompression, Conversion};
use crate::engine::source::SequentialSource;

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
        [action, ..] if action == "resize" => {
            let message = "`qemu-img resize` is not evaluated: a disk keeps its size";
            Err(CommandRefusal::new(message)
                .help("resize the disk before the build, or let a DataVolume of CDI ask for more"))
        }
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
    let what = || format!("Could not open {}", quoted(from));
    let Some(content) = status.record(process.read(from), what)? else { return Ok(status) };
    let Content::Source(mut source, _) = content else {
        return Err(CommandRefusal::new(format!("`{from}` is a text and no disk")));
    };
    if let Some(sequential) = SequentialSource::find(&source) {
        let message =
            format!("`qemu-img convert` reads a disk in any order, and `{from}` is {sequential}");
        return Err(CommandRefusal::new(message)
            .help("download and decompress the disk before the build, and COPY it"));
    }
    // A disk that is converted twice is the same disk.
    source.convert = Some(conversion);
    let what = || format!("{}: error while converting", to.escape_debug());
    status.record(process.write(to, Content::Source(source, None)), what)?;
    Ok(status)
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
