//! *Prompts* ask the user on a terminal.

use std::io::{self, BufRead, IsTerminal, Stdin, Write};

use diskette_builder::net::secret::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::error::{CommandError, cannot};

/// Asks for a line; nothing if standard input or standard error is no terminal.
pub(crate) fn ask_line(question: &str) -> Result<Option<String>, CommandError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let ask = || {
        print_question(question)?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    };
    let asked: io::Result<String> = ask();
    Ok(Some(asked.map_err(cannot("read", "standard input"))?))
}

/// Asks for a password, which is not shown; nothing if standard input is no terminal.
pub(crate) fn ask_password(question: &str) -> Result<Option<Secret>, CommandError> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(None);
    }
    let ask = || {
        print_question(question)?;
        let quiet = QuietTerminal::start(&stdin)?;
        let line = read_line(stdin.lock());
        drop(quiet);
        io::stderr().lock().write_all(b"\n")?;
        line
    };
    let asked: io::Result<Option<String>> = ask();
    match asked.map_err(cannot("read", "standard input"))? {
        Some(line) => Ok(Some(Secret::new(line))),
        None => Err(CommandError::Interrupted),
    }
}

fn print_question(question: &str) -> io::Result<()> {
    let mut output = io::stderr().lock();
    output.write_all(question.as_bytes())?;
    output.flush()
}

/// A terminal that does not show what is typed. Ctrl-C is read as a byte, so that the terminal is
/// always restored.
struct QuietTerminal<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl<'a> QuietTerminal<'a> {
    fn start(stdin: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(stdin)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(stdin, OptionalActions::Flush, &quiet)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for QuietTerminal<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _restored = tcsetattr(self.stdin, OptionalActions::Now, &self.before);
    }
}

/// Reads a line of bytes as they are typed; nothing after Ctrl-C.
fn read_line(input: impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    for byte in input.bytes() {
        match byte? {
            3 => return Ok(None),
            b'\n' | b'\r' | 4 => break,
            8 | 127 => drop_last_letter(&mut line),
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map(Some).map_err(io::Error::other)
}

/// Removes the last letter, of one or more bytes.
fn drop_last_letter(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_typed() {
        let check = |typed: &str, expected: Option<&str>| {
            let found = read_line(typed.as_bytes()).unwrap();
            assert_eq!(found.as_deref(), expected, "{typed:?}");
        };
        check("sesame\n", Some("sesame"));
        check("sesame\rmore", Some("sesame"));
        check("sesamé\u{7f}e\n", Some("sesame"));
        check("\u{8}a\n", Some("a"));
        check("half\u{4}", Some("half"));
        check("half\u{3}", None);
        check("", Some(""));
    }
}
