//! `touch` makes empty files. The times of a layer's entries are all the same, so of files that
//! are there nothing changes.

use super::super::fault::{Errno, Fault};
use super::super::options::{Arguments, Known, Takes};
use super::super::process::Process;
use super::super::status::{Refusal, Status, quoted};

const OPTIONS: &[Known] = &[
    ("c", "no-create", Takes::Nothing),
    ("a", "access", Takes::Nothing),
    ("m", "modification", Takes::Nothing),
];

pub(super) fn touch(process: &mut Process<'_>, words: &[String]) -> Result<Status, Refusal> {
    let arguments = Arguments::parse("touch", OPTIONS, words)?;
    if arguments.operands.is_empty() {
        return Ok(Status::Failure("missing file operand".into()));
    }
    let mut status = Status::default();
    // `-` is standard output.
    for path in arguments.operands.iter().filter(|path| *path != "-") {
        let opened = if arguments.has("no-create") { Ok(()) } else { process.create(path) };
        if let Err(Fault::Refused(_)) = opened {
            status.take(opened, String::new)?;
            continue;
        }
        let times = process.may_set_times(path);
        if times.is_ok() || arguments.has("no-create") && times == Err(Errno::NoEntry.into()) {
            continue;
        }
        match opened {
            Err(fault) if fault != Errno::IsDirectory.into() => {
                status.take(Err::<(), _>(fault), || format!("cannot touch {}", quoted(path)))?;
            }
            _ => {
                status.take(times, || format!("setting times of {}", quoted(path)))?;
            }
        }
    }
    Ok(status)
}
