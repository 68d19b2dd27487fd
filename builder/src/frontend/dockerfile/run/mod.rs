//! A *RUN line* is evaluated, and never executed: a part of the language of `sh`, and commands that
//! change nothing but files, are understood as what they do to the image's tree. So the platform of
//! an image makes no difference, and the result is always the same.

mod access;
mod archive;
mod budget;
mod builtins;
mod commands;
mod compound;
mod content;
mod creation;
mod document;
mod early;
mod error;
mod execute;
mod expand;
mod fault;
mod files;
mod glob;
mod inputs;
mod loops;
mod options;
mod ownership;
mod parameter;
mod pattern;
mod piece;
mod process;
mod read;
mod reader;
mod redirect;
mod removal;
mod script;
mod settings;
mod shell;
mod shell_variables;
mod simple;
mod status;
mod streams;
mod substitution;
mod syntax;
#[cfg(test)]
mod tests;
mod word;

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use crate::frontend::dockerfile::tree::{Accounts, FollowLast, Tree, UMASK, UserIdentity};
use budget::WorkBudget;
use content::Content;
use early::check_script;
use execute::{failure_error, run_words};
use expand::ShellParameters;
use process::Process;
use script::Script;
use settings::{ShellSettings, is_shell};
use shell::Shell;
use status::CommandStatus;

pub use error::RunError;
pub use inputs::{NoInputs, RunInputs};

/// The command of a RUN instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunLine<'a> {
    /// A script for the shell, with its lines joined.
    Shell(&'a str),
    /// A program and its arguments.
    Exec(&'a [String]),
}

/// The environment of a RUN line.
#[derive(Debug, Clone, Copy)]
pub struct RunContext<'a> {
    /// Variables of ENV and ARG.
    pub variables: &'a BTreeMap<String, String>,
    /// Working directory of WORKDIR, absolute; empty means `/`.
    pub directory: &'a str,
    /// Identity of USER.
    pub identity: &'a UserIdentity,
    /// Users and groups of the image.
    pub accounts: &'a Accounts,
    /// Shell of SHELL; empty means `/bin/sh -c`.
    pub shell: &'a [String],
    /// What is read beside the tree.
    pub inputs: &'a dyn RunInputs,
}

/// Changes a tree as a RUN line would, and returns notes for the user.
///
/// Fails if the line is not supported, or if its commands fail; the tree is then left partly
/// changed.
pub fn evaluate_run_line(
    tree: &mut Tree,
    line: RunLine<'_>,
    context: &RunContext<'_>,
) -> Result<Vec<String>, RunError> {
    match line {
        RunLine::Shell(text) => {
            let settings = match context.shell {
                [] => ShellSettings::default(),
                shell => shell_settings(shell, 0..text.len())?,
            };
            evaluate_script(tree, text, settings, context)
        }
        RunLine::Exec([program, options @ .., text]) if is_shell(program) => {
            let shell = [std::slice::from_ref(program), options].concat();
            let script = shell_settings(&shell, 0..0)
                .and_then(|settings| evaluate_script(tree, text, settings, context));
            // The script is not the text that the user wrote.
            script.map_err(|error| RunError { range: 0..0, ..error })
        }
        RunLine::Exec(words) => {
            let mut process = start_process(tree, context, 0..0)?;
            match run_words(&mut process, words, 0..0)? {
                CommandStatus::Success => Ok(process.notes),
                CommandStatus::Failure(said) => Err(failure_error(words, &said, 0..0)),
            }
        }
    }
}

/// Checks what is known of a RUN line without the files it is run on: whether its text is
/// understood, and whether the commands that are run in any case are evaluated.
pub(crate) fn check_run_line(line: RunLine<'_>) -> Result<(), RunError> {
    match line {
        RunLine::Shell(text) => Script::parse(text).and_then(|script| check_script(&script)),
        RunLine::Exec(_) => Ok(()),
    }
}

/// Returns the error for a flag of RUN, such as `--mount`: none has a meaning where nothing is
/// executed.
pub(crate) fn flag_error(flag: &str, range: Range<usize>) -> RunError {
    let name = flag.split('=').next().unwrap_or_default();
    let help = match name {
        "--mount" => "COPY what the command needs, or use `--build-context`",
        _ => "leave it out; nothing is executed",
    };
    let message = format!("RUN is evaluated, not executed; it has no use for `{name}`");
    RunError::new(message, range).help(help)
}

fn shell_settings(shell: &[String], range: Range<usize>) -> Result<ShellSettings, RunError> {
    ShellSettings::from_shell(shell).map_err(|unknown| {
        let what = format!("`{}` of the shell `{}`", unknown.0, shell.join(" "));
        RunError::not_evaluated(&what, range)
            .help("set SHELL [\"/bin/sh\", \"-c\"] in front of the line")
    })
}

fn start_process<'a>(
    tree: &'a mut Tree,
    context: &RunContext<'a>,
    range: Range<usize>,
) -> Result<Process<'a>, RunError> {
    let found = tree.resolve("", context.directory, FollowLast::Yes);
    let directory = found.ok().filter(|found| found.exists).map(|found| found.path);
    let RunContext { accounts, identity, inputs, .. } = *context;
    let Some(directory) = directory else {
        let message = format!("the working directory `{}` does not exist", context.directory);
        return Err(RunError::new(message, range).help("make it with WORKDIR"));
    };
    let (input, output, umask, notes) = (Content::default(), None, UMASK, Vec::new());
    let is_directory_assumed = context.directory.is_empty();
    Ok(Process {
        tree,
        accounts,
        identity,
        directory,
        is_directory_assumed,
        umask,
        input,
        output,
        output_path: None,
        inputs,
        notes,
        budget: Rc::new(WorkBudget::new()),
    })
}

fn evaluate_script(
    tree: &mut Tree,
    text: &str,
    settings: ShellSettings,
    context: &RunContext<'_>,
) -> Result<Vec<String>, RunError> {
    let script = Script::parse(text)?;
    let process = start_process(tree, context, 0..text.len())?;
    let directory = if context.directory.is_empty() { "/" } else { context.directory };
    let parameters = ShellParameters::new(context.variables, directory, Rc::clone(&process.budget));
    Shell::new(process, parameters, settings).run(&script)
}
