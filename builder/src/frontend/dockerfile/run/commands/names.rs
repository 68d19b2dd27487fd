//! Commands that print names: of directories, files, and the machine.

use super::super::content::Content;
use super::super::process::{Process, last_part};
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::frontend::dockerfile::tree::FollowLast;

type CommandResult = Result<CommandStatus, CommandRefusal>;

pub(super) fn basename(process: &mut Process<'_>, words: &[String]) -> CommandResult {
    let (path, suffix) = match words {
        [path] => (path, ""),
        [path, suffix] => (path, suffix.as_str()),
        _ => return Err(CommandRefusal::new("`basename` is evaluated with one path")),
    };
    if path.starts_with('-') {
        return Err(CommandRefusal::new("options of `basename` are not evaluated"));
    }
    let name = match last_part(path) {
        "" if path.starts_with('/') => "/",
        name => name.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(name),
    };
    print_line(process, name)
}

pub(super) fn dirname(process: &mut Process<'_>, words: &[String]) -> CommandResult {
    let [path] = words else {
        return Err(CommandRefusal::new("`dirname` is evaluated with one path"));
    };
    if path.starts_with('-') {
        return Err(CommandRefusal::new("options of `dirname` are not evaluated"));
    }
    let parent = match path.trim_end_matches('/').rsplit_once('/') {
        Some((parent, _)) => match parent.trim_end_matches('/') {
            "" => "/",
            parent => parent,
        },
        None if path.starts_with('/') => "/",
        None => ".",
    };
    print_line(process, parent)
}

/// Prints the machine of the image's platform, as Linux names it.
pub(super) fn uname(process: &mut Process<'_>, words: &[String]) -> CommandResult {
    let text = match words {
        [option] if option == "-m" || option == "--machine" => machine(process)?,
        [option] if option == "-s" || option == "--kernel-name" => "Linux".to_owned(),
        [] => "Linux".to_owned(),
        _ => return Err(CommandRefusal::new("`uname` is evaluated with `-m` or `-s` only")),
    };
    print_line(process, &text)
}

pub(super) fn arch(process: &mut Process<'_>, words: &[String]) -> CommandResult {
    if !words.is_empty() {
        return Err(CommandRefusal::new("options of `arch` are not evaluated"));
    }
    let machine = machine(process)?;
    print_line(process, &machine)
}

/// Prints the name that Debian has for the image's platform.
pub(super) fn dpkg(process: &mut Process<'_>, words: &[String]) -> CommandResult {
    let architecture = platform(process)?;
    let name = match (words, architecture.as_str()) {
        ([option], name) if option == "--print-architecture" => match name {
            "amd64" | "arm64" | "s390x" | "riscv64" => name.to_owned(),
            "ppc64le" => "ppc64el".to_owned(),
            "386" => "i386".to_owned(),
            "arm" => "armhf".to_owned(),
            name => {
                return Err(CommandRefusal::new(format!(
                    "Debian's name for `{name}` is not known"
                )));
            }
        },
        _ => {
            return Err(CommandRefusal::new(
                "`dpkg` is evaluated with `--print-architecture` only",
            ));
        }
    };
    print_line(process, &name)
}

fn machine(process: &Process<'_>) -> Result<String, CommandRefusal> {
    Ok(match platform(process)?.as_str() {
        "amd64" => "x86_64".to_owned(),
        "arm64" => "aarch64".to_owned(),
        "arm" => "armv7l".to_owned(),
        "386" => "i686".to_owned(),
        same => same.to_owned(),
    })
}

fn platform(process: &Process<'_>) -> Result<String, CommandRefusal> {
    let platform = process.inputs.platform().map(|platform| platform.architecture.clone());
    platform.ok_or_else(|| CommandRefusal::new("the platform is not known"))
}

/// Checks that files exist: `ls` and `stat`, whose output is not evaluated.
pub(super) fn look_at(process: &mut Process<'_>, words: &[String]) -> CommandResult {
    let mut status = CommandStatus::default();
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    for (at, path) in words.iter().enumerate() {
        if at == end || at < end && path.starts_with('-') && path != "-" {
            continue;
        }
        let found = process.stat(path, FollowLast::No);
        status.record(found, || format!("cannot access {}", escaped(path)))?;
    }
    Ok(status)
}

fn print_line(process: &mut Process<'_>, text: &str) -> CommandResult {
    process.print(Content::Text(format!("{text}\n").into_bytes()))?;
    Ok(CommandStatus::Success)
}
