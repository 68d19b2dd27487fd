//! `diskette completions`, and the *completion* of words: the script of a shell asks this program.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Args, Command, CommandFactory as _};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};
use diskette_builder::cluster::contract::all_rules;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::images::Images as _;

use super::Arguments;
use crate::error::{CommandError, cannot};
use crate::images::open_layout;
use crate::ui::Ui;

/// Print a completion script for a shell.
///
/// The script asks diskette for options, files, kinds, platforms, rules, and the tags of layouts. For
/// example: diskette completions bash > ~/.local/share/bash-completion/completions/diskette
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Name of the shell
    shell: Shell,
}

/// Name of the program in scripts.
const PROGRAM: &str = "diskette";

/// Variable with the name of the shell that asks for completions.
const VARIABLE: &str = "_DISKETTE_COMPLETE";

/// Platforms that are offered; others are accepted.
const PLATFORMS: [&str; 6] =
    ["linux/amd64", "linux/arm64", "linux/s390x", "linux/ppc64le", "linux/riscv64", "linux/arm/v7"];

/// Bash splits words at colons, which names of images have: they are joined again, and what is before
/// the last colon is left off from the candidates.
const BASH_COLONS: &str = r#"
_diskette() {
    local words=() word i cword=0
    for i in "${!COMP_WORDS[@]}"; do
        word=${COMP_WORDS[i]}
        if (( i > 0 )) && [[ ${word:0:1} == : || ${words[-1]: -1} == : ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        if (( i == COMP_CWORD )); then cword=$(( ${#words[@]} - 1 )); fi
    done
    local current=${words[cword]}
    COMP_WORDS=("${words[@]}")
    COMP_CWORD=$cword
    _clap_complete_diskette "$1" "$current" "${words[cword - 1]}"
    if [[ $COMP_WORDBREAKS == *:* ]]; then
        local before=${current%"${current##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}
complete -o bashdefault -o nospace -F _diskette diskette
"#;

pub(crate) fn run(arguments: &CompletionsArguments, ui: &Ui) -> Result<(), CommandError> {
    let shells = Shells::builtins();
    let name = arguments.shell.to_string();
    let mut script = Vec::new();
    if let Some(shell) = shells.completer(&name) {
        let written = shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
        written.map_err(cannot("write", "the script"))?;
    }
    if arguments.shell == Shell::Bash {
        script.extend_from_slice(BASH_COLONS.as_bytes());
    }
    Ok(ui.print_result(&script)?)
}

/// Prints completions and ends the process, if a shell asks for them.
pub(crate) fn complete_words() {
    CompleteEnv::with_factory(completed_command).var(VARIABLE).bin(PROGRAM).complete();
}

/// Returns the command line with what completes its values.
fn completed_command() -> Command {
    Arguments::command().mut_args(completed_argument).mut_subcommands(completed_subcommand)
}

fn completed_subcommand(command: Command) -> Command {
    command.mut_args(completed_argument).mut_subcommands(completed_subcommand)
}

fn completed_argument(argument: Arg) -> Arg {
    let names = argument.get_value_names().unwrap_or_default();
    let name = names.first().map_or("", |name| name.as_str());
    let completer = match name {
        "IMAGE" | "SRC" | "DST" | "SOURCE" | "DEST" | "LAYOUT" | "REF" => complete_image,
        "RULE" => complete_rule,
        "FILE|DIR" | "DISK|CONTEXT" | "PATH" => complete_path,
        _ if argument.get_id() == "platform" => complete_platform,
        _ => return argument,
    };
    argument.add(ArgValueCompleter::new(completer))
}

fn complete_path(current: &OsStr) -> Vec<CompletionCandidate> {
    PathCompleter::any().complete(current)
}

fn complete_platform(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    // Of a list, the last item is completed.
    let (before, last) = current
        .rsplit_once(',')
        .map_or(("", &*current), |(before, last)| (&current[..=before.len()], last));
    let host = Platform::host().to_string();
    let all = std::iter::once(host.as_str()).chain(PLATFORMS.into_iter().filter(|it| *it != host));
    let fitting = all.filter(|platform| platform.starts_with(last));
    fitting.map(|platform| CompletionCandidate::new(format!("{before}{platform}"))).collect()
}

fn complete_rule(current: &OsStr) -> Vec<CompletionCandidate> {
    let ids = all_rules().map(|rule| rule.id);
    let fitting = ids.filter(|id| id.starts_with(&*current.to_string_lossy()));
    fitting.map(CompletionCandidate::new).collect()
}

/// Completes a path, also after a scheme, or a tag of a layout.
fn complete_image(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(text) = current.to_str() else { return complete_path(current) };
    let schemes = ["oci:", "oci-archive:", "docker-archive:"];
    let Some(scheme) = schemes.into_iter().find(|scheme| text.starts_with(scheme)) else {
        let schemes =
            schemes.into_iter().filter(|scheme| !text.is_empty() && scheme.starts_with(text));
        let schemes = schemes.map(CompletionCandidate::new);
        return complete_path(current).into_iter().chain(schemes).collect();
    };
    let rest = &text[scheme.len()..];
    if let Some((path, tag)) = rest.rsplit_once(':') {
        let tags = layout_tags(Path::new(path));
        let fitting = tags.into_iter().filter(|it| it.starts_with(tag));
        return fitting
            .map(|it| CompletionCandidate::new(format!("{scheme}{path}:{it}")))
            .collect();
    }
    let with_scheme = |candidate: CompletionCandidate| {
        let mut value = OsString::from(scheme);
        value.push(candidate.get_value());
        CompletionCandidate::new(value)
    };
    complete_path(OsStr::new(rest)).into_iter().map(with_scheme).collect()
}

/// Returns the tags of a layout; none if it cannot be read.
fn layout_tags(path: &Path) -> Vec<String> {
    let tags = open_layout(path).ok().and_then(|images| images.tags().ok());
    let images = tags.unwrap_or_default().into_iter().filter(|tag| !tag.is_of_attachments());
    images.map(|tag| tag.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_completed() {
        let check = |found: Vec<CompletionCandidate>, expected: &[&str]| {
            let found: Vec<_> =
                found.iter().map(|it| it.get_value().to_string_lossy().into_owned()).collect();
            assert_eq!(found, expected);
        };
        let platform = |text: &str| complete_platform(OsStr::new(text));
        check(platform("linux/s"), &["linux/s390x"]);
        check(platform("linux/arm64,linux/p"), &["linux/arm64,linux/ppc64le"]);
        check(complete_rule(OsStr::new("disk-bl")), &["disk-blank"]);
        check(complete_image(OsStr::new("docker-a")), &["docker-archive:"]);
        check(complete_image(OsStr::new("oci:src/mai")), &["oci:src/main.rs"]);
        check(complete_image(OsStr::new("oci:nowhere:")), &[]);
    }
}
