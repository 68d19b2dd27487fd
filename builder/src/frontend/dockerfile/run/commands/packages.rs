//! Package managers: an install of nothing but programs that are evaluated is left out, since
//! none of them is needed in the image.

use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus};

/// Packages of programs that are evaluated, and of what they need.
const TOOLS: [&str; 17] = [
    "bash",
    "bzip2",
    "busybox",
    "ca-certificates",
    "coreutils",
    "curl",
    "gzip",
    "qemu-block-extra",
    "qemu-img",
    "qemu-utils",
    "tar",
    "wget",
    "xz",
    "xz-libs",
    "xz-utils",
    "zstd",
    "zstd-libs",
];

/// Actions that install nothing.
const HARMLESS: [&str; 6] =
    ["update", "clean", "autoclean", "makecache", "check-update", "autoremove"];

/// Options that are followed by a value.
const WITH_VALUE: [&str; 8] =
    ["-o", "-t", "--virtual", "-X", "--repository", "--enablerepo", "--setopt", "--root"];

pub(super) fn install(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let Some((action, packages)) = read_words(words) else {
        return Err(CommandRefusal::new("this use of a package manager is not evaluated"));
    };
    if HARMLESS.contains(&action) {
        return Ok(CommandStatus::Success);
    }
    let removes = matches!(action, "del" | "remove" | "purge" | "erase");
    if !removes && !matches!(action, "install" | "add") {
        let action = action.escape_debug();
        let message = format!("`{action}` of a package manager is not evaluated");
        return Err(CommandRefusal::new(message));
    }
    let is_tool = |package: &&str| {
        let name = package.split(['=', '<', '>', '~']).next().unwrap_or_default();
        TOOLS.contains(&name) || removes && name.starts_with('.')
    };
    if let Some(package) = packages.iter().find(|package| !is_tool(package)) {
        let message = format!("the package `{}` is not installed", package.escape_debug());
        let help = format!(
            "an install of nothing but {} is left out, since what they do is evaluated; take a \
             base image that has other packages",
            TOOLS.join(", ")
        );
        return Err(CommandRefusal::new(message).help(help));
    }
    if !removes && !packages.is_empty() {
        process.notes.push(format!(
            "{} not installed: what the line does with them is evaluated",
            match packages.as_slice() {
                [one] => format!("`{one}` is"),
                packages => format!("`{}` are", packages.join("`, `")),
            }
        ));
    }
    Ok(CommandStatus::Success)
}

/// Separates the action and the packages from options.
fn read_words(words: &[String]) -> Option<(&str, Vec<&str>)> {
    let (mut action, mut packages) = (None, Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next()?;
        } else if !word.starts_with('-') {
            match action {
                None => action = Some(word),
                Some(_) => packages.push(word),
            }
        }
    }
    Some((action?, packages))
}
