//! `echo`, `printf`, `cat` and `tee` write to standard output.

use std::str::Chars;

use super::super::content::{Content, TEXT_MAX};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::frontend::dockerfile::tree::FollowLast;

const CAT_OPTIONS: &[KnownOption] = &[("u", "", OptionValue::Nothing)];
const TEE_OPTIONS: &[KnownOption] = &[("a", "append", OptionValue::Nothing)];

/// Writes its operands. What shells do not agree on is refused: backslashes and most options.
pub(super) fn echo(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let (words, end) = match words {
        [first, rest @ ..] if first == "-n" => (rest, ""),
        words => (words, "\n"),
    };
    let is_option = |word: &String| matches!(word.as_str(), "-e" | "-E" | "-ne" | "-en" | "-n");
    if words.first().is_some_and(is_option) {
        return Err(CommandRefusal::new(
            "shells do not agree on options of `echo`; write `printf`",
        ));
    }
    if words.iter().any(|word| word.contains('\\')) {
        let message = "shells do not agree on backslashes in `echo`; write `printf`";
        return Err(CommandRefusal::new(message));
    }
    process.print(Content::Text(format!("{}{end}", words.join(" ")).into_bytes()))?;
    Ok(CommandStatus::Success)
}

/// Writes a format with `%s`, `%d` and `%%`, as often as there are operands for it.
pub(super) fn printf(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let words = words.strip_prefix(&["--".to_owned()][..]).unwrap_or(words);
    let [format, operands @ ..] = words else {
        return Ok(CommandStatus::Failure("missing operand".into()));
    };
    if format.starts_with('-') {
        return Err(CommandRefusal::new("options of `printf` are not evaluated"));
    }
    let (mut text, mut left) = (Vec::new(), operands.iter());
    loop {
        let before = left.len();
        write_format(format, &mut left, &mut text)?;
        if text.len() > TEXT_MAX {
            return Err(CommandRefusal::new("`printf` is evaluated for short texts only"));
        }
        if left.len() == 0 || left.len() == before {
            break;
        }
    }
    process.print(Content::Text(text))?;
    Ok(CommandStatus::Success)
}

fn write_format(
    format: &str,
    operands: &mut std::slice::Iter<'_, String>,
    text: &mut Vec<u8>,
) -> Result<(), CommandRefusal> {
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => match letters.next() {
                Some('%') => text.push(b'%'),
                Some('s') => {
                    text.extend(operands.next().map_or("", String::as_str).as_bytes());
                }
                Some('d' | 'i') => text.extend(number(operands.next())?.to_string().as_bytes()),
                _ => {
                    let message = "`printf` is evaluated with %s, %d and %% only";
                    return Err(CommandRefusal::new(message));
                }
            },
            '\\' => match letters.next() {
                Some('n') => text.push(b'\n'),
                Some('t') => text.push(b'\t'),
                Some('r') => text.push(b'\r'),
                Some('"') => text.push(b'"'),
                Some('\\') => text.push(b'\\'),
                Some(digit @ '0'..='7') => text.push(octal_byte(digit, &mut letters)?),
                _ => {
                    let message = "this escape of `printf` is not evaluated";
                    return Err(CommandRefusal::new(message));
                }
            },
            letter => text.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(())
}

/// Returns an operand as a number; a missing one is 0.
fn number(operand: Option<&String>) -> Result<i64, CommandRefusal> {
    let Some(text) = operand else { return Ok(0) };
    let is_decimal = !text.trim_start_matches('-').starts_with('0') || text == "0";
    text.parse().ok().filter(|_| is_decimal).ok_or_else(|| {
        let message = format!("`{}` is no number for `printf`", text.escape_debug());
        CommandRefusal::new(message)
    })
}

/// Reads the further digits of a byte: up to three.
fn octal_byte(first: char, letters: &mut Chars<'_>) -> Result<u8, CommandRefusal> {
    let mut value = first.to_digit(8).unwrap_or_default();
    for _ in 0..2 {
        let Some(digit) = letters.clone().next().and_then(|next| next.to_digit(8)) else { break };
        letters.next();
        value = value * 8 + digit;
    }
    u8::try_from(value).map_err(|_| CommandRefusal::new("this escape of `printf` is no byte"))
}

/// Writes its input to files and to standard output.
pub(super) fn tee(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("tee", TEE_OPTIONS, words)?;
    let input = std::mem::take(&mut process.input);
    let mut status = CommandStatus::default();
    for path in arguments.operands.iter().filter(|path| *path != "/dev/null") {
        let before = process.open_for_output(path, arguments.has("append"));
        let Some(before) = status.record(before, || escaped(path))? else { continue };
        let content = before.joined(input.clone(), process.inputs)?;
        status.record(process.write(path, content), || escaped(path))?;
    }
    process.print(input)?;
    Ok(status)
}

pub(super) fn cat(
    process: &mut Process<'_>,
    words: &[String],
) -> Result<CommandStatus, CommandRefusal> {
    let arguments = CommandArguments::parse("cat", CAT_OPTIONS, words)?;
    let mut status = CommandStatus::default();
    let standard_input = ["-".to_owned()];
    let operands = match arguments.operands.as_slice() {
        [] => &standard_input[..],
        operands => operands,
    };
    for path in operands {
        if path == "-" {
            let input = std::mem::take(&mut process.input);
            process.print(input)?;
            continue;
        }
        let content = process.read(path);
        if let Some(content) = status.record(content, || escaped(path))? {
            let is_output = process.output_path.is_some()
                && process.output_path == process.stat(path, FollowLast::Yes).ok();
            if is_output && content != Content::default() {
                status.fail(format!("{}: input file is output file", escaped(path)));
                continue;
            }
            process.print(content)?;
        }
    }
    Ok(status)
}
