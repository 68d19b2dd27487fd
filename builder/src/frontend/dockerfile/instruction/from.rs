//! Reading of FROM.

use super::FromInstruction;
use super::error::{InstructionError, error_at, require_words};
use super::flags::{FlagValue, InstructionFlags};
use crate::frontend::dockerfile::syntax::{DockerfileWord, WrittenInstruction};

pub(super) const FROM_FLAGS: &[(&str, FlagValue)] = &[("platform", FlagValue::Value)];

/// Reads a FROM.
pub(super) fn read_from(
    written: WrittenInstruction,
    mut flags: InstructionFlags,
) -> Result<FromInstruction, InstructionError> {
    let at = written.keyword;
    let words = require_words(&at, written.arguments).unwrap_or_default();
    let (base, as_word, name) = match <[DockerfileWord; 1]>::try_from(words) {
        Ok([base]) => (base, None, None),
        Err(words) => match <[DockerfileWord; 3]>::try_from(words) {
            Ok([base, as_word, name]) if as_word.text.eq_ignore_ascii_case("as") => {
                (base, Some(as_word), Some(check_stage_name(name)?))
            }
            _ => {
                let message = "FROM requires either one or three arguments";
                return Err(error_at(&at, message, "write `FROM IMAGE` or `FROM IMAGE AS NAME`"));
            }
        },
    };
    Ok(FromInstruction { base, platform: flags.take_value("platform"), as_word, name })
}

/// Returns the name in lower case; fails if it is not a valid name of a stage.
fn check_stage_name(mut name: DockerfileWord) -> Result<DockerfileWord, InstructionError> {
    name.text = name.text.to_ascii_lowercase();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if name.text.starts_with(|c: char| c.is_ascii_lowercase()) && name.text.chars().all(is_plain) {
        return Ok(name);
    }
    let message = format!("invalid name for build stage: `{}`", name.text);
    Err(error_at(
        &name,
        message,
        "a name begins with a letter; letters, digits, `-`, `_` and `.` follow",
    ))
}
