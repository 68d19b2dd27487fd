//! *Paths* and names of files in the image, as a spec writes them.

use super::located::LocatedText;
use crate::cluster::contract::placement_conflict;
use crate::oci::image::whiteout;
use crate::recipe::NAME_MAX;
use crate::recipe::diagnostic::Diagnostic;

/// Returns the path in its layer of a file that an absolute path names.
pub(super) fn check_plain_path(text: &LocatedText) -> Result<&str, Diagnostic> {
    let written = text.value.as_str();
    let wrong = |message: String| Diagnostic::new(message).at(text.span.clone());
    let Some(path) = written.strip_prefix('/') else {
        let problem = wrong(format!("`{}` is not an absolute path", written.escape_debug()));
        return Err(problem.help(format!("begin it with a slash: `/{}`", written.escape_debug())));
    };
    for part in path.split('/') {
        if let Err(reason) = check_file_name(part) {
            let written = written.escape_debug();
            let problem = match part {
                "" | "." | ".." => wrong(format!("`{written}` is not a plain path of a file")),
                _ => wrong(format!("`{}` is not a file name: {reason}", part.escape_debug())),
            };
            return Err(problem.help(
                "write it like `/boot/vmlinuz`: no `.`, no `..`, no slash doubled or at the end",
            ));
        }
    }
    if let Some(reason) = placement_conflict(path) {
        return Err(wrong(format!("no file can have the path `{written}`"))
            .help(format!("{reason}; choose another path")));
    }
    Ok(path)
}

/// Checks that `name` is one plain file name; the error says why it is not.
pub(super) fn check_file_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is empty"),
        "." | ".." => Err("it means a directory"),
        _ if name.contains('/') => Err("it has a slash"),
        _ if name.contains(char::is_control) => Err("it has a control character"),
        _ if name.len() > NAME_MAX => Err("it is longer than 255 bytes"),
        // OCI image specification, layer.md, "Whiteouts".
        _ if name.starts_with(whiteout::PREFIX) => {
            Err("`.wh.` marks a deletion in container images")
        }
        _ => Ok(()),
    }
}
