//! `touch` makes empty files. The times of a layer's entries are all the same, so existing files do
//! not change.

use super::super::fault::{Errno, ProcessFault};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, quoted};
use crate::frontend::dockerfile::tree::FollowLast;

const OPTIONS: &[KnownOption] = &[
    ("c", "no-create", OptionValue::Nothing),
    ("a", "access", OptionValue::Nothing),
    ("m", "modification", OptionValue::Nothing),
    ("t", "", OptionValue::Value),
    ("d", "date", OptionValue::Value),
    ("r", "reference", OptionValue::Value),
];

pub(super) fn touch(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("touch", OPTIONS, words)?;
    if arguments.operands.is_empty() {
        return Ok(CommandStatus::Failure("missing file operand".into()));
    }
    let mut status = CommandStatus::default();
    if let Some(path) = arguments.value("reference")
        && status.record(process.stat(path, FollowLast::Yes), || failed(path))?.is_none()
    {
        return Ok(status);
    }
    // `-` is standard output.
    for path in arguments.operands.iter().filter(|path| *path != "-") {
        let opened = if arguments.has("no-create") { Ok(()) } else { process.create(path) };
        if let Err(ProcessFault::Refused(_)) = opened {
            status.record(opened, String::new)?;
            continue;
        }
        let times = process.may_set_times(path);
        if times.is_ok() || arguments.has("no-create") && times == Err(Errno::NoEntry.into()) {
            continue;
        }
        match opened {
            Err(fault) if fault != Errno::IsDirectory.into() => {
                status.record(Err::<(), _>(fault), || format!("cannot touch {}", quoted(path)))?;
            }
            _ => {
                status.record(times, || format!("setting times of {}", quoted(path)))?;
            }
        }
    }
    Ok(status)
}

fn failed(path: &str) -> String {
    format!("failed to get attributes of {}", quoted(path))
}
