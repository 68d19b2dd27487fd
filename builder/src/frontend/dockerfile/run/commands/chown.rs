//! `chown` changes owners.

use super::super::fault::Errno;
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, missing_operand, quoted};
use super::walk::walk;
use crate::frontend::dockerfile::tree::{Accounts, FollowLast};

const OPTIONS: &[KnownOption] = &[
    ("R", "recursive", OptionValue::Nothing),
    ("h", "no-dereference", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("c", "changes", OptionValue::Nothing),
    ("f", "silent", OptionValue::Nothing),
    ("", "quiet", OptionValue::Nothing),
    ("", "preserve-root", OptionValue::Nothing),
    ("", "no-preserve-root", OptionValue::Nothing),
];

/// The new owner of files; `None` leaves the user or group unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recipient {
    user: Option<u32>,
    group: Option<u32>,
}

pub(super) fn chown(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("chown", OPTIONS, words)?;
    let (owner, paths) = match arguments.operands.as_slice() {
        [owner, paths @ ..] if !paths.is_empty() => (owner, paths),
        few => return Ok(missing_operand(few)),
    };
    let recipient = match parse_recipient(process.accounts, owner) {
        Ok(recipient) => recipient,
        Err(message) => return Ok(CommandStatus::Failure(message)),
    };
    // With -R links are changed and not what they point to.
    let keeps_links = arguments.has("recursive") || arguments.has("no-dereference");
    let follow = if keeps_links { FollowLast::No } else { FollowLast::Yes };
    let mut status = CommandStatus::default();
    for name in paths {
        let found = process.stat(name, follow);
        let Some(path) = status.record(found, || not_found_message(process, name))? else {
            continue;
        };
        if !arguments.has("recursive") {
            set_owner(process, (&path, name), recipient, &mut status)?;
            continue;
        }
        if path.is_empty() && arguments.has("preserve-root") {
            status.fail("it is dangerous to operate recursively on '/'");
            continue;
        }
        walk(process, (path, name), &mut status, |process, path, name, status| {
            set_owner(process, (path, name), recipient, status)
        })?;
    }
    Ok(status)
}

fn not_found_message(process: &Process<'_>, name: &str) -> String {
    let is_link = process.stat(name, FollowLast::No).is_ok();
    let missing = process.stat(name, FollowLast::Yes) == Err(Errno::NoEntry.into());
    match (is_link, missing) {
        (true, true) => format!("cannot dereference {}", quoted(name)),
        _ => format!("cannot access {}", quoted(name)),
    }
}

fn set_owner(
    process: &mut Process<'_>,
    (path, name): (&str, &str),
    Recipient { user, group }: Recipient,
    status: &mut CommandStatus,
) -> Result<(), CommandRefusal> {
    let noun = if user.is_none() && group.is_some() { "group" } else { "ownership" };
    let what = || format!("changing {noun} of {}", quoted(name));
    status.record(process.chown(path, user, group), what)?;
    Ok(())
}

/// Reads `[USER][:[GROUP]]`; `USER:` is the user with the user's primary group (coreutils manual,
/// "chown invocation").
fn parse_recipient(accounts: &Accounts, text: &str) -> Result<Recipient, String> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let invalid = |what: &str| format!("invalid {what}: {}", quoted(text));
    let named = accounts.find_user(user);
    let uid = match (user, named) {
        ("", _) => None,
        (_, Some(owner)) => Some(owner.uid),
        (_, None) => Some(parse_id(user).ok_or_else(|| invalid("user"))?),
    };
    let gid = match group {
        None => None,
        Some("") if user.is_empty() => None,
        Some("") => Some(named.ok_or_else(|| invalid("spec"))?.gid),
        Some(group) => {
            let gid = accounts.find_group(group).or_else(|| parse_id(group));
            Some(gid.ok_or_else(|| invalid("group"))?)
        }
    };
    Ok(Recipient { user: uid, group: gid })
}

fn parse_id(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number != u32::MAX)
}
