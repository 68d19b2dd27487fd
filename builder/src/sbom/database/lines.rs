//! The *lines* of a text in a guest. Text and lines have limits.

use std::io::{self, BufRead as _, BufReader, Read};

use crate::disk::ReadAt;
use crate::sbom::error::FileProblem;

/// Length in bytes of the longest text, and of the longest line.
const TEXT_MAX: u64 = 128 << 20;
const LINE_MAX: u64 = 1 << 20;

/// How much of a text is read at a time, in bytes.
const STEP: usize = 256 << 10;

/// Reads a file from front to back.
struct Stream<'f> {
    file: &'f dyn ReadAt,
    at: u64,
}

impl Read for Stream<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.len() - self.at).unwrap_or(usize::MAX);
        let count = left.min(space.len());
        self.file.read_exact_at(&mut space[..count], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Passes the lines of a text without their ends, and an empty one behind the last. What is not UTF-8 is
/// replaced.
pub(super) fn read_lines(
    file: &dyn ReadAt,
    each: &mut dyn FnMut(&str) -> Result<(), FileProblem>,
) -> Result<(), FileProblem> {
    if file.len() > TEXT_MAX {
        return Err(FileProblem::damaged(format!("it has {} bytes", file.len())));
    }
    let mut text = BufReader::with_capacity(STEP, Stream { file, at: 0 });
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = text.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        if count as u64 == LINE_MAX {
            return Err(FileProblem::damaged("it has a line that is too long"));
        }
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        each(&String::from_utf8_lossy(content))?;
        if count == 0 {
            return Ok(());
        }
    }
}
