//! A *command* does what the program of the same name in GNU coreutils does, on a tree.

mod chmod;
mod chown;
mod ln;
mod mkdir;
mod rm;
mod touch;
mod walk;

use super::process::Process;
use super::status::{CommandRefusal, CommandStatus};

/// The implementation of a command; it receives the arguments without the command's name.
type CommandFunction = fn(&mut Process<'_>, &[String]) -> Result<CommandStatus, CommandRefusal>;

/// Finds a command by its name, or by the path of its program.
pub(super) fn find_command(name: &str) -> Option<CommandFunction> {
    let program = ["/bin/", "/usr/bin/"].iter().find_map(|dir| name.strip_prefix(dir));
    Some(match program.unwrap_or(name) {
        "mkdir" => mkdir::mkdir,
        "ln" => ln::ln,
        "chmod" => chmod::chmod,
        "chown" => chown::chown,
        "touch" => touch::touch,
        "rm" => rm::rm,
        "rmdir" => rm::rmdir,
        "true" => |_, _| Ok(CommandStatus::Success),
        "false" => |_, _| Ok(CommandStatus::Failure(String::new())),
        ":" if program.is_none() => |_, _| Ok(CommandStatus::Success),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::error::COMMANDS;
    use super::*;

    #[test]
    fn what_errors_speak_of_is_there() {
        assert!(COMMANDS.iter().all(|name| find_command(name).is_some()));
    }
}
