//! `test` and `[` compare texts and numbers, and ask about files.

use super::super::access::{EXECUTE, READ, WRITE};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus};
use crate::frontend::dockerfile::tree::{FollowLast, TreeNode, TreeNodeKind};

pub(super) fn bracket(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    match words {
        [words @ .., last] if last == "]" => test(process, words),
        _ => Ok(CommandStatus::Failure("missing ]".into())),
    }
}

pub(super) fn test(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(if evaluate(process, &words)? {
        CommandStatus::Success
    } else {
        CommandStatus::Failure(String::new())
    })
}

/// Evaluates up to three words, and `!` in front of them (POSIX.1-2017, `test`).
fn evaluate(process: &Process<'_>, words: &[&str]) -> Result<bool, CommandRefusal> {
    match words {
        [] => Ok(false),
        [text] | ["-n", text] => Ok(!text.is_empty()),
        [one, operator, other] if is_binary(operator) => compare(one, operator, other),
        ["!", rest @ ..] => evaluate(process, rest).map(|result| !result),
        ["-z", text] => Ok(text.is_empty()),
        [operator, path] => file_test(process, operator, path),
        _ => Err(CommandRefusal::new("`test` is evaluated with one condition; use `&&` and `||`")),
    }
}

fn is_binary(operator: &str) -> bool {
    ["=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"].contains(&operator)
}

fn compare(one: &str, operator: &str, other: &str) -> Result<bool, CommandRefusal> {
    match operator {
        "=" => return Ok(one == other),
        "!=" => return Ok(one != other),
        "==" => {
            return Err(
                CommandRefusal::new("`==` of `test` is not known to all shells").help("write `=`")
            );
        }
        _ => {}
    }
    let number = |text: &str| {
        text.trim().parse::<i64>().map_err(|_| {
            CommandRefusal::new(format!("`test` compares `{}` as a number", text.escape_debug()))
        })
    };
    let (one, other) = (number(one)?, number(other)?);
    Ok(match operator {
        "-eq" => one == other,
        "-ne" => one != other,
        "-lt" => one < other,
        "-le" => one <= other,
        "-gt" => one > other,
        _ => one >= other,
    })
}

fn file_test(process: &Process<'_>, operator: &str, path: &str) -> Result<bool, CommandRefusal> {
    let last = if matches!(operator, "-h" | "-L") { FollowLast::No } else { FollowLast::Yes };
    let node = process.node(path, last).ok().map(|(_, node)| node);
    if node.is_none() {
        process.tree.use_base();
    }
    let is = |check: &dyn Fn(&TreeNode) -> bool| node.as_ref().is_some_and(check);
    let may = |access| is(&|node: &TreeNode| process.identity.check_access(node, access).is_ok());
    Ok(match operator {
        "-e" => node.is_some(),
        "-f" => is(&|node| matches!(node.kind, TreeNodeKind::File(_))),
        "-d" => is(&|node| node.kind == TreeNodeKind::Directory),
        "-h" | "-L" => is(&|node| matches!(node.kind, TreeNodeKind::Symlink(_))),
        "-r" => may(READ),
        "-w" => may(WRITE),
        "-x" if process.identity.is_root() => {
            is(&|node| node.kind == TreeNodeKind::Directory || node.mode & 0o111 != 0)
        }
        "-x" => may(EXECUTE),
        "-s" => match node.map(|node| node.kind) {
            Some(TreeNodeKind::File(file)) => {
                let unknown = || {
                    let message = format!("the size of `{path}` is not known before the build");
                    CommandRefusal::new(message)
                };
                file.size.ok_or_else(unknown)? > 0
            }
            Some(_) => true,
            None => false,
        },
        _ => {
            let message = format!("`{}` of `test` is not evaluated", operator.escape_debug());
            return Err(CommandRefusal::new(message));
        }
    })
}
