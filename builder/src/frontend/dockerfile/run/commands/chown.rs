//! `chown` changes owners.

use super::super::fault::Errno;
use super::super::options::{Arguments, Known, Takes};
use super::super::process::Process;
use super::super::status::{Refusal, Status, missing_operand, quoted};
use super::walk::walk;
use crate::frontend::dockerfile::tree::{Accounts, Follow};

const OPTIONS: &[Known] = &[
    ("R", "recursive", Takes::Nothing),
    ("h", "no-dereference", Takes::Nothing),
    ("v", "verbose", Takes::Nothing),
    ("c", "changes", Takes::Nothing),
    ("f", "silent", Takes::Nothing),
    ("", "quiet", Takes::Nothing),
    ("", "preserve-root", Takes::Nothing),
    ("", "no-preserve-root", Takes::Nothing),
];

/// Whom files are given to; nothing is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Recipient {
    user: Option<u32>,
    group: Option<u32>,
}

pub(super) fn chown(process: &mut Process<'_>, words: &[String]) -> Result<Status, Refusal> {
    let arguments = Arguments::parse("chown", OPTIONS, words)?;
    let (owner, paths) = match arguments.operands.as_slice() {
        [owner, paths @ ..] if !paths.is_empty() => (owner, paths),
        few => return Ok(missing_operand(few)),
    };
    let recipient = match recipient(process.accounts, owner) {
        Ok(recipient) => recipient,
        Err(message) => return Ok(Status::Failure(message)),
    };
    // With -R links are changed and not what they point to.
    let keeps_links = arguments.has("recursive") || arguments.has("no-dereference");
    let follow = if keeps_links { Follow::No } else { Follow::Yes };
    let mut status = Status::default();
    for name in paths {
        let found = process.stat(name, follow);
        let Some(path) = status.take(found, || cannot_find(process, name))? else { continue };
        if !arguments.has("recursive") {
            set(process, (&path, name), recipient, &mut status)?;
            continue;
        }
        if path.is_empty() && arguments.has("preserve-root") {
            status.fail("it is dangerous to operate recursively on '/'");
            continue;
        }
        walk(process, (path, name), &mut status, |process, path, name, status| {
            set(process, (path, name), recipient, status)
        })?;
    }
    Ok(status)
}

fn cannot_find(process: &Process<'_>, name: &str) -> String {
    let is_link = process.stat(name, Follow::No).is_ok();
    let missing = process.stat(name, Follow::Yes) == Err(Errno::NoEntry.into());
    match (is_link, missing) {
        (true, true) => format!("cannot dereference {}", quoted(name)),
        _ => format!("cannot access {}", quoted(name)),
    }
}

fn set(
    process: &mut Process<'_>,
    (path, name): (&str, &str),
    Recipient { user, group }: Recipient,
    status: &mut Status,
) -> Result<(), Refusal> {
    let noun = if user.is_none() && group.is_some() { "group" } else { "ownership" };
    let what = || format!("changing {noun} of {}", quoted(name));
    status.take(process.chown(path, user, group), what)?;
    Ok(())
}

/// Reads `[USER][:[GROUP]]`; `USER:` is the user and his primary group
/// (coreutils manual, "chown invocation").
fn recipient(accounts: &Accounts, text: &str) -> Result<Recipient, String> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let invalid = |what: &str| format!("invalid {what}: {}", quoted(text));
    let named = accounts.user(user);
    let uid = match (user, named) {
        ("", _) => None,
        (_, Some(owner)) => Some(owner.uid),
        (_, None) => Some(number(user).ok_or_else(|| invalid("user"))?),
    };
    let gid = match group {
        None => None,
        Some("") if user.is_empty() => None,
        Some("") => Some(named.ok_or_else(|| invalid("spec"))?.gid),
        Some(group) => {
            let gid = accounts.group(group).or_else(|| number(group));
            Some(gid.ok_or_else(|| invalid("group"))?)
        }
    };
    Ok(Recipient { user: uid, group: gid })
}

fn number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number != u32::MAX)
}
