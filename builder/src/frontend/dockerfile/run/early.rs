//! The *early check* of a script refuses commands that are not evaluated, before there are any files.

use super::error::RunError;
use super::execute::unknown_command_error;
use super::script::{CommandKind, CommandList, ListOperator, Script, ShellCommand, SimpleCommand};
use super::{builtins, commands};

/// Refuses the first command that is not evaluated, among those that are run whatever files there
/// are: the first of each list, and in the last list those after `&&` too, without which the line
/// fails.
pub(super) fn check_script(Script(lists): &Script) -> Result<(), RunError> {
    for (number, CommandList(pipelines)) in lists.iter().enumerate() {
        let is_last = number + 1 == lists.len();
        let is_run = |(join, _): &&(ListOperator, _)| match join {
            ListOperator::First => true,
            ListOperator::And => is_last,
            ListOperator::Or => false,
        };
        for (_, pipeline) in pipelines.iter().take_while(is_run) {
            pipeline.commands.iter().try_for_each(check_command)?;
            if pipeline.commands.iter().any(may_exit) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn check_command(command: &ShellCommand) -> Result<(), RunError> {
    match &command.kind {
        CommandKind::Simple(simple) => check_words(simple, command),
        CommandKind::Group(script) | CommandKind::Subshell(script) => check_script(script),
        CommandKind::If(command) => match command.branches.first() {
            Some((condition, _)) => check_script(condition),
            None => Ok(()),
        },
        CommandKind::While(command) => check_script(&command.condition),
        // They can have nothing to do.
        CommandKind::For(_) | CommandKind::Case(_) => Ok(()),
    }
}

/// Returns whether what follows a command may not be run.
fn may_exit(command: &ShellCommand) -> bool {
    match &command.kind {
        CommandKind::Simple(simple) => {
            simple.words.first().and_then(super::word::ShellWord::literal).as_deref()
                == Some("exit")
        }
        _ => true,
    }
}

fn check_words(simple: &SimpleCommand, command: &ShellCommand) -> Result<(), RunError> {
    let Some(name) = simple.words.first().and_then(super::word::ShellWord::literal) else {
        return Ok(());
    };
    let is_pattern = name.contains(['*', '?', '[']) && name != "[";
    let is_known = name.is_empty() || is_pattern || builtins::is_builtin(&name);
    if is_known || commands::find_command(&name).is_some() {
        return Ok(());
    }
    Err(unknown_command_error(&name, command.range.clone()))
}
