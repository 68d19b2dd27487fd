//! Compares *contents* byte by byte: files of tars, and layers that are no tars.

use std::io::{self, Read};
use std::ops::Range;

/// How much is compared at a time, in bytes.
pub(super) const STEP: usize = 128 * 1024;

/// The bytes of two contents that differ, as far as they were compared.
#[derive(Debug, Default)]
pub(super) struct DifferentBytes {
    /// From the first to after the last.
    range: Option<Range<u64>>,
    /// How many there are.
    count: u64,
}

impl DifferentBytes {
    /// Compares bytes at an offset; the two have the same length.
    pub(super) fn compare(&mut self, at: u64, a: &[u8], b: &[u8]) {
        if a == b {
            return;
        }
        for (at, _) in (at..).zip(a.iter().zip(b)).filter(|(_, (a, b))| a != b) {
            self.count += 1;
            let first = self.range.as_ref().map_or(at, |range| range.start);
            self.range = Some(first..at + 1);
        }
    }

    /// Returns what to say of two contents of these lengths; nothing if no byte that both have differs.
    pub(super) fn describe(&self, a_len: u64, b_len: u64) -> Option<[String; 2]> {
        let range = self.range.as_ref()?;
        let (first, last) = (range.start, range.end - 1);
        let range = format!("bytes {first} to {last} of {a_len}");
        Some([range, format!("{} of them are different, of {b_len}", self.count)])
    }
}

/// Why two streams cannot be compared: the number of the one that cannot be read, 0 or 1.
pub(super) type UnreadableStream = (usize, io::Error);

/// Compares two streams to their ends; returns what to say of them, or nothing if they are equal.
pub(super) fn compare_streams(
    a: &mut impl Read,
    b: &mut impl Read,
) -> Result<Option<[String; 2]>, UnreadableStream> {
    let mut different = DifferentBytes::default();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut lens = [0, 0];
    loop {
        ours.clear();
        theirs.clear();
        a.by_ref().take(STEP as u64).read_to_end(&mut ours).map_err(|error| (0, error))?;
        b.by_ref().take(STEP as u64).read_to_end(&mut theirs).map_err(|error| (1, error))?;
        let common = ours.len().min(theirs.len());
        different.compare(lens[0], &ours[..common], &theirs[..common]);
        lens[0] += ours.len() as u64;
        lens[1] += theirs.len() as u64;
        if common < STEP {
            break;
        }
    }
    lens[0] += io::copy(a, &mut io::sink()).map_err(|error| (0, error))?;
    lens[1] += io::copy(b, &mut io::sink()).map_err(|error| (1, error))?;
    let [a_len, b_len] = lens;
    let lengths = (a_len != b_len).then(|| lens.map(|len| format!("{len} bytes")));
    Ok(different.describe(a_len, b_len).or(lengths))
}
